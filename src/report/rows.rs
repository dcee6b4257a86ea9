//! The fields of `trials.csv` and `trials.parquet`, which have a row per replicate, truth and analysis.

use std::io::{self, Write};

use super::csv::{CsvWriter, flag, float};
use crate::analysis::FitStatus;
use crate::design::enrichment::LevelSet;
use crate::scenario::Scenario;
use crate::trial::{ChangedSize, Conclusion, TrialResult};

/// The names of the analyses and truths and the number of looks, which rows need in addition to the trials.
#[derive(Debug, Clone)]
pub struct RowContext {
    pub(super) analyses: Vec<String>,
    pub(super) truths: Vec<String>,
    pub(super) looks: usize,
    /// Whether trials re-estimate their number of patients.
    pub(super) has_size: bool,
    /// Names of the levels of the factor by which the population may be restricted; empty without one.
    pub(super) population_levels: Vec<String>,
}

impl RowContext {
    /// Takes the context of a scenario's rows.
    pub fn new(scenario: &Scenario) -> Self {
        Self {
            analyses: scenario.analyses.iter().map(|analysis| analysis.name.clone()).collect(),
            truths: scenario
                .truths()
                .iter()
                .map(|&truth| scenario.truth_name(truth).to_owned())
                .collect(),
            looks: scenario.design.looks().len(),
            has_size: scenario.adaptation.size.is_some(),
            population_levels: scenario
                .adapted_factor()
                .map_or_else(Vec::new, |factor| factor.levels.clone()),
        }
    }

    /// Names the levels of a set, with a comma and a space between them; empty for none.
    pub(super) fn levels(&self, levels: LevelSet) -> String {
        let names: Vec<&str> =
            levels.iter().map(|level| self.population_levels[level].as_str()).collect();
        names.join(", ")
    }
}

pub(super) fn conclusion_name(conclusion: Conclusion) -> &'static str {
    match conclusion {
        Conclusion::Efficacy => "efficacy",
        Conclusion::Futility => "futility",
        Conclusion::Harm => "harm",
        Conclusion::Safety => "safety",
        Conclusion::NotSignificant => "not_significant",
    }
}

pub(super) fn status_name(status: FitStatus) -> &'static str {
    match status {
        FitStatus::Converged => "converged",
        FitStatus::NoInformation => "no_information",
        FitStatus::Separated => "separated",
        FitStatus::NotConverged => "not_converged",
    }
}

/// Names of the columns, in order; `z_1`, `z_2` … follow, then [`SIZE_COLUMNS`] of trials that re-estimate
/// their number of patients and [`POPULATION_COLUMNS`] of those that may restrict their population. `log_odds_ratio` is the effect drawn from
/// the prior; it does not exist under the other truths.
pub(super) const COLUMNS: [&str; 22] = [
    "replicate",
    "truth",
    "log_odds_ratio",
    "analysis",
    "look",
    "conclusion",
    "n_randomised",
    "n_analysed",
    "overrun",
    "duration_months",
    "reversed",
    "z",
    "p_one_sided",
    "estimate",
    "standard_error",
    "interval_low",
    "interval_high",
    "median_unbiased",
    "stagewise_low",
    "stagewise_high",
    "fit_status",
    "failed_looks",
];

/// Names of the columns on the re-estimation of the number of patients: the number decided, the zone and what
/// the rule observed at its look, and Z of a changed final look by either statistic.
pub(super) const SIZE_COLUMNS: [&str; 5] =
    ["size_decided", "size_zone", "size_observed", "size_z_weighted", "size_z_conventional"];

/// Returns the final look of a trial whose number of patients was changed.
pub(super) fn changed(trial: &TrialResult) -> Option<ChangedSize> {
    trial.size?.changed
}

/// Formats the fields of [`SIZE_COLUMNS`].
fn size_fields(trial: &TrialResult) -> [String; 5] {
    let (size, changed) = (trial.size, changed(trial));
    let decided = size.and_then(|size| size.decided);
    let zone = size.and_then(|size| size.zone);
    [
        decided.map_or(String::new(), |decided| decided.to_string()),
        zone.map_or(String::new(), |zone| zone.name().to_owned()),
        float(size.map_or(f64::NAN, |size| size.observed)),
        float(changed.map_or(f64::NAN, |changed| changed.weighted)),
        float(changed.map_or(f64::NAN, |changed| changed.conventional)),
    ]
}

/// Names of the columns on the population of trials that may be restricted to levels of a factor: those left,
/// those in which an effect was shown, the look that first restricted it, the patients of other levels who were
/// randomised, and the people who had arrived by the decision.
pub(super) const POPULATION_COLUMNS: [&str; 5] = [
    "population_left",
    "population_shown",
    "population_restricted_at",
    "population_excluded",
    "population_screened",
];

/// Formats the fields of [`POPULATION_COLUMNS`].
fn population_fields(trial: &TrialResult, context: &RowContext) -> [String; 5] {
    let Some(of) = trial.population else { return Default::default() };
    [
        context.levels(of.levels),
        context.levels(of.rejected),
        of.restricted_at.map_or(String::new(), |look| look.to_string()),
        of.excluded.to_string(),
        of.screened.to_string(),
    ]
}

