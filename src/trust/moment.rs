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
}
