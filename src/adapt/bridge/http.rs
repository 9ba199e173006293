//! Instructions for http.
//!
//! Where an old function could not fail and today's can, a failure traps: there is no other way to say it.

use wasm_encoder::{BlockType, Function, InstructionSink, ValType};

use super::code::{at, function};
use super::http_errors::{
    INTERNAL_ERROR, INVALID_URL, PROTOCOL, PROTOCOL_ERROR, RESPONSE_TIMEOUT, TIMEOUT, URI_INVALID, errors,
    old_error,
};
use super::{ANSWER, Code, Ids, RESULT};

const FIELDS: (&str, &str) = ("http/types", "fields");
const NANOS_PER_MILLI: i64 = 1_000_000;

/// Ends in a trap if there is anything but 0 on the stack.
fn must_be_ok(sink: &mut InstructionSink<'_>) {
    sink.if_(BlockType::Empty).unreachable().end();
}

fn params(sink: &mut InstructionSink<'_>, which: std::ops::Range<u32>) {
    which.for_each(|param| {
        sink.local_get(param);
    });
}

/// `result<fields, header-error>`: the tag at 0, the handle at 4.
pub(super) static NEW_FIELDS: Code = Code {
    calls: &[("http/types", "[static]fields.from-list")],
    drops: &[],
    data: None,
    write: |ids| {
        function([], |sink| {
            sink.local_get(0).local_get(1).i32_const(RESULT).call(ids.call(0));
            sink.i32_const(RESULT).i32_load8_u(at(0));
            must_be_ok(sink);
            sink.i32_const(RESULT).i32_load(at(4));
        })
    },
};

pub(super) static FIELDS_SET: Code = Code {
    calls: &[("http/types", "[method]fields.set")],
    drops: &[FIELDS],
    data: None,
    write: |ids| change_fields(ids, 5),
};

pub(super) static FIELDS_DELETE: Code = Code {
    calls: &[("http/types", "[method]fields.delete")],
    drops: &[FIELDS],
    data: None,
    write: |ids| change_fields(ids, 3),
};

pub(super) static FIELDS_APPEND: Code = Code {
    calls: &[("http/types", "[method]fields.append")],
    drops: &[FIELDS],
    data: None,
    write: |ids| change_fields(ids, 5),
};

fn change_fields(ids: &Ids, count: u32) -> Function {
    function([], |sink| {
        params(sink, 0..count);
        sink.i32_const(RESULT).call(ids.call(0)).local_get(0).call(ids.drop(0));
        sink.i32_const(RESULT).i32_load8_u(at(0));
        must_be_ok(sink);
    })
}

/// Method (3), path (3), scheme (4), authority (3) and headers, which were lent and are given away now.
pub(super) static NEW_REQUEST: Code = Code {
    calls: &[
        ("http/types", "[method]fields.clone"),
        ("http/types", "[constructor]outgoing-request"),
        ("http/types", "[method]outgoing-request.set-method"),
        ("http/types", "[method]outgoing-request.set-path-with-query"),
        ("http/types", "[method]outgoing-request.set-scheme"),
        ("http/types", "[method]outgoing-request.set-authority"),
    ],
    drops: &[FIELDS],
    data: None,
    write: |ids| {
        let (headers, request) = (13, 14);
        function([(1, ValType::I32)], |sink| {
            sink.local_get(headers).call(ids.call(0)).call(ids.call(1)).local_set(request);
            for (setter, of) in [(2, 0..3), (3, 3..6), (4, 6..10), (5, 10..13)] {
                sink.local_get(request);
                params(sink, of);
                sink.call(ids.call(setter));
                must_be_ok(sink);
            }
            sink.local_get(headers).call(ids.drop(0)).local_get(request);
        })
    },
};

pub(super) static NEW_RESPONSE: Code = Code {
    calls: &[
        ("http/types", "[method]fields.clone"),
        ("http/types", "[constructor]outgoing-response"),
        ("http/types", "[method]outgoing-response.set-status-code"),
    ],
    drops: &[FIELDS],
    data: None,
    write: |ids| {
        let (status, headers, response) = (0, 1, 2);
        function([(1, ValType::I32)], |sink| {
            sink.local_get(headers).call(ids.call(0)).call(ids.call(1)).local_tee(response);
            sink.local_get(status).call(ids.call(2));
            must_be_ok(sink);
            sink.local_get(headers).call(ids.drop(0)).local_get(response);
        })
    },
};

pub(super) static FINISH_BODY: Code = Code {
    calls: &[("http/types", "[static]outgoing-body.finish")],
    drops: &[],
    data: None,
    write: |ids| {
        function([], |sink| {
            params(sink, 0..3);
            sink.i32_const(RESULT).call(ids.call(0)).i32_const(RESULT).i32_load8_u(at(0));
            must_be_ok(sink);
        })
    },
};

