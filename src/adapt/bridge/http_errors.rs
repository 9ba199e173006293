//! The errors of http: four until 2023-11, thirty-nine since.

use wasm_encoder::{BlockType, InstructionSink};

use super::DATA;
use super::code::at;

/// Today's errors in their order, and which of the four old ones each becomes.
const ERRORS: [(&str, u8); 39] = [
    ("DNS-timeout", TIMEOUT),
    ("DNS-error", UNEXPECTED),
    ("destination-not-found", UNEXPECTED),
    ("destination-unavailable", UNEXPECTED),
    ("destination-IP-prohibited", UNEXPECTED),
    ("destination-IP-unroutable", UNEXPECTED),
    ("connection-refused", UNEXPECTED),
    ("connection-terminated", UNEXPECTED),
    ("connection-timeout", TIMEOUT),
    ("connection-read-timeout", TIMEOUT),
    ("connection-write-timeout", TIMEOUT),
    ("connection-limit-reached", UNEXPECTED),
    ("TLS-protocol-error", PROTOCOL),
    ("TLS-certificate-error", PROTOCOL),
    ("TLS-alert-received", PROTOCOL),
    ("HTTP-request-denied", UNEXPECTED),
    ("HTTP-request-length-required", PROTOCOL),
    ("HTTP-request-body-size", PROTOCOL),
    ("HTTP-request-method-invalid", PROTOCOL),
    ("HTTP-request-URI-invalid", INVALID_URL),
    ("HTTP-request-URI-too-long", INVALID_URL),
    ("HTTP-request-header-section-size", PROTOCOL),
    ("HTTP-request-header-size", PROTOCOL),
    ("HTTP-request-trailer-section-size", PROTOCOL),
    ("HTTP-request-trailer-size", PROTOCOL),
    ("HTTP-response-incomplete", PROTOCOL),
    ("HTTP-response-header-section-size", PROTOCOL),
    ("HTTP-response-header-size", PROTOCOL),
    ("HTTP-response-body-size", PROTOCOL),
    ("HTTP-response-trailer-section-size", PROTOCOL),
    ("HTTP-response-trailer-size", PROTOCOL),
    ("HTTP-response-transfer-coding", PROTOCOL),
    ("HTTP-response-content-coding", PROTOCOL),
    ("HTTP-response-timeout", TIMEOUT),
    ("HTTP-upgrade-failed", PROTOCOL),
    ("HTTP-protocol-error", PROTOCOL),
    ("loop-detected", UNEXPECTED),
    ("configuration-error", UNEXPECTED),
    ("internal-error", UNEXPECTED),
];
pub(super) const INVALID_URL: u8 = 0;
pub(super) const TIMEOUT: u8 = 1;
pub(super) const PROTOCOL: u8 = 2;
const UNEXPECTED: u8 = 3;
/// What the first three old errors become; the last is `internal-error` with its text.
pub(super) const URI_INVALID: i32 = 19;
pub(super) const RESPONSE_TIMEOUT: i32 = 33;
pub(super) const PROTOCOL_ERROR: i32 = 35;
pub(super) const INTERNAL_ERROR: i32 = 38;

/// Four bytes for each error: the old error, the length of the name, and where it begins; then the names.
pub(super) fn errors() -> Vec<u8> {
    let (mut table, mut names) = (Vec::new(), Vec::new());
    for (name, old) in ERRORS {
        let start = DATA as usize + 4 * ERRORS.len() + names.len();
        table.extend([old, name.len() as u8, start as u8, (start >> 8) as u8]);
        names.extend(name.bytes());
    }
    table.extend(names);
    table
}

/// Writes the old `error` for today's `error-code`, which lies at `from`: a tag, and at 8 the payload,
/// which for `internal-error` is `option<string>`. The old one has a tag, and a string at 4. Its text is that
/// of an internal error, else the name of the error.
pub(super) fn old_error(sink: &mut InstructionSink<'_>, from: i32, to: i32, code: u32) {
    sink.i32_const(from).i32_load8_u(at(0)).local_tee(code);
    sink.i32_const(INTERNAL_ERROR).i32_eq().i32_const(from).i32_load8_u(at(8)).i32_and();
    sink.if_(BlockType::Empty);
    sink.i32_const(to).i32_const(i32::from(UNEXPECTED)).i32_store8(at(0));
    sink.i32_const(to).i32_const(from).i64_load(at(12)).i64_store(at(4));
    sink.else_();
    sink.local_get(code).i32_const(2).i32_shl().local_set(code);
    let entry = DATA as u64;
    sink.i32_const(to).local_get(code).i32_load8_u(at(entry)).i32_store8(at(0));
    sink.i32_const(to).local_get(code).i32_load16_u(at(entry + 2)).i32_store(at(4));
    sink.i32_const(to).local_get(code).i32_load8_u(at(entry + 1)).i32_store(at(8));
    sink.end();
}

#[cfg(test)]
mod tests {
    use super::super::super::snapshot::Snapshot;
    use super::*;

    #[test]
    fn the_errors_are_those_of_every_final_in_their_order() {
        for to in super::super::super::snapshot::finals() {
            let target = Snapshot::load(&to.to_string()).unwrap();
            let http = &target.resolve.interfaces[target.interfaces["http/types"].id];
            let wit_parser::TypeDefKind::Variant(codes) =
                &target.resolve.types[http.types["error-code"]].kind
            else {
                panic!("{to}")
            };
            let names: Vec<&str> = codes.cases.iter().map(|case| case.name.as_str()).collect();
            assert_eq!(names, ERRORS.map(|(name, _)| name), "{to}");
        }
        let index = |name: &str| ERRORS.iter().position(|(error, _)| *error == name).unwrap() as i32;
        assert_eq!(index("HTTP-request-URI-invalid"), URI_INVALID);
        assert_eq!(index("HTTP-response-timeout"), RESPONSE_TIMEOUT);
        assert_eq!(index("HTTP-protocol-error"), PROTOCOL_ERROR);
        assert_eq!(index("internal-error"), INTERNAL_ERROR);
        assert!(errors().len() < (super::super::HEAP - DATA) as usize);
    }
}
