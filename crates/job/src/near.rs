//! "Did you mean": the nearest of the words that would have been right.

/// The candidate that `word` was probably meant to be.
///
/// One mistake (a wrong, missing, additional or swapped character) for every three characters is
/// taken for a slip; more is another word.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lowered = word.to_lowercase();
    candidates
        .into_iter()
        .map(|candidate| {
            (
                strsim::osa_distance(&lowered, &candidate.to_lowercase()),
                candidate,
            )
        })
        .filter(|(distance, candidate)| {
            let length = word.chars().count().max(candidate.chars().count());
            *distance <= (length / 3).max(1) && *distance < length
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_corrected_and_other_words_are_not() {
        let keys = ["module", "count", "mem"];
        assert_eq!(nearest("cuont", keys), Some("count"));
        assert_eq!(nearest("Count", keys), Some("count"));
        assert_eq!(nearest("modul", keys), Some("module"));
        assert_eq!(nearest("men", keys), Some("mem"));
        assert_eq!(nearest("replicas", keys), None);
        assert_eq!(nearest("x", ["y"]), None);
    }
}
