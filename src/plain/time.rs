//! A time as people and records write it.

use core::fmt;

/// RFC 3339, UTC, microseconds.
pub(crate) struct Time(pub(crate) libc::timespec);

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.tv_sec;
        let (year, month, day) = civil(seconds.div_euclid(86_400));
        let in_day = seconds.rem_euclid(86_400);
        let (hour, minute, second) =
            (in_day.wrapping_div(3600), in_day.wrapping_div(60).wrapping_rem(60), in_day.wrapping_rem(60));
        let micros = self.0.tv_nsec.wrapping_div(1000);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z")
    }
}

/// The Gregorian date of a day counted from 1970-01-01.
///
/// Counts in years that start in March, so that the leap day is a year's last, and in eras of 400 years (146,097 days).
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days.wrapping_add(719_468); // from 0000-03-01
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let leaps =
        of_era.wrapping_div(1460).wrapping_sub(of_era.wrapping_div(36_524)).wrapping_add(of_era.wrapping_div(146_096));
    let year = of_era.wrapping_sub(leaps).wrapping_div(365);
    let before = year.wrapping_mul(365).wrapping_add(year.wrapping_div(4)).wrapping_sub(year.wrapping_div(100));
    let of_year = of_era.wrapping_sub(before);
    let shifted = of_year.wrapping_mul(5).wrapping_add(2).wrapping_div(153);
    let day = of_year.wrapping_sub(shifted.wrapping_mul(153).wrapping_add(2).wrapping_div(5)).wrapping_add(1);
    let month = if shifted < 10 { shifted.wrapping_add(3) } else { shifted.wrapping_sub(9) };
    let year = era.wrapping_mul(400).wrapping_add(year).wrapping_add(i64::from(month <= 2));
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        let shown = |tv_sec, tv_nsec| format!("{}", Time(libc::timespec { tv_sec, tv_nsec }));
        assert_eq!(shown(0, 0), "1970-01-01T00:00:00.000000Z");
        assert_eq!(shown(951_782_399, 999_999_999), "2000-02-28T23:59:59.999999Z");
        assert_eq!(shown(951_782_400, 1000), "2000-02-29T00:00:00.000001Z");
        assert_eq!(shown(4_107_542_399, 0), "2100-02-28T23:59:59.000000Z");
        assert_eq!(shown(4_107_542_400, 0), "2100-03-01T00:00:00.000000Z");
    }
}
