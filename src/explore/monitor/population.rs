//! A look of a trial whose population may be restricted, from its patients.

use super::data::LookData;
use super::outcomes::GivenOutcomes;
use super::posterior::enough_outcomes;
use super::{GivenData, GivenEvent, InvalidLook, LookConclusion, LookInput, SafetyCheck};
use crate::analysis::TestResult;
use crate::bayes::{DecisionCache, DecisionData, DecisionRules, LookPlace, LookProbabilities};
use crate::design::Decision;
use crate::design::enrichment::{
    Enrichment, LevelSet, LevelStages, MOST_LEVELS, NestedDecision, NestedSelection,
};
use crate::design::monitor::RunningTrial;
use crate::expected::plausibility;
use crate::explore::imbalance;
use crate::num::finite;
use crate::scenario::patients::TrialPatient;
use crate::scenario::{Analysis, PopulationAdaptation, PopulationRule, Scenario};
use crate::trial::observed::ObservedLook;
use crate::trial::{expected_finally, observed_effect};

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
#[derive(Debug, Clone, Copy, PartialEq)]
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
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct JudgedPopulation {
    /// Levels of the population.
    pub levels: LevelSet,
    /// Outcomes in them.
    pub analysed: u32,
    /// Statistic of these outcomes.
    pub z: Option<f64>,
    /// Z against the effect assumed, at an interim look of nested selection.
    pub z_against_effect: Option<f64>,
    /// Posterior and predictive probabilities, with Bayesian decisions.
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
        let Some(adaptation) = &scenario.adaptation.population else {
            return Err(invalid(
                "the scenario restricts no population; allowed with adaptation.population",
            ));
        };
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
        let combines = match adaptation.rule {
            PopulationRule::ClosedTest { .. } => true,
            PopulationRule::NestedSelection { .. }
            | PopulationRule::PredictiveProbability { .. } => false,
        };
        match (combines, is_final, is_given) {
            (true, true, false) => Err(invalid(
                "--interim-day: the final look combines both stages of each level; expected: the day of the \
                 data of the look that decided on the levels",
            )),
            (true, false, true) => {
                Err(invalid("--interim-day is for the final look; allowed here: --cutoff-day"))
            }
            (false, _, true) => Err(invalid(
                "--interim-day: this rule tests all outcomes together; allowed: --cutoff-day",
            )),
            (true, true, true) | (true, false, false) | (false, _, false) => Ok(()),
        }
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

impl Patients<'_> {
    /// Selects the patients of some levels.
    fn of(&self, levels: LevelSet) -> Vec<TrialPatient> {
        let of_levels =
            |patient: &&TrialPatient| self.adaptation.includes(levels, patient.stratum as usize);
        self.all.iter().filter(of_levels).cloned().collect()
    }

    /// Tests the patients of some levels, and counts their outcomes.
    fn test(&self, levels: LevelSet) -> (u32, TestResult) {
        let patients = self.of(levels);
        let look = ObservedLook::new(self.scenario, self.analysis, &patients);
        (look.all.total(), look.test())
    }

    /// Judges a population by nested selection, and the one that takes its place if it is futile.
    fn judge_nested(
        &self,
        selection: NestedSelection,
        effect: f64,
        before: LevelSet,
        is_final: bool,
    ) -> Judgement {
        let whole = self.adaptation.all();
        let mut judged = Vec::new();
        let mut levels = before;
        let (left, conclusion) = loop {
            let mut population = self.judged(levels);
            let Some(z) = population.z else {
                judged.push(population);
                break (levels, nothing_shown(is_final));
            };
            let decision = if is_final {
                selection.at_final(z, levels == whole)
            } else {
                let (_, test) = self.test(levels);
                population.z_against_effect = self
                    .analysis
                    .estimate_over_error(&test)
                    .map(|(z, standard_error)| z - effect / standard_error);
                // An estimate without an error cannot be futile.
                let against = population.z_against_effect.unwrap_or(f64::INFINITY);
                selection.at_interim(z, against, levels == whole)
            };
            judged.push(population);
            match decision {
                NestedDecision::Efficacy => break (levels, LookConclusion::Efficacy),
                NestedDecision::Continue => break (levels, LookConclusion::Continue),
                NestedDecision::Futility => break (levels, futile(is_final)),
                NestedDecision::Select => {
                    let nested: Vec<f64> = (1..self.adaptation.levels)
                        .map(|size| self.test(LevelSet::first(size)).1.z)
                        .map(|z| if z.is_nan() { f64::NEG_INFINITY } else { z })
                        .collect();
                    let selected = selection.selected(&nested);
                    match selected.filter(|&at| nested[at] > f64::NEG_INFINITY) {
                        Some(at) => levels = LevelSet::first(at + 1),
                        None => break (levels, futile(is_final)),
                    }
                }
            }
        };
        let shown = if conclusion == LookConclusion::Efficacy { left } else { LevelSet::NONE };
        Judgement { left, shown, conclusion, levels: Vec::new(), judged }
    }

    /// Drops the last levels while success in the population is improbable, and decides about the others.
    fn judge_by_prediction(
        &self,
        rules: &DecisionRules,
        place: LookPlace,
        drop_below: f64,
        before: LevelSet,
    ) -> Result<Judgement, InvalidLook> {
        let mut judged = Vec::new();
        let mut left = before;
        let (z, decision) = loop {
            let population = self.judged_by_probability(rules, place, left)?;
            judged.push(population.found);
            // Without a probability there is no reason to drop a level.
            let predictive = population.found.probabilities.and_then(|it| it.predictive);
            let is_improbable = predictive.is_some_and(|predictive| predictive < drop_below);
            if place.is_final || left.len() == 1 || !is_improbable {
                break (population.found.z, population.decision);
            }
            left = LevelSet::first(left.len() - 1);
        };
        let conclusion = match z.map(|_| decision) {
            Some(Decision::Efficacy) => LookConclusion::Efficacy,
            Some(Decision::Harm) => LookConclusion::Harm,
            Some(Decision::Futility) => futile(place.is_final),
            Some(Decision::Continue) | None => nothing_shown(place.is_final),
        };
        let shown = if conclusion == LookConclusion::Efficacy { left } else { LevelSet::NONE };
        Ok(Judgement { left, shown, conclusion, levels: Vec::new(), judged })
    }

    /// Computes the statistic of a population.
    fn judged(&self, levels: LevelSet) -> JudgedPopulation {
        let (analysed, test) = self.test(levels);
        JudgedPopulation {
            levels,
            analysed,
            z: finite(test.z),
            z_against_effect: None,
            probabilities: None,
        }
    }

    /// Decides about a population by posterior and predictive probabilities.
    fn judged_by_probability(
        &self,
        rules: &DecisionRules,
        place: LookPlace,
        levels: LevelSet,
    ) -> Result<JudgedByProbability, InvalidLook> {
        let patients = self.of(levels);
        let look = ObservedLook::new(self.scenario, self.analysis, &patients);
        let test = look.test();
        let outcomes = look.known.all;
        let known = outcomes.counts.map(|arm| arm.iter().sum());
        let to_come = self.scenario.randomised - self.all.len() as u32;
        let later = if place.is_final {
            known
        } else {
            expected_finally(self.scenario, look.randomised_so_far(), to_come, known)
        };
        let early = rules.early_known_after_days.filter(|_| !place.is_final).map(|_| {
            let counts = look.early_counts(&patients);
            std::array::from_fn(|arm| {
                let dropout = self.scenario.dropout[arm];
                counts[arm].expected_to_complete(dropout, later[arm] - known[arm])
            })
        });
        let observed = observed_effect(test);
        let data = DecisionData { outcomes: &outcomes, observed, later, early: early.as_ref() };
        let model = self.analysis.model.as_ref().expect("every analysis of these designs has one");
        enough_outcomes(model, known, "--patients")?;
        let mut cache = DecisionCache::default();
        Ok(JudgedByProbability {
            found: JudgedPopulation {
                levels,
                analysed: look.all.total(),
                z: finite(test.z),
                z_against_effect: None,
                probabilities: rules.probabilities(model, place, data, &mut cache),
            },
            decision: rules.decide(model, place, data, &mut cache),
        })
    }
}

