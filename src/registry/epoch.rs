//! When artifacts are said to be created.

use super::RegistryError;

/// The time that artifacts are said to be created at: `SOURCE_DATE_EPOCH` (given here as text) or 1970,
/// never now: the same bytes shall be the same package tomorrow.
///
/// # Errors
/// [`RegistryError::InvalidEpoch`].
pub fn creation_time(source_date_epoch: Option<&str>) -> Result<String, RegistryError> {
    let Some(text) = source_date_epoch.filter(|text| !text.is_empty()) else {
        return Ok("1970-01-01T00:00:00Z".to_owned());
    };
    // The last second of the year 9999, after which the format ends.
    let seconds: u64 = text
        .parse()
        .ok()
        .filter(|seconds| *seconds <= 253_402_300_799)
        .ok_or_else(|| RegistryError::InvalidEpoch(text.to_owned()))?;
    let (year, month, day) = civil(seconds / 86_400);
    let time = seconds % 86_400;
    let (hour, minute, second) = (time / 3600, time / 60 % 60, time % 60);
    Ok(format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"))
}

/// Year, month and day of a number of days since 1970.
fn civil(mut days: u64) -> (u64, u64, u64) {
    let leap = |year: u64| (year.is_multiple_of(4) && !year.is_multiple_of(100)) || year.is_multiple_of(400);
    let mut year = 1970;
    while days >= 365 + u64::from(leap(year)) {
        days -= 365 + u64::from(leap(year));
        year += 1;
    }
    let lengths = [31, 28 + u64::from(leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 1;
    for length in lengths {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    (year, month, days + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_epoch_becomes_a_date() {
        for (epoch, date) in [
            (None, "1970-01-01T00:00:00Z"),
            (Some(""), "1970-01-01T00:00:00Z"),
            (Some("951782399"), "2000-02-28T23:59:59Z"),
            (Some("951782400"), "2000-02-29T00:00:00Z"),
            (Some("1704067199"), "2023-12-31T23:59:59Z"),
            (Some("253402300799"), "9999-12-31T23:59:59Z"),
        ] {
            assert_eq!(creation_time(epoch).unwrap(), date);
        }
        assert!(creation_time(Some("yesterday")).is_err());
        assert!(creation_time(Some("253402300800")).is_err());
    }
}
