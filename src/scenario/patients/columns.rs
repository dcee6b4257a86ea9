//! Columns that a file of patients must have for an analysis, and where they are.

use super::PatientReader;
use crate::analysis::imputation::Imputation;
use crate::scenario::error::nearest;
use crate::scenario::{Analysis, AnalysisSet, Scenario, separator};

/// Columns that an analysis needs in addition to arm and mRS.
#[derive(Debug, Clone)]
pub(super) struct Needs {
    /// Names of factors.
    pub(super) factors: Vec<String>,
    pub(super) centre: bool,
    pub(super) early: EarlyNeed,
    pub(super) received: TreatmentNeed,
    pub(super) lost: bool,
}

/// Patients whose early mRS an analysis must know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EarlyNeed {
    /// The early mRS is not used.
    Nobody,
    /// Patients in the pipeline, where it is known.
    Pipeline,
    /// Patients lost to follow-up.
    Lost,
    /// All patients whose follow-up has ended.
    Everybody,
}

/// What an analysis must know of the treatment that patients received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TreatmentNeed {
    /// Nothing.
    Unused,
    /// Whether it is that of their arm.
    PerProtocol,
    /// The arm that it belongs to.
    AsTreated,
}

impl Needs {
    pub(super) fn new(scenario: &Scenario, analysis: &Analysis) -> Self {
        let is_multiple = matches!(analysis.missing, Imputation::Multiple(_));
        let is_repeated = analysis.rerandomisations > 0;
        let by_centre = scenario.strata_by_centre.as_ref();
        let all = scenario.population.factors().iter().map(|factor| &factor.name);
        let mut written =
            scenario.file.analyses_primary_first().into_iter().zip(&scenario.analyses);
        let own = written.find(|(_, resolved)| resolved.name == analysis.name);
        let (own, _) = own.expect("the analysis is one of the scenario");
        // A rule for the population judges the levels of a factor, whatever the analysis uses.
        let adapted = scenario.adapted_factor().map(|factor| factor.name.as_str());
        let used: Vec<&str> = own.factors().chain(adapted).collect();
        Self {
            // The allocation is repeated with the strata of the randomisation, whatever the analysis uses.
            factors: all
                .filter(|name| is_repeated || used.contains(&name.as_str()))
                .cloned()
                .collect(),
            centre: analysis.by_centre
                || is_repeated && by_centre.is_some_and(|strata| strata.randomisation),
            early: match (own.missing.uses_early(), is_multiple) {
                (true, true) => EarlyNeed::Everybody,
                (true, false) => EarlyNeed::Lost,
                (false, _) if early_known_after(scenario).is_some() => EarlyNeed::Pipeline,
                (false, _) => EarlyNeed::Nobody,
            },
            received: match analysis.set {
                AnalysisSet::PerProtocol if scenario.adherence.is_some() => {
                    TreatmentNeed::PerProtocol
                }
                AnalysisSet::AsTreated if scenario.adherence.is_some() => TreatmentNeed::AsTreated,
                AnalysisSet::IntentionToTreat
                | AnalysisSet::PerProtocol
                | AnalysisSet::AsTreated => TreatmentNeed::Unused,
            },
            lost: analysis.missing != Imputation::None && scenario.has_dropout(),
        }
    }
}

/// Returns the days after randomisation on which the early mRS that predictions use is known.
pub(super) fn early_known_after(scenario: &Scenario) -> Option<f64> {
    scenario.bayesian.as_ref()?.early_known_after_days
}

/// Columns of a file, by position.
#[derive(Debug)]
pub(super) struct PatientColumns {
    pub(super) arm: usize,
    pub(super) mrs: usize,
    /// Of each factor of the scenario.
    pub(super) factors: Vec<Option<usize>>,
    pub(super) centre: Option<usize>,
    pub(super) received: Option<usize>,
    pub(super) per_protocol: Option<usize>,
    pub(super) early: Option<usize>,
    pub(super) lost: Option<usize>,
    pub(super) events: Option<usize>,
    /// Of each adverse event of the scenario.
    pub(super) by_event: Vec<Option<usize>>,
    pub(super) day: Option<usize>,
    pub(super) followed_until_day: Option<usize>,
    pub(super) outcome_day: Option<usize>,
}

