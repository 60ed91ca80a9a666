//! Names that are nearly the same.

/// Whether two names differ by one letter (another one, one more or less, two that are swapped), or by capitals alone.
pub(crate) fn differ_by_a_letter(one: &[u8], other: &[u8]) -> bool {
    if one == other {
        return false;
    }
    let same = one.iter().zip(other).take_while(|(one, other)| one == other).count();
    let (one_rest, other_rest) = (one.get(same..).unwrap_or_default(), other.get(same..).unwrap_or_default());
    match (one_rest, other_rest) {
        ([a, b, one @ ..], [c, d, other @ ..]) if a == d && b == c && one == other => true,
        ([_, one @ ..], [_, other @ ..]) if one == other => true,
        ([_, one @ ..], other) if one == other => true,
        (one, [_, other @ ..]) if one == other => true,
        _ => one.eq_ignore_ascii_case(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_letter_is_another_one_more_one_less_or_swapped() {
        for other in ["boards", "bord", "hoard", "baord", "Board", "BOARD"] {
            assert!(differ_by_a_letter(b"board", other.as_bytes()), "{other}");
        }
        for other in ["board", "bo", "bids", "boarder", ""] {
            assert!(!differ_by_a_letter(b"board", other.as_bytes()), "{other}");
        }
    }
}
