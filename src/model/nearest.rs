//! What a misspelt name was probably meant to be.

/// The known name nearest to a misspelt one, if it is near enough to be meant.
pub(crate) fn nearest<'a>(typed: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let plain = |text: &str| text.to_ascii_lowercase().replace(['-', '_'], "");
    let typed = plain(typed);
    // Two letters that changed places are one step.
    let steps = |name: &&str| strsim::osa_distance(&typed, &plain(name));
    let name = known.min_by_key(steps)?;
    (steps(&name) <= 1 + typed.len() / 5).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_nearest() {
        let known = || ["batch-interval", "source-host", "quota"].into_iter();
        assert_eq!(nearest("batch_intervall", known()), Some("batch-interval"));
        assert_eq!(nearest("sourceHst", known()), Some("source-host"));
        assert_eq!(nearest("something_else", known()), None);
        assert_eq!(nearest("hots", ["os", "host"].into_iter()), Some("host"));
    }
}
