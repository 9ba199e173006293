//! Moments in time, as `trust.toml` writes them.

use toml::value::{Datetime, Offset};

/// Seconds since 1970, and how it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moment {
    /// Seconds since 1970.
    pub seconds: i64,
    /// As written.
    pub text: String,
}

/// The moment that a date means. A day alone means its begin, or with `last` its last second (UTC); a time
/// without an offset means nothing.
pub(super) fn of(date: &Datetime, last: bool) -> Option<Moment> {
    let day = date.date?;
    let days = days(i64::from(day.year), i64::from(day.month), i64::from(day.day));
    let seconds = match (date.time, date.offset) {
        (None, None) => i64::from(last) * 86_399,
        (Some(time), Some(offset)) => {
            let east = match offset {
                Offset::Z => 0,
                Offset::Custom { minutes } => i64::from(minutes) * 60,
            };
            i64::from(time.hour) * 3600 + i64::from(time.minute) * 60 + i64::from(time.second) - east
        }
        _ => return None,
    };
    Some(Moment { seconds: days * 86_400 + seconds, text: date.to_string() })
}

/// The number of days from 1970 to a day: years begin in March here, so that a leap day is the last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + of_year - 719_468
}

/// A moment as people and policies write it.
pub(super) fn text(seconds: i64) -> String {
    let (days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // Years of 400 years, and years that begin in March, as above.
    let shifted = days + 719_468;
    let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = (from_march + 2) % 12 + 1;
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", rest / 3600, rest / 60 % 60, rest % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_become_seconds() {
        for (text, begin, last) in [
            ("1970-01-01", Some(0), Some(86_399)),
            ("2000-02-29", Some(951_782_400), Some(951_868_799)),
            ("2000-02-29T00:00:01Z", Some(951_782_401), Some(951_782_401)),
            ("2000-02-29T02:00:01+02:00", Some(951_782_401), Some(951_782_401)),
            ("1969-12-31", Some(-86_400), Some(-1)),
            ("2100-03-01", Some(4_107_542_400), Some(4_107_628_799)),
            ("2000-02-29T00:00:01", None, None),
            ("00:00:01", None, None),
        ] {
            let date: Datetime = text.parse().unwrap();
            assert_eq!(of(&date, false).map(|moment| moment.seconds), begin, "{text}");
            assert_eq!(of(&date, true).map(|moment| moment.seconds), last, "{text}");
        }
    }

    #[test]
    fn seconds_become_dates_that_mean_them() {
        for seconds in [0, -1, 951_782_401, 951_868_799, 4_107_542_399, 4_107_542_400, 1_780_272_000] {
            let date: Datetime = text(seconds).parse().unwrap();
            assert_eq!(of(&date, false).map(|moment| moment.seconds), Some(seconds), "{date}");
        }
    }
}