/// A population with the decision about it.
struct JudgedByProbability {
    found: JudgedPopulation,
    decision: Decision,
}

/// The rule of a closed test.
struct TestOfLevels {
    test: Enrichment,
    ordered: bool,
}

impl TestOfLevels {
    /// Computes the Z of each level at the look that decides on the levels, −∞ without a statistic.
    fn first_stage(&self, patients: &Patients<'_>) -> Vec<LevelFound> {
        let levels = (0..patients.adaptation.levels).map(|level| {
            let (analysed, test) = patients.test(LevelSet::NONE.with(level));
            let first_z = finite(test.z);
            LevelFound {
                analysed: [analysed, 0],
                first_z,
                power: self.test.expected_power(first_z.unwrap_or(f64::NEG_INFINITY)),
                second_z: None,
                combined_z: None,
            }
        });
        levels.collect()
    }

    fn continuing(&self, first: &[LevelFound]) -> LevelSet {
        let z: Vec<f64> = first.iter().map(LevelFound::first_or_least).collect();
        PopulationAdaptation::continuing(&self.test, self.ordered, &z)
    }

    /// Decides which levels continue.
    fn judge_levels(&self, first: Vec<LevelFound>) -> Judgement {
        let left = self.continuing(&first);
        let conclusion =
            if left.is_empty() { LookConclusion::Futility } else { LookConclusion::Continue };
        Judgement { left, shown: LevelSet::NONE, conclusion, levels: first, judged: Vec::new() }
    }

