//! A look of a trial whose population may be restricted, from its patients.

mod closed_test;
mod patients;

use serde::Serialize;

use super::data::LookData;
use super::outcomes::GivenOutcomes;
use super::{GivenData, GivenEvent, InvalidLook, LookConclusion, LookInput, SafetyCheck};
use crate::analysis::TestResult;
use crate::bayes::{LookPlace, LookProbabilities};
use crate::design::enrichment::LevelSet;
use crate::design::monitor::RunningTrial;
use crate::expected::plausibility;
use crate::explore::imbalance;
use crate::scenario::patients::TrialPatient;
use crate::scenario::{Analysis, PopulationAdaptation, PopulationRule, Scenario};
use closed_test::TestOfLevels;

/// What is known at a look. An error names a value by its option of `rescuesim monitor`.
#[derive(Debug, Clone, PartialEq)]
pub struct PopulationInput {
    /// The look, from 1.
    pub look: usize,
    /// Names of the levels left before the look; empty for those that the rule leaves: all, and at the
    /// final look of a closed test those that continued.
    pub levels: Vec<String>,
    /// Patients, in order of randomisation, of all levels.
    pub patients: Vec<TrialPatient>,
    /// Patients at the look that decided on the levels, which the final look of a closed test needs.
    pub interim: Option<Vec<TrialPatient>>,
    /// Adverse events, if the patients do not have them.
    pub events: Vec<GivenEvent>,
}

/// A look with what the rule makes of it.
#[derive(Debug, Clone)]
pub struct PopulationLook {
    /// Levels left before the look.
    pub before: LevelSet,
    /// Levels left after it; those before if adverse events stop the trial.
    pub left: LevelSet,
    /// Levels in which an effect is shown.
    pub shown: LevelSet,
    /// Each level; empty unless the rule compares levels one by one.
    pub levels: Vec<LevelFound>,
    /// Populations that were judged, in this order; empty for a closed test.
    pub judged: Vec<JudgedPopulation>,
    /// Outcomes of the population that is tested below.
    pub analysed: u32,
    /// Test of the levels left after the look, or before it if none is.
    pub test: TestResult,
    /// Conclusion from the outcomes alone.
    pub without_safety: LookConclusion,
    /// Conclusion from outcomes and adverse events.
    pub decision: LookConclusion,
    /// Adverse events of the scenario, in its order, of all patients.
    pub safety: Vec<SafetyCheck>,
    /// What is implausible about the data, a sentence each.
    pub warnings: Vec<String>,
}

/// A level at the looks of a closed test. Numbers that do not exist are `None`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct LevelFound {
    /// Outcomes at the look that decides on the levels, and after it.
    pub analysed: [u32; 2],
    /// Z at that look.
    pub first_z: Option<f64>,
    /// Conditional or predictive power there.
    pub power: f64,
    /// Z of the later outcomes alone.
    pub second_z: Option<f64>,
    /// Z of both stages, the least of all sets of levels with this one.
    pub combined_z: Option<f64>,
}

/// A population that a look judged. Numbers that do not exist are `None`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct JudgedPopulation {
    /// Levels of the population.
    #[serde(skip)]
    pub levels: LevelSet,
    /// Outcomes in them.
    pub analysed: u32,
    /// Statistic of these outcomes.
    pub z: Option<f64>,
    /// Z against the effect assumed, at an interim look of nested selection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub z_against_effect: Option<f64>,
    /// Posterior and predictive probabilities, with Bayesian decisions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub probabilities: Option<LookProbabilities>,
}

/// The patients of a look, to be divided by level.
struct Patients<'a> {
    scenario: &'a Scenario,
    analysis: &'a Analysis,
    adaptation: &'a PopulationAdaptation,
    all: &'a [TrialPatient],
}

/// What a rule makes of a look.
struct Judgement {
    left: LevelSet,
    shown: LevelSet,
    conclusion: LookConclusion,
    levels: Vec<LevelFound>,
    judged: Vec<JudgedPopulation>,
}

