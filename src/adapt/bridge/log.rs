//! Instructions for `wasi:logging`, which 0.2 left out: messages go to standard error, a line each.

use wasm_encoder::{BlockType, InstructionSink, ValType};

use super::code::{at, function};
use super::{Code, DATA, RESULT};

/// Padded to [`WIDTH`], in the order of the levels; then what stands between the parts.
const WORDS: &[&str] =
    &["TRACE   ", "DEBUG   ", "INFO    ", "WARN    ", "ERROR   ", "CRITICAL", " ", ": ", "\n"];
const WIDTH: i32 = 8;
const BETWEEN: i32 = DATA + 6 * WIDTH;
/// The most that a stream takes at once.
const MOST: i32 = 4096;

/// `INFO     context: message`.
pub(super) static LOG: Code = Code {
    calls: &[("cli/stderr", "get-stderr"), ("io/streams", "[method]output-stream.blocking-write-and-flush")],
    drops: &[("io/streams", "output-stream"), ("io/error", "error")],
    data: Some(|| WORDS.concat().into_bytes()),
    write: |ids| {
        let (level, context, context_length, message, message_length) = (0, 1, 2, 3, 4);
        let (stderr, start, length) = (5, 6, 7);
        function([(3, ValType::I32)], |sink| {
            sink.call(ids.call(0)).local_set(stderr);
            let mut part = |write: &dyn Fn(&mut InstructionSink<'_>)| {
                write(sink);
                sink.local_set(length).local_set(start);
                sink.block(BlockType::Empty).loop_(BlockType::Empty);
                sink.local_get(length).i32_eqz().br_if(1);
                sink.local_get(stderr).local_get(start);
                at_most(sink, length);
                sink.i32_const(RESULT).call(ids.call(1));
                // `result<_, stream-error>`: what is wrong at 4, and if that is an error, its handle at 8. There is
                // nobody to tell.
                sink.i32_const(RESULT).i32_load8_u(at(0)).if_(BlockType::Empty);
                sink.i32_const(RESULT).i32_load8_u(at(4)).i32_eqz().if_(BlockType::Empty);
                sink.i32_const(RESULT).i32_load(at(8)).call(ids.drop(1)).end();
                sink.br(2).end();
                sink.local_get(start);
                at_most(sink, length);
                sink.i32_add().local_set(start).local_get(length);
                at_most(sink, length);
                sink.i32_sub().local_set(length).br(0).end().end();
            };
            part(&|sink| {
                sink.local_get(level).i32_const(WIDTH).i32_mul().i32_const(DATA).i32_add().i32_const(WIDTH);
            });
            part(&|sink| {
                sink.i32_const(BETWEEN).i32_const(1);
            });
            part(&|sink| {
                sink.local_get(context).local_get(context_length);
            });
            part(&|sink| {
                sink.i32_const(BETWEEN + 1).i32_const(2);
            });
            part(&|sink| {
                sink.local_get(message).local_get(message_length);
            });
            part(&|sink| {
                sink.i32_const(BETWEEN + 3).i32_const(1);
            });
            sink.local_get(stderr).call(ids.drop(0));
        })
    },
};

fn at_most(sink: &mut InstructionSink<'_>, length: u32) {
    sink.local_get(length).i32_const(MOST);
    sink.local_get(length).i32_const(MOST).i32_lt_u().select();
}
