//! Instructions for io, clocks, files and sockets.

use wasm_encoder::{BlockType, Function, InstructionSink, MemArg, ValType};

use super::{ANSWER, Code, DATA, Ids, RESULT, Way};

/// A row's right-hand side.
pub(super) const fn code(code: &'static Code) -> Way {
    Way::Code(code)
}

/// `unsupported` in `wasi:filesystem/types.error-code`.
const UNSUPPORTED: i32 = 27;
/// `not-supported` in `wasi:sockets/network.error-code`.
const NOT_SUPPORTED: i32 = 2;
/// How much `forward` moves at once.
const CHUNK: i64 = 65536;

pub(super) fn at(offset: u64) -> MemArg {
    // An alignment of one byte is right everywhere; engines ignore the hint.
    MemArg { offset, align: 0, memory_index: 0 }
}

const fn plain(
    calls: &'static [(&'static str, &'static str)],
    drops: &'static [(&'static str, &'static str)],
    write: fn(&Ids) -> Function,
) -> Code {
    Code { calls, drops, data: None, write }
}

pub(super) static POLL_ONE: Code =
    plain(&[("io/poll", "[method]pollable.block")], &[("io/poll", "pollable")], |ids| {
        function([], |sink| {
            sink.local_get(0).call(ids.call(0)).local_get(0).call(ids.drop(0));
        })
    });

const STREAMS: &[(&str, &str)] = &[("io/streams", "output-stream"), ("io/streams", "input-stream")];

pub(super) static SPLICE: Code = plain(&[("io/streams", "[method]output-stream.splice")], STREAMS, splice);

pub(super) static BLOCKING_SPLICE: Code =
    plain(&[("io/streams", "[method]output-stream.blocking-splice")], STREAMS, splice);

/// The source was given away and is lent now, so it is dropped afterwards.
fn splice(ids: &Ids) -> Function {
    let (this, source, length) = (0, 1, 2);
    function([], |sink| {
        sink.local_get(this).local_get(source).local_get(length).i32_const(RESULT).call(ids.call(0));
        sink.local_get(source).call(ids.drop(1)).local_get(this).call(ids.drop(0));
        sink.i32_const(RESULT);
    })
}

pub(super) static FORWARD: Code = plain(
    &[
        ("io/streams", "[method]output-stream.blocking-splice"),
        ("io/streams", "[method]output-stream.blocking-flush"),
    ],
    STREAMS,
    forward,
);

/// Splices until an end, and flushes. The end of the source says `closed` like the end of the target does;
/// only the target cannot be flushed then. `result<u64, stream-error>`: the tag at 0, either payload at 8;
/// `result<_, stream-error>`: the tag at 0, the payload at 4.
fn forward(ids: &Ids) -> Function {
    let (this, source, total) = (0, 1, 2);
    const CLOSED: i32 = 1;
    function([(1, ValType::I64)], |sink| {
        sink.block(BlockType::Empty).loop_(BlockType::Empty);
        sink.local_get(this).local_get(source).i64_const(CHUNK).i32_const(RESULT).call(ids.call(0));
        sink.i32_const(RESULT).i32_load8_u(at(0)).br_if(1);
        sink.i32_const(RESULT).i64_load(at(8)).local_get(total).i64_add().local_set(total);
        sink.br(0).end().end();
        sink.i32_const(RESULT).i32_load8_u(at(8)).i32_const(CLOSED).i32_eq().if_(BlockType::Empty);
        sink.local_get(this).i32_const(ANSWER).call(ids.call(1));
        sink.i32_const(RESULT).i32_const(ANSWER).i32_load8_u(at(0)).i32_store8(at(0));
        sink.i32_const(ANSWER).i32_load8_u(at(0)).if_(BlockType::Empty);
        sink.i32_const(RESULT).i32_const(ANSWER).i64_load(at(4)).i64_store(at(8));
        sink.else_();
        sink.i32_const(RESULT).local_get(total).i64_store(at(8));
        sink.end().end();
        sink.local_get(source).call(ids.drop(1)).local_get(this).call(ids.drop(0));
        sink.i32_const(RESULT);
    })
}

pub(super) static EXIT_WITH_CODE: Code = plain(&[("cli/exit", "exit")], &[], |ids| {
    function([], |sink| {
        // `result`: 0 is ok, 1 is error.
        sink.local_get(0).i32_const(0).i32_ne().call(ids.call(0));
    })
});

pub(super) static SUBSCRIBE: Code = plain(
    &[("clocks/monotonic-clock", "subscribe-instant"), ("clocks/monotonic-clock", "subscribe-duration")],
    &[],
    |ids| {
        let (when, absolute) = (0, 1);
        function([], |sink| {
            sink.local_get(absolute).if_(BlockType::Result(ValType::I32));
            sink.local_get(when).call(ids.call(0)).else_();
            sink.local_get(when).call(ids.call(1)).end();
        })
    },
);

/// What the specification says where nothing is known of time zones: `UTC`, no offset.
/// `record { utc-offset: s32, name: string, in-daylight-saving-time: bool }`.
pub(super) static TIMEZONE_DISPLAY: Code = Code {
    calls: &[],
    drops: &[],
    data: Some(|| b"UTC".to_vec()),
    write: |_| {
        function([], |sink| {
            sink.i32_const(ANSWER).i32_const(0).i32_store(at(0));
            sink.i32_const(ANSWER).i32_const(DATA).i32_store(at(4));
            sink.i32_const(ANSWER).i32_const(3).i32_store(at(8));
            sink.i32_const(ANSWER).i32_const(0).i32_store8(at(12));
            sink.i32_const(ANSWER);
        })
    },
};