impl PopulationInput {
    /// Evaluates a look by an analysis of the scenario.
    ///
    /// # Errors
    /// When the scenario has no rule for the population, and when the data contradict it or each other.
    pub fn evaluate(
        &self,
        scenario: &Scenario,
        analysis: &Analysis,
    ) -> Result<PopulationLook, InvalidLook> {
        let adaptation = scenario.adaptation.population.as_ref();
        let adaptation =
            adaptation.ok_or_else(|| invalid("the scenario restricts no population"))?;
        let looks = scenario.design.looks().len();
        if self.look == 0 || self.look > looks {
            return Err(invalid(format!("--look is {}; allowed: 1 to {looks}", self.look)));
        }
        let planned = scenario.randomised as usize;
        if self.patients.len() > planned {
            return Err(invalid(format!(
                "--patients: {} patients, more than the {planned} who are to be randomised",
                self.patients.len()
            )));
        }
        let is_final = self.look == looks;
        Self::check_interim(scenario, self.look, self.interim.is_some())?;
        let patients = Patients { scenario, analysis, adaptation, all: &self.patients };
        let mut before = self.levels_before(scenario, adaptation)?;
        let judgement = match adaptation.rule {
            PopulationRule::ClosedTest { look, test, ordered } => {
                self.refuse_levels_by(look)?;
                let interim = self.interim.as_ref().unwrap_or(&self.patients);
                let rule = TestOfLevels { test, ordered };
                let first = rule.first_stage(&Patients { all: interim, ..patients });
                if is_final {
                    if self.levels.is_empty() {
                        before = rule.continuing(&first);
                    }
                    if before.is_empty() {
                        return Err(invalid(
                            "--interim-day: no level continues after that look, at which the trial stops; \
                             expected: another day, or --levels with those that continued",
                        ));
                    }
                    rule.judge_finally(&patients, interim, first, before)?
                } else if self.look == look + 1 {
                    rule.judge_levels(first)
                } else {
                    undecided(before)
                }
            }
            PopulationRule::NestedSelection { selection, effect } => {
                self.refuse_levels_by(0)?;
                patients.judge_nested(selection, effect, before, is_final)
            }
            PopulationRule::PredictiveProbability { drop_below } => {
                self.refuse_levels_by(0)?;
                let rules = scenario.bayesian.as_ref().expect("validation demands these decisions");
                let place = LookPlace { look: self.look - 1, is_final };
                patients.judge_by_prediction(rules, place, drop_below, before)?
            }
        };
        let (safety, warnings) = self.safety(scenario, analysis)?;
        let Judgement { mut left, mut shown, conclusion, levels, judged } = judgement;
        // As in a simulated trial, a stop for safety comes first, and at the final look there is nothing to
        // stop. What the look decides about the population does not take effect then.
        let stops = !is_final && safety.iter().any(SafetyCheck::is_crossed);
        if stops {
            (left, shown) = (before, LevelSet::NONE);
        }
        let tested = if left.is_empty() { before } else { left };
        let (analysed, test) = patients.test(tested);
        Ok(PopulationLook {
            before,
            left,
            shown,
            levels,
            judged,
            analysed,
            test,
            without_safety: conclusion,
            decision: if stops { LookConclusion::Safety } else { conclusion },
            safety,
            warnings,
        })
    }

    /// Returns the levels given, or all.
    fn levels_before(
        &self,
        scenario: &Scenario,
        adaptation: &PopulationAdaptation,
    ) -> Result<LevelSet, InvalidLook> {
        if self.levels.is_empty() {
            return Ok(adaptation.all());
        }
        let factor = scenario.adapted_factor().expect("a rule has a factor");
        let mut levels = LevelSet::NONE;
        for name in &self.levels {
            let at =
                factor.levels.iter().position(|level| level == name.trim()).ok_or_else(|| {
                    invalid(format!(
                        "--levels: {} has no level \"{}\"; allowed: {}",
                        factor.name,
                        name.trim(),
                        factor.levels.join(", ")
                    ))
                })?;
            levels = levels.with(at);
        }
        if !matches!(adaptation.rule, PopulationRule::ClosedTest { ordered: false, .. })
            && levels != LevelSet::first(levels.len())
        {
            return Err(invalid(format!(
                "--levels: the rule leaves only first levels of {}; allowed: the first of {}",
                factor.name,
                factor.levels.join(", ")
            )));
        }
        Ok(levels)
    }

