//! The `Range` header (RFC 9110, section 14): one range of bytes.

/// What of a file is asked for.
#[derive(Debug, PartialEq)]
pub enum Range {
    /// All of it: no header, or one that may be ignored.
    Whole,
    /// From the first byte on, so many bytes.
    Part { start: u64, length: u64 },
    /// Nothing that the file has.
    Unsatisfiable,
}

/// Reads the header's value for a file of `size` bytes. Several ranges are answered with the whole file, as the
/// RFC allows.
pub fn parse(value: Option<&str>, size: u64) -> Range {
    let Some((first, last)) = value
        .and_then(|value| value.trim().strip_prefix("bytes="))
        .filter(|ranges| !ranges.contains(','))
        .and_then(|range| range.split_once('-'))
    else {
        return Range::Whole;
    };
    let (start, end) = match (first.parse::<u64>(), last.parse::<u64>()) {
        (Ok(first), Ok(last)) if first <= last => (first, last.saturating_add(1).min(size)),
        (Ok(first), Err(_)) if last.is_empty() => (first, size),
        (Err(_), Ok(suffix)) if first.is_empty() => (size.saturating_sub(suffix), size),
        _ => return Range::Whole,
    };
    if start >= end {
        return Range::Unsatisfiable;
    }
    Range::Part { start, length: end - start }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_range_is_a_part_and_the_rest_follows_the_rfc() {
        assert_eq!(parse(None, 10), Range::Whole);
        assert_eq!(parse(Some("bytes=2-4"), 10), Range::Part { start: 2, length: 3 });
        assert_eq!(parse(Some("bytes=8-99"), 10), Range::Part { start: 8, length: 2 });
        assert_eq!(parse(Some("bytes=7-"), 10), Range::Part { start: 7, length: 3 });
        assert_eq!(parse(Some("bytes=-3"), 10), Range::Part { start: 7, length: 3 });
        assert_eq!(parse(Some("bytes=10-"), 10), Range::Unsatisfiable);
        assert_eq!(parse(Some("bytes=1-2,4-5"), 10), Range::Whole);
        assert_eq!(parse(Some("bytes=4-2"), 10), Range::Whole);
    }
}