/// Names of columns that a factor or an event cannot have.
const RESERVED: [&str; 12] = [
    "arm",
    "mrs",
    "centre",
    "received",
    "per_protocol",
    "early_mrs",
    "lost",
    "events",
    "day",
    "followed_until_day",
    "outcome_day",
    "patient",
];

impl PatientReader<'_> {
    /// Finds the columns by their names.
    pub(super) fn columns(
        &self,
        header: &csv::StringRecord,
        needs: &Needs,
    ) -> Result<PatientColumns, String> {
        let scenario = self.scenario;
        let names: Vec<&str> = header.iter().collect();
        if let Some(problem) = separator::problem(header) {
            return Err(problem);
        }
        let factors = scenario.population.factors().iter();
        let by_event = scenario.safety_endpoints().iter().map(|endpoint| {
            // An event called `lost` would be read from the column on follow-up.
            let is_free = !RESERVED.contains(&endpoint.name.as_str());
            found(&names, &endpoint.name).filter(|_| is_free)
        });
        let columns = PatientColumns {
            arm: named(&names, "arm")?,
            mrs: named(&names, "mrs")?,
            factors: factors.map(|factor| factor_column(&names, &factor.name)).collect(),
            centre: found(&names, "centre"),
            received: found(&names, "received"),
            per_protocol: found(&names, "per_protocol"),
            early: found(&names, "early_mrs"),
            lost: found(&names, "lost"),
            events: found(&names, "events"),
            by_event: by_event.collect(),
            day: found(&names, "day"),
            followed_until_day: found(&names, "followed_until_day"),
            outcome_day: found(&names, "outcome_day"),
        };
        for (factor, column) in scenario.population.factors().iter().zip(&columns.factors) {
            if column.is_none() && needs.factors.contains(&factor.name) {
                named(&names, &factor.name)?;
            }
        }
        let is_treated = match needs.received {
            TreatmentNeed::Unused => false,
            TreatmentNeed::PerProtocol => columns.per_protocol.is_none(),
            TreatmentNeed::AsTreated => true,
        };
        let is_early = needs.early != EarlyNeed::Nobody;
        for (needed, name) in
            [(needs.centre, "centre"), (is_early, "early_mrs"), (is_treated, "received")]
        {
            if needed {
                named(&names, name)?;
            }
        }
        if needs.lost && columns.lost.is_none() && columns.followed_until_day.is_none() {
            return Err("the header has no column `lost`, which the analysis needs as it imputes \
                        missing outcomes; allowed: yes or no in each row"
                .to_owned());
        }
        if self.cutoff_day.is_some() {
            for name in ["day", "outcome_day"] {
                named(&names, name)?;
            }
        }
        Ok(columns)
    }
}

pub(super) fn found(names: &[&str], name: &str) -> Option<usize> {
    names.iter().position(|other| *other == name)
}

/// Finds a column that must be there.
fn named(names: &[&str], name: &str) -> Result<usize, String> {
    found(names, name).ok_or_else(|| {
        let near = nearest(name, names).map(|near| format!(" (is it `{near}`?)"));
        format!(
            "the header has no column `{name}`{}; it has {}",
            near.unwrap_or_default(),
            names.join(", ")
        )
    })
}

/// Finds the column of a factor, which is prefixed if another column has its name.
fn factor_column(names: &[&str], factor: &str) -> Option<usize> {
    let plain = found(names, factor).filter(|_| !RESERVED.contains(&factor));
    found(names, &format!("factor_{factor}")).or(plain)
}