/// Writes rows as CSV. Numbers that do not exist are empty.
#[derive(Debug)]
pub struct CsvRows<W: Write> {
    writer: CsvWriter<W>,
    context: RowContext,
}

impl<W: Write> CsvRows<W> {
    /// Writes the header.
    ///
    /// # Errors
    /// An error of `writer`.
    pub fn new(writer: W, context: RowContext) -> io::Result<Self> {
        let mut writer = CsvWriter::new(writer);
        // Every row has a column per planned look, also if the trial stopped before.
        let z = (1..=context.looks).map(|look| format!("z_{look}"));
        // Only of a scenario with a re-estimation, as they would otherwise be empty in every row.
        let size = context.has_size.then_some(SIZE_COLUMNS.map(str::to_owned));
        let has_levels = !context.population_levels.is_empty();
        let population = has_levels.then_some(POPULATION_COLUMNS.map(str::to_owned));
        let header = COLUMNS.map(str::to_owned).into_iter().chain(z);
        let header = header.chain(size.into_iter().flatten());
        writer.row(header.chain(population.into_iter().flatten()))?;
        Ok(Self { writer, context })
    }

    /// Writes the rows of some trials.
    ///
    /// # Errors
    /// An error of the writer.
    pub fn write(&mut self, trials: &[TrialResult]) -> io::Result<()> {
        for trial in trials {
            let fields = [
                trial.replicate.to_string(),
                self.context.truths[trial.truth.index()].clone(),
                float(trial.drawn.map_or(f64::NAN, |drawn| drawn.log_odds_ratio)),
                self.context.analyses[trial.analysis].clone(),
                trial.look.to_string(),
                conclusion_name(trial.conclusion).to_owned(),
                trial.n_randomised.to_string(),
                trial.n_analysed.to_string(),
                trial.overrun.to_string(),
                float(trial.duration_months),
                flag(trial.reversed),
                float(trial.test.z),
                float(trial.test.p_one_sided()),
                float(trial.test.estimate),
                float(trial.test.standard_error),
                float(trial.test.interval.0),
                float(trial.test.interval.1),
                float(trial.median_unbiased),
                float(trial.stagewise_interval.0),
                float(trial.stagewise_interval.1),
                status_name(trial.test.status).to_owned(),
                trial.failed_looks.to_string(),
            ];
            // The buffer of a trial has room for the most looks of any design.
            let z = trial.z[..self.context.looks].iter().map(|&z| float(z));
            let size = self.context.has_size.then(|| size_fields(trial));
            let has_levels = !self.context.population_levels.is_empty();
            let population = has_levels.then(|| population_fields(trial, &self.context));
            let fields = fields.into_iter().chain(z).chain(size.into_iter().flatten());
            self.writer.row(fields.chain(population.into_iter().flatten()))?;
        }
        Ok(())
    }

    /// Flushes and returns the writer.
    ///
    /// # Errors
    /// An error of the writer.
    pub fn finish(self) -> io::Result<W> {
        self.writer.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Replicate;
    use crate::summary::population::tests::{RULES, restricted};
    use crate::trial::Simulator;

    fn csv(scenario: &Scenario, trials: &[TrialResult]) -> Vec<Vec<String>> {
        let mut rows = CsvRows::new(Vec::new(), RowContext::new(scenario)).expect("in memory");
        rows.write(trials).expect("in memory");
        let text = String::from_utf8(rows.finish().expect("in memory")).expect("text");
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
        let records = reader.records().map(|record| record.expect("all rows have all columns"));
        records.map(|record| record.iter().map(str::to_owned).collect()).collect()
    }

    #[test]
    fn rows_name_the_population_of_trials_that_may_be_restricted() {
        let scenario = restricted(&[RULES[0]]);
        let mut simulator = Simulator::new(&scenario);
        let trials: Vec<TrialResult> =
            (0..30).flat_map(|replicate| simulator.run(Replicate(replicate)).trials).collect();
        let rows = csv(&scenario, &trials);
        let place = rows[0].iter().position(|name| name == "population_left").expect("a column");
        assert_eq!(rows[0][place..], POPULATION_COLUMNS);
        let mut left = std::collections::BTreeSet::new();
        for (row, trial) in rows[1..].iter().zip(&trials) {
            let of = trial.population.expect("it has a rule");
            let names = ["small", "large"];
            let levels: Vec<&str> = of.levels.iter().map(|level| names[level]).collect();
            assert_eq!(row[place], levels.join(", "), "{row:?}");
            assert_eq!(row[place + 2], of.restricted_at.map_or(String::new(), |k| k.to_string()));
            assert_eq!(row[place + 3..], [of.excluded.to_string(), of.screened.to_string()]);
            // A level in which an effect is shown was left.
            assert!(row[place].contains(&row[place + 1]), "{row:?}");
            left.insert(row[place].clone());
        }
        assert!(left.contains("small, large") && left.contains("") && left.len() == 4, "{left:?}");
    }

    #[test]
    fn other_trials_have_no_such_columns() {
        let path = format!("{}/scenarios/angel-reboot.toml", env!("CARGO_MANIFEST_DIR"));
        let scenario = Scenario::load(path.as_ref(), &[]).expect("it is shipped");
        let rows = csv(&scenario, &[]);
        assert!(!rows[0].iter().any(|name| name.starts_with("population")), "{rows:?}");
    }
}