pub(super) static TIMEZONE_OFFSET: Code = plain(&[], &[], |_| {
    function([], |sink| {
        sink.i32_const(0);
    })
});

const DESCRIPTOR: &[(&str, &str)] = &[("filesystem/types", "descriptor")];

/// Hosts choose the permissions of new files now; the `modes` are left out.
pub(super) static OPEN_AT: Code =
    plain(&[("filesystem/types", "[method]descriptor.open-at")], DESCRIPTOR, |ids| {
        function([], |sink| {
            (0..6).for_each(|param| {
                sink.local_get(param);
            });
            sink.i32_const(RESULT).call(ids.call(0)).local_get(0).call(ids.drop(0)).i32_const(RESULT);
        })
    });

/// Whether something exists can be found out; what may be done with it cannot.
/// `result<descriptor-stat, error-code>`: the tag at 0, either payload at 8.
pub(super) static ACCESS_AT: Code =
    plain(&[("filesystem/types", "[method]descriptor.stat-at")], DESCRIPTOR, |ids| {
        let (this, exists) = (0, 4);
        function([], |sink| {
            sink.local_get(exists).if_(BlockType::Empty);
            (0..4).for_each(|param| {
                sink.local_get(param);
            });
            sink.i32_const(RESULT).call(ids.call(0));
            sink.i32_const(ANSWER).i32_const(RESULT).i32_load8_u(at(0)).i32_store8(at(0));
            sink.i32_const(ANSWER).i32_const(RESULT).i32_load8_u(at(8)).i32_store8(at(1));
            sink.else_();
            error(sink, UNSUPPORTED);
            sink.end().local_get(this).call(ids.drop(0)).i32_const(ANSWER);
        })
    });

pub(super) static FILE_UNSUPPORTED: Code = plain(&[], DESCRIPTOR, |ids| refuse(ids, UNSUPPORTED));

pub(super) static TCP_NOT_SUPPORTED: Code =
    plain(&[], &[("sockets/tcp", "tcp-socket")], |ids| refuse(ids, NOT_SUPPORTED));

/// `result<…, error-code>`: the tag at 0, the error at 1.
fn refuse(ids: &Ids, with: i32) -> Function {
    function([], |sink| {
        error(sink, with);
        sink.local_get(0).call(ids.drop(0)).i32_const(ANSWER);
    })
}

fn error(sink: &mut InstructionSink<'_>, with: i32) {
    sink.i32_const(ANSWER).i32_const(1).i32_store8(at(0));
    sink.i32_const(ANSWER).i32_const(with).i32_store8(at(1));
}

const TCP_FAMILY: &[(&str, &str)] = &[("sockets/tcp", "[method]tcp-socket.address-family")];
const UDP_FAMILY: &[(&str, &str)] = &[("sockets/udp", "[method]udp-socket.address-family")];
const TCP: &[(&str, &str)] = &[("sockets/tcp", "tcp-socket")];
const UDP: &[(&str, &str)] = &[("sockets/udp", "udp-socket")];

pub(super) static TCP_IPV6_ONLY: Code = plain(TCP_FAMILY, TCP, |ids| ipv6_only(ids, false));
pub(super) static TCP_SET_IPV6_ONLY: Code = plain(TCP_FAMILY, TCP, |ids| ipv6_only(ids, true));
pub(super) static UDP_IPV6_ONLY: Code = plain(UDP_FAMILY, UDP, |ids| ipv6_only(ids, false));
pub(super) static UDP_SET_IPV6_ONLY: Code = plain(UDP_FAMILY, UDP, |ids| ipv6_only(ids, true));

/// Sockets of 0.2 carry IPv6 alone: true, which can also be set. All else is `not-supported`.
/// `result<bool, error-code>` and `result<_, error-code>`: the tag at 0, either payload at 1. The family is 0
/// for IPv4 and 1 for IPv6.
fn ipv6_only(ids: &Ids, set: bool) -> Function {
    let (this, value) = (0, 1);
    let allowed = if set { 2 } else { 1 };
    function([(1, ValType::I32)], |sink| {
        sink.local_get(this).call(ids.call(0)).local_set(allowed).local_get(this).call(ids.drop(0));
        if set {
            sink.local_get(allowed).local_get(value).i32_and().local_set(allowed);
        }
        sink.i32_const(ANSWER).local_get(allowed).i32_eqz().i32_store8(at(0));
        sink.i32_const(ANSWER).i32_const(1).i32_const(NOT_SUPPORTED).local_get(allowed).select();
        sink.i32_store8(at(1)).i32_const(ANSWER);
    })
}

/// A function with these locals; its end is added.
pub(super) fn function<const N: usize>(
    locals: [(u32, ValType); N],
    body: impl FnOnce(&mut InstructionSink<'_>),
) -> Function {
    let mut function = Function::new(locals);
    let mut sink = function.instructions();
    body(&mut sink);
    sink.end();
    function
}

#[cfg(test)]
mod tests {
    use super::super::super::snapshot::Snapshot;
    use super::*;

    #[test]
    fn the_codes_of_errors_are_those_of_the_specification() {
        let target = Snapshot::load("0.2.0").unwrap();
        let case = |interface: &str, case: &str| {
            let cases = target.interfaces[interface].types["error-code"].clone();
            let cases = cases.trim_start_matches("enum { ").trim_end_matches(" }").to_owned();
            cases.split(", ").position(|found| found == case).unwrap() as i32
        };
        assert_eq!(case("filesystem/types", "unsupported"), UNSUPPORTED);
        assert_eq!(case("sockets/network", "not-supported"), NOT_SUPPORTED);
    }
}