/// Flat, `error-code` is its case and six values; of `internal-error`, the first three are its text.
pub(super) static SET_RESPONSE: Code = Code {
    calls: &[("http/types", "[static]response-outparam.set")],
    drops: &[],
    data: None,
    write: |ids| {
        let (out, tag, response_or_case, text, length) = (0, 1, 2, 3, 4);
        let case = |sink: &mut InstructionSink<'_>, old: u8| {
            sink.local_get(response_or_case).i32_const(i32::from(old)).i32_eq().select();
        };
        function([], |sink| {
            sink.local_get(tag).if_(BlockType::Empty);
            sink.i32_const(URI_INVALID).i32_const(RESPONSE_TIMEOUT);
            sink.i32_const(PROTOCOL_ERROR).i32_const(INTERNAL_ERROR);
            case(sink, PROTOCOL);
            case(sink, TIMEOUT);
            case(sink, INVALID_URL);
            sink.local_set(response_or_case).end();
            sink.local_get(out).local_get(tag).local_get(response_or_case);
            // The text is left out of the other cases by their having no room for it.
            sink.i32_const(1).local_get(text).i64_extend_i32_u().local_get(length);
            sink.i32_const(0).i32_const(0).i32_const(0).call(ids.call(0));
        })
    },
};

/// New: `option` at 0 of `result` at 8 of `result` at 16, payload at 24. Old: at 0, 4, 8 and 12.
pub(super) static GET_RESPONSE: Code = Code {
    calls: &[("http/types", "[method]future-incoming-response.get")],
    drops: &[("http/types", "future-incoming-response")],
    data: Some(errors),
    write: |ids| {
        let (this, code) = (0, 1);
        function([(1, ValType::I32)], |sink| {
            sink.local_get(this).i32_const(RESULT).call(ids.call(0)).local_get(this).call(ids.drop(0));
            for (new, old) in [(0, 0), (8, 4), (16, 8)] {
                sink.i32_const(ANSWER).i32_const(RESULT).i32_load8_u(at(new)).i32_store8(at(old));
            }
            sink.i32_const(ANSWER).i32_const(RESULT).i32_load(at(24)).i32_store(at(12));
            sink.i32_const(ANSWER).i32_load8_u(at(0));
            sink.i32_const(ANSWER).i32_load8_u(at(4)).i32_eqz().i32_and();
            sink.i32_const(ANSWER).i32_load8_u(at(8)).i32_and().if_(BlockType::Empty);
            old_error(sink, RESULT + 24, ANSWER + 12, code);
            sink.end().i32_const(ANSWER);
        })
    },
};

/// New: `option` at 0 of `result` at 8 of `result` at 16, payload at 24: an `option` there with its handle at
/// 28. Old: `option` at 0 of `result` at 4, payload at 8. No trailers are empty ones; taking them twice was
/// no error of its own, so it traps.
pub(super) static GET_TRAILERS: Code = Code {
    calls: &[("http/types", "[method]future-trailers.get"), ("http/types", "[constructor]fields")],
    drops: &[("http/types", "future-trailers")],
    data: Some(errors),
    write: |ids| {
        let (this, code) = (0, 1);
        function([(1, ValType::I32)], |sink| {
            sink.local_get(this).i32_const(RESULT).call(ids.call(0)).local_get(this).call(ids.drop(0));
            sink.i32_const(ANSWER).i32_const(RESULT).i32_load8_u(at(0)).i32_store8(at(0));
            sink.i32_const(ANSWER).i32_load8_u(at(0)).if_(BlockType::Empty);
            sink.i32_const(RESULT).i32_load8_u(at(8));
            must_be_ok(sink);
            sink.i32_const(ANSWER).i32_const(RESULT).i32_load8_u(at(16)).i32_store8(at(4));
            sink.i32_const(ANSWER).i32_load8_u(at(4)).if_(BlockType::Empty);
            old_error(sink, RESULT + 24, ANSWER + 8, code);
            sink.else_();
            sink.i32_const(ANSWER).i32_const(RESULT).i32_load8_u(at(24));
            sink.if_(BlockType::Result(ValType::I32)).i32_const(RESULT).i32_load(at(28));
            sink.else_().call(ids.call(1)).end().i32_store(at(8));
            sink.end().end().i32_const(ANSWER);
        })
    },
};

