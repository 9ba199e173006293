//! http of WASI 0.2: timeouts in nanoseconds, trailers once, `has`.

use crate::guest::say;
use crate::wasi::http::types::{Fields, FutureTrailers, RequestOptions};

pub fn has() {
    let fields = Fields::from_list(&[("a".to_owned(), b"1".to_vec())]).unwrap();
    say(format!("has {} {}", fields.has("a"), fields.has("b")));
}

/// Sets all and gives what they are then.
pub fn timeouts(options: &RequestOptions) -> String {
    let unset = options.connect_timeout();
    options.set_connect_timeout(Some(1_500_000_000)).unwrap();
    options.set_first_byte_timeout(Some(2_500_000_000)).unwrap();
    options.set_between_bytes_timeout(Some(3_500_000_000)).unwrap();
    let set = [options.connect_timeout(), options.first_byte_timeout(), options.between_bytes_timeout()];
    format!("{unset:?} {set:?}")
}

/// One call that is measured.
pub fn set_timeout(options: &RequestOptions) {
    options.set_connect_timeout(Some(1_500_000_000)).unwrap();
}

pub fn trailers(future: &FutureTrailers) -> String {
    let got = match future.get() {
        None => "not ready".to_owned(),
        Some(Ok(Ok(Some(fields)))) => format!("trailers {:?}", crate::guest::pairs(&fields)),
        Some(Ok(Ok(None))) => "no trailers".to_owned(),
        Some(Ok(Err(error))) => format!("trailers {error:?}"),
        Some(Err(())) => "taken".to_owned(),
    };
    assert!(matches!(future.get(), Some(Err(()))));
    got
}
