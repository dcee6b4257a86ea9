//! A scenario file with every default written out.

use crate::scenario::{Analysis, file};

/// Returns the file with the defaults that depend on other keys written out, and the numbers of other
/// files in place of their names.
pub(super) fn with_defaults(
    file: &file::ScenarioFile,
    analysed: u32,
    prior: Option<file::WrittenPrior>,
    analyses: &[Analysis],
) -> file::ScenarioFile {
    let mut file = file::ScenarioFile { prior, ..file.clone() };
    // A scenario that is read again must not depend on how a share was rounded.
    file.sample_size.analysed = Some(analysed);
    let names: Vec<String> = file.factors.iter().map(|factor| factor.name.clone()).collect();
    for factor in &mut file.factors {
        factor.log_odds.get_or_insert_with(|| vec![0.0; factor.levels.len()]);
    }
    match &mut file.randomisation {
        file::Randomisation::Minimisation { factors, weights, .. } => {
            let used = factors.get_or_insert(names).len();
            weights.get_or_insert_with(|| vec![1.0; used]);
        }
        file::Randomisation::MinimalSufficientBalance { factors, .. } => {
            factors.get_or_insert(names);
        }
        file::Randomisation::Complete {}
        | file::Randomisation::PermutedBlocks { .. }
        | file::Randomisation::Efron { .. }
        | file::Randomisation::BigStick { .. }
        | file::Randomisation::BlockUrn { .. } => {}
    }
    for (position, analysis) in analyses.iter().enumerate() {
        let place = file.place_of_analysis(position);
        let written = &mut file.analyses[place];
        written.method = written.method.with_statistic(analysis.hypothesis.has_margin());
        // Left out if no hypothesis is stated, so that a key that changes nothing does not change the
        // digest either.
        if file.hypothesis.is_some() || written.hypothesis.is_some() {
            written.hypothesis = Some(analysis.hypothesis.written());
        }
        written.name.get_or_insert_with(|| analysis.name.clone());
    }
    file
}