/// The options were a record of milliseconds, each `option<u32>`, and are a resource of nanoseconds now. What the
/// host will not set is left at its default, as hosts did. New: the tag at 0, the payload at 8; old: at 0 and 4.
pub(super) static HANDLE: Code = Code {
    calls: &[
        ("http/types", "[constructor]request-options"),
        ("http/types", "[method]request-options.set-connect-timeout"),
        ("http/types", "[method]request-options.set-first-byte-timeout"),
        ("http/types", "[method]request-options.set-between-bytes-timeout"),
        ("http/outgoing-handler", "handle"),
    ],
    drops: &[],
    data: Some(errors),
    write: |ids| {
        let (request, given, options, code) = (0, 1, 8, 8);
        function([(1, ValType::I32)], |sink| {
            sink.local_get(given).if_(BlockType::Empty).call(ids.call(0)).local_set(options);
            for (setter, tag) in [(1, 2), (2, 4), (3, 6)] {
                sink.local_get(tag).if_(BlockType::Empty);
                sink.local_get(options).i32_const(1).local_get(tag + 1).i64_extend_i32_u();
                sink.i64_const(NANOS_PER_MILLI).i64_mul().call(ids.call(setter)).drop().end();
            }
            sink.end();
            sink.local_get(request).local_get(given).local_get(options).i32_const(RESULT).call(ids.call(4));
            sink.i32_const(ANSWER).i32_const(RESULT).i32_load8_u(at(0)).i32_store8(at(0));
            sink.i32_const(ANSWER).i32_load8_u(at(0)).if_(BlockType::Empty);
            old_error(sink, RESULT + 8, ANSWER + 4, code);
            sink.else_().i32_const(ANSWER).i32_const(RESULT).i32_load(at(8)).i32_store(at(4));
            sink.end().i32_const(ANSWER);
        })
    },
};

/// New: `option` at 0 of `result` at 8 of `result` at 16, payload at 24. Old: `option` at 0 of `result` at 8,
/// payload at 16. So the middle tag, which must be ok, becomes the option's, and the result begins there.
pub(super) static GET_TRAILERS_ONCE: Code = Code {
    calls: &[("http/types", "[method]future-trailers.get")],
    drops: &[("http/types", "future-trailers")],
    data: None,
    write: |ids| {
        function([], |sink| {
            sink.local_get(0).i32_const(RESULT).call(ids.call(0)).local_get(0).call(ids.drop(0));
            sink.i32_const(RESULT).i32_load8_u(at(0)).i32_eqz().if_(BlockType::Empty);
            sink.i32_const(RESULT).return_().end();
            sink.i32_const(RESULT).i32_load8_u(at(8));
            must_be_ok(sink);
            sink.i32_const(RESULT).i32_const(1).i32_store8(at(8)).i32_const(RESULT + 8);
        })
    },
};

const OPTIONS: &[(&str, &str)] = &[("http/types", "request-options")];

const fn millis(calls: &'static [(&'static str, &'static str)], write: fn(&Ids) -> Function) -> Code {
    Code { calls, drops: OPTIONS, data: None, write }
}

pub(super) static CONNECT_MILLIS: Code =
    millis(&[("http/types", "[method]request-options.connect-timeout")], get_millis);
pub(super) static FIRST_BYTE_MILLIS: Code =
    millis(&[("http/types", "[method]request-options.first-byte-timeout")], get_millis);
pub(super) static BETWEEN_BYTES_MILLIS: Code =
    millis(&[("http/types", "[method]request-options.between-bytes-timeout")], get_millis);
pub(super) static SET_CONNECT_MILLIS: Code =
    millis(&[("http/types", "[method]request-options.set-connect-timeout")], set_millis);
pub(super) static SET_FIRST_BYTE_MILLIS: Code =
    millis(&[("http/types", "[method]request-options.set-first-byte-timeout")], set_millis);
pub(super) static SET_BETWEEN_BYTES_MILLIS: Code =
    millis(&[("http/types", "[method]request-options.set-between-bytes-timeout")], set_millis);

/// Nanoseconds of the host as milliseconds. `option<u64>`: the tag at 0, the number at 8.
fn get_millis(ids: &Ids) -> Function {
    function([], |sink| {
        sink.local_get(0).i32_const(RESULT).call(ids.call(0)).local_get(0).call(ids.drop(0));
        sink.i32_const(RESULT).i32_const(RESULT).i64_load(at(8));
        sink.i64_const(NANOS_PER_MILLI).i64_div_u().i64_store(at(8)).i32_const(RESULT);
    })
}

/// Milliseconds as nanoseconds for the host. Those beyond what nanoseconds can hold become the longest time
/// there is.
fn set_millis(ids: &Ids) -> Function {
    let (this, tag, millis) = (0, 1, 2);
    let most = (u64::MAX / NANOS_PER_MILLI as u64) as i64;
    function([], |sink| {
        sink.local_get(this).local_get(tag);
        sink.local_get(millis).i64_const(NANOS_PER_MILLI).i64_mul().i64_const(-1);
        sink.local_get(millis).i64_const(most).i64_le_u().select();
        sink.call(ids.call(0)).local_get(this).call(ids.drop(0));
    })
}