    /// Tests the levels left by both stages.
    fn judge_finally(
        &self,
        patients: &Patients<'_>,
        interim: &[TrialPatient],
        mut levels: Vec<LevelFound>,
        left: LevelSet,
    ) -> Result<Judgement, InvalidLook> {
        let Patients { scenario, analysis, .. } = *patients;
        let at_interim = Patients { all: interim, ..*patients };
        let mut stages = [LevelStages { first: f64::NEG_INFINITY, second: None }; MOST_LEVELS];
        for (level, found) in levels.iter_mut().enumerate() {
            stages[level].first = found.first_or_least();
            if !left.has(level) {
                continue;
            }
            let only = LevelSet::NONE.with(level);
            let (first, last) = (at_interim.of(only), patients.of(only));
            let first = ObservedLook::new(scenario, analysis, &first);
            let last = ObservedLook::new(scenario, analysis, &last);
            let second = last.after(&first).ok_or_else(|| {
                invalid(
                    "--interim-day: more patients with some mRS at that look than finally; expected: a day \
                     before --cutoff-day",
                )
            })?;
            found.analysed[1] = second.all.total();
            // Patients without a statistic are no evidence of an effect.
            found.second_z = finite(second.test().z);
            let has_patients = second.known.all.total() > 0 && found.first_z.is_some();
            stages[level].second =
                has_patients.then_some(found.second_z.unwrap_or(f64::NEG_INFINITY));
        }
        if left.iter().all(|level| levels[level].analysed[1] == 0) {
            return Err(invalid(
                "--interim-day: no outcome in the levels left is later than that look; expected: the day of \
                 its data",
            ));
        }
        let adjusted = self.test.adjusted(&stages[..levels.len()]);
        let shown: LevelSet =
            left.iter().filter(|&level| adjusted[level] >= self.test.critical()).collect();
        for (found, z) in levels.iter_mut().zip(adjusted) {
            found.combined_z = finite(z);
        }
        let conclusion = if shown.is_empty() {
            LookConclusion::NotSignificant
        } else {
            LookConclusion::Efficacy
        };
        Ok(Judgement { left, shown, conclusion, levels, judged: Vec::new() })
    }
}

impl LevelFound {
    /// Z at the look that decides; without a statistic there is no evidence of an effect.
    fn first_or_least(&self) -> f64 {
        self.first_z.unwrap_or(f64::NEG_INFINITY)
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
