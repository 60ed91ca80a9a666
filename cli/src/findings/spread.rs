//! In which ranks of a parallel job a finding was made.

use std::collections::BTreeSet;

/// In which ranks a finding was made, and of how many something is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Spread {
    pub(super) ranks: BTreeSet<u32>,
    pub(super) told: usize,
}

impl Spread {
    /// The ranks in words: `in 2 of 3 ranks (0 and 2)`.
    pub(crate) fn words(&self) -> String {
        let all = if self.told == 1 { "rank" } else { "ranks" };
        format!("in {} of {} {all} ({})", self.ranks.len(), self.told, listed(&self.ranks))
    }
}

/// Numbers, those that follow one another as a range.
fn listed(numbers: &BTreeSet<u32>) -> String {
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for number in numbers {
        match ranges.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(*number) => *last = *number,
            _ => ranges.push((*number, *number)),
        }
    }
    let word = |(first, last): &(u32, u32)| match last - first {
        0 => first.to_string(),
        1 => format!("{first} and {last}"),
        _ => format!("{first} to {last}"),
    };
    match ranges.as_slice() {
        [one, other] if one.0 == one.1 && other.0 == other.1 => format!("{} and {}", one.0, other.0),
        ranges => ranges.iter().map(word).collect::<Vec<_>>().join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_in_words() {
        let words = |ranks: &[u32], told| Spread { ranks: ranks.iter().copied().collect(), told }.words();
        assert_eq!(words(&[1], 3), "in 1 of 3 ranks (1)");
        assert_eq!(words(&[2, 0], 3), "in 2 of 3 ranks (0 and 2)");
        assert_eq!(words(&[0, 1], 2), "in 2 of 2 ranks (0 and 1)");
        assert_eq!(words(&[0, 1, 2, 5, 7, 8], 9), "in 6 of 9 ranks (0 to 2, 5, 7 and 8)");
        assert_eq!(words(&[0], 1), "in 1 of 1 rank (0)");
    }
}
