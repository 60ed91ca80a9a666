//! Times that have passed, in words.

use core::fmt;

/// Shows a time in the unit that a person would use.
pub(super) struct Span(pub(super) i64);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.max(0);
        let units = [(86400, "days"), (3600, "hours"), (60, "minutes")];
        match units.iter().find(|(length, _)| seconds >= 2_i64.wrapping_mul(*length)) {
            Some((length, unit)) => write!(f, "{} {unit}", seconds.checked_div(*length).unwrap_or(0)),
            None if seconds == 1 => f.write_str("1 second"),
            None => write!(f, "{seconds} seconds"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_shown_in_the_unit_that_a_person_would_use() {
        for (seconds, shown) in [
            (-1, "0 seconds"),
            (1, "1 second"),
            (119, "119 seconds"),
            (120, "2 minutes"),
            (7200, "2 hours"),
            (200_000, "2 days"),
        ] {
            assert_eq!(format!("{}", Span(seconds)), shown);
        }
    }
}
