//! What was probably meant by a word that is none of those known.

/// The known words that are most like one, as the end of a sentence; empty if none is.
pub(crate) fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> String {
    let score = |known: &str| if known.starts_with(word) { 1.0 } else { strsim::jaro_winkler(word, known) };
    let mut scored: Vec<(f64, &str)> = known.map(|known| (score(known), known)).collect();
    scored.sort_by(|one, other| other.0.total_cmp(&one.0).then(one.1.cmp(other.1)));
    scored.dedup_by_key(|(_, word)| *word);
    let near: Vec<String> =
        scored.iter().take(3).filter(|(score, _)| *score > 0.8).map(|(_, word)| format!("'{word}'")).collect();
    if near.is_empty() || word.is_empty() { String::new() } else { format!(" (did you mean {}?)", near.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_meant_is_near() {
        let known = ["mmap-bad-fd", "munmap-double", "leak-mapping"];
        let near = |word| nearest(word, known.into_iter());
        assert_eq!(near("mmap-bad-df"), " (did you mean 'mmap-bad-fd'?)");
        assert_eq!(near("leak"), " (did you mean 'leak-mapping'?)");
        assert_eq!((near("xyz"), near("")), (String::new(), String::new()));
    }
}