    fn refuse_levels_by(&self, look: usize) -> Result<(), InvalidLook> {
        if self.look <= look + 1 && !self.levels.is_empty() {
            return Err(invalid(format!(
                "--levels: all levels are left until look {}, which decides on them; allowed: later looks",
                look + 1
            )));
        }
        Ok(())
    }

    /// Checks whether a look needs the patients of the look that decided on the levels, and has them.
    ///
    /// # Errors
    /// If it needs them and has not, or the reverse.
    pub fn check_interim(
        scenario: &Scenario,
        look: usize,
        is_given: bool,
    ) -> Result<(), InvalidLook> {
        let Some(adaptation) = &scenario.adaptation.population else { return Ok(()) };
        let is_final = look == scenario.design.looks().len();
        let combines = matches!(adaptation.rule, PopulationRule::ClosedTest { .. });
        Err(invalid(if is_given && !combines {
            "--interim-day: this rule tests all outcomes together; allowed: --cutoff-day"
        } else if is_given && !is_final {
            "--interim-day is for the final look; allowed here: --cutoff-day"
        } else if !is_given && combines && is_final {
            "--interim-day: the final look combines both stages of each level; expected: the day of the data \
             of the look that decided on the levels"
        } else {
            return Ok(());
        }))
    }

    /// Checks the adverse events of all patients, and lists what is implausible about these.
    fn safety(
        &self,
        scenario: &Scenario,
        analysis: &Analysis,
    ) -> Result<(Vec<SafetyCheck>, Vec<String>), InvalidLook> {
        let input = LookInput {
            look: self.look,
            overrun: false,
            analysed: Vec::new(),
            earlier_z: Vec::new(),
            data: GivenData::Patients(self.patients.clone()),
            randomised: None,
            lost: None,
            events: self.events.clone(),
            prior: None,
        };
        let given = input.given(scenario, analysis)?;
        let safety = input.safety(scenario, given.as_ref())?;
        let warnings = match &given {
            Some(given) => self.warnings(scenario, analysis, &input, given)?,
            None => Vec::new(),
        };
        Ok((safety, warnings))
    }

    fn warnings(
        &self,
        scenario: &Scenario,
        analysis: &Analysis,
        input: &LookInput,
        given: &GivenOutcomes,
    ) -> Result<Vec<String>, InvalidLook> {
        let outcomes = input.outcomes(scenario, Some(given.all.total()))?;
        let trial = RunningTrial::new(scenario.design.plan(), &outcomes);
        let trial = trial.map_err(|error| invalid(format!("--patients, --look: {error}")))?;
        let mut warnings = match LookData::of_test(analysis, &given.test) {
            Ok(data) => {
                let facts = input.facts(analysis, &trial, &data, Some(given));
                let mut warnings = plausibility::implausible(scenario, &facts);
                warnings.extend(imbalance::implausible(scenario, &facts));
                warnings
            }
            // Without a statistic there is nothing more to compare.
            Err(_) => Vec::new(),
        };
        let randomised = self.patients.len();
        if self.look == scenario.design.looks().len() && randomised < scenario.randomised as usize {
            warnings.push(format!(
                "{randomised} patients were randomised, fewer than the {} planned",
                scenario.randomised
            ));
        }
        Ok(warnings)
    }
}

/// A look at which a closed test decides nothing.
fn undecided(before: LevelSet) -> Judgement {
    Judgement {
        left: before,
        shown: LevelSet::NONE,
        conclusion: LookConclusion::Continue,
        levels: Vec::new(),
        judged: Vec::new(),
    }
}

/// The conclusion of a look that shows nothing.
fn nothing_shown(is_final: bool) -> LookConclusion {
    if is_final { LookConclusion::NotSignificant } else { LookConclusion::Continue }
}

/// The conclusion of a look at which the population is futile.
fn futile(is_final: bool) -> LookConclusion {
    if is_final { LookConclusion::NotSignificant } else { LookConclusion::Futility }
}

fn invalid(message: impl Into<String>) -> InvalidLook {
    InvalidLook(message.into())
}
