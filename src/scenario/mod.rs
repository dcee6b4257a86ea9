//! Scenarios: what is written, and what it means, with every number checked and every table and
//! boundary computed.
//!
//! An [`InputDocument`] is parsed once, with the place of every key and value. [`InputDocument::with`] sets other
//! values in it, [`Draft::resolve`] reads it into the types of [`mod@file`], checks it as a whole and
//! builds the domain types. After that nothing about a [`Scenario`] can fail.

mod adaptation;
mod digest;
pub mod document;
mod enrichment;
mod error;
pub mod expectation;
pub mod file;
pub mod hidden;
pub mod hypothesis;
mod item;
pub mod key_help;
mod look_timing;
pub mod path;
pub mod patients;
pub mod problems;
pub mod reference;
mod separator;
pub mod schema;
mod set;
mod slips;
pub mod synonyms;
mod walk;
pub mod edit;
mod resolve;
mod safety;
pub mod shipped;
pub mod size;
pub mod sources;
pub mod success;
mod treatments;
pub(crate) mod comparison;
pub mod published;
mod words;

use std::path::Path;

pub use crate::analysis::AnalysisSet;
pub use adaptation::{Adaptation, BlindedSize, SizeReestimation, SizeRule};
pub use comparison::NoComparison;
pub(crate) use digest::sha256;
pub use document::{Draft, InputDocument, InputFile};
pub use enrichment::{PopulationAdaptation, PopulationRule, RestrictedRecruitment};
pub use error::{Origin, Problem, Rejection, nearest};
pub use file::ScenarioFile;
pub use hypothesis::{Hypothesis, Margin};
pub use look_timing::LookTiming;
pub use path::KeyPath;
pub(crate) use problems::did_you_mean;
pub use resolve::{DesignFile, StatedDesign, StatedTrial};
pub use safety::{Safety, SafetyEndpoint};
pub use set::{Set, TomlTable, TomlValue};
pub use success::SuccessRule;

use crate::accrual::{Accrual, FollowUp};
use crate::analysis::grouping::Grouping;
use crate::analysis::imputation::Imputation;
use crate::analysis::margin::NullEffects;
use crate::analysis::proportional_odds::adjusted::Model;
use crate::analysis::{BoundMethod, Detail, TestResult};
use crate::bayes::{DecisionModel, DecisionRules};
use crate::centres::Centres;
use crate::design::Design;
use crate::design::inference::scale::standard_error_of;
use crate::evidence::prior::EffectPrior;
use crate::outcome::safety::Event;
use crate::outcome::{
    Adherence, Drift, EarlyOutcome, LEVELS, Missingness, MrsDistribution, OutcomeModel,
    ProceduralModel,
};
use crate::population::Population;
use crate::randomisation::{AllocationRatio, Arm, RandomisationMethod};
use crate::rng::Seed;
use treatments::Treatments;

/// A named analysis that monitors the trial.
#[derive(Debug)]
pub struct Analysis {
    /// Unique within the scenario.
    pub name: String,
    /// Test and estimate, against the margin if there is one.
    pub method: BoundMethod,
    /// What it has to show.
    pub hypothesis: Hypothesis,
    /// Whether it adjusts for the centre, or is stratified by it.
    pub by_centre: bool,
    /// Repeats of the allocation that the p value comes from; 0 for the statistic's own
    /// distribution.
    pub rerandomisations: u32,
    /// Rule for missing outcomes.
    pub missing: Imputation,
    /// Patients that are compared.
    pub set: AnalysisSet,
    /// Model of Bayesian decisions; `None` if looks decide by the boundaries of Z.
    pub model: Option<DecisionModel>,
}

impl Analysis {
    /// Returns the estimate less the margin over its standard error, and that error, from which
    /// stage-wise inference is computed. `None` without an estimate, if the error is 0, and for
    /// equivalence, whose Z has two margins.
    ///
    /// Most test statistics are that but for a factor. A statistic by permutation, or of an exact or
    /// corrected test, is not, and is replaced by Wald's.
    pub fn estimate_over_error(&self, test: &TestResult) -> Option<(f64, f64)> {
        let NullEffects { lower: null, upper: None } = self.method.null_effects() else {
            return None;
        };
        if !test.has_estimate() {
            return None;
        }
        let excess = test.estimate - null;
        let is_estimate_over_error =
            self.rerandomisations == 0 && self.method.as_test().is_estimate_over_error();
        let (z, standard_error) = if is_estimate_over_error && test.z.is_finite() {
            (test.z, standard_error_of(excess, test.z, test.standard_error))
        } else {
            (excess / test.standard_error, test.standard_error)
        };
        (z.is_finite() && standard_error > 0.0).then_some((z, standard_error))
    }
}

/// Supplementary analyses when a trial ends, of the outcomes that its primary analysis had.
#[derive(Debug, Clone, PartialEq)]
pub struct Description {
    /// Whether the odds ratio of every cut is estimated, and the proportional-odds assumption tested.
    pub proportional_odds: bool,
    /// Whether each trial is analysed again with all missing outcomes as each mRS.
    pub tipping_point: bool,
    /// Factors whose interaction with treatment is tested.
    pub subgroups: Vec<Subgroups>,
    /// Two-sided significance level of these tests.
    pub alpha_two_sided: f64,
}

/// A factor whose interaction with treatment is tested.
#[derive(Debug, Clone, PartialEq)]
pub struct Subgroups {
    /// Name of the factor.
    pub factor: String,
    /// Proportional odds with treatment, the factor's levels, and both together.
    pub model: Model,
    /// Levels of the factor, as groups of cells.
    pub grouping: Grouping,
}

/// A truth that trials are simulated under, which the analyses must not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Truth {
    /// The scenario as stated.
    Alternative,
    /// The null twin: the same patients and random numbers, the experimental arm drawn as control; with a
    /// margin, shifted from control to the margin of the primary analysis.
    Null,
    /// Effects from the prior: the same patients and random numbers, the experimental arm shifted from
    /// control by an odds ratio that each replicate draws.
    Prior,
    /// A configuration of the scenario: the same patients and random numbers, with another experimental
    /// arm.
    Configuration {
        /// Position among the truths of the scenario.
        position: usize,
    },
}

impl Truth {
    /// Names of the truths that are not configurations, in the order of [`Scenario::truths`].
    pub const NAMES: [&'static str; 3] = ["alternative", "null", "prior"];

    /// Returns the position in [`Scenario::truths`], if the scenario has the truth.
    #[inline]
    pub fn index(self) -> usize {
        match self {
            Self::Alternative => 0,
            Self::Null => 1,
            Self::Prior => 2,
            Self::Configuration { position } => position,
        }
    }

    /// Returns the name in files and messages; `None` for a configuration, which its scenario names.
    pub fn own_name(self) -> Option<&'static str> {
        match self {
            Self::Alternative | Self::Null | Self::Prior => Some(Self::NAMES[self.index()]),
            Self::Configuration { .. } => None,
        }
    }
}

/// A further truth of a scenario with stated outcomes: another experimental arm.
#[derive(Debug)]
pub struct Configuration {
    /// Name, unique within the scenario and none of [`Truth::NAMES`].
    pub name: String,
    /// Model of the outcomes.
    pub model: OutcomeModel,
    /// The mRS of control and experimental arm, as allocated.
    arms: [MrsDistribution; 2],
    /// The mRS under control and experimental treatment.
    of_treatments: [MrsDistribution; 2],
    /// The mRS in each stratum under control and experimental treatment.
    treatments: Treatments,
    /// Adverse events, whose stated rates also hold under this truth.
    pub events: Vec<Event>,
}

/// A validated scenario, ready to run.
#[derive(Debug)]
pub struct Scenario {
    file: ScenarioFile,
    /// Patients randomised when the trial runs to its end.
    pub randomised: u32,
    /// Baseline factors of the patients.
    pub population: Population,
    /// Recruitment rate.
    pub accrual: Accrual,
    /// Recruiting centres; `None` if they are not distinguished.
    pub centres: Option<Centres>,
    /// Strata with the centre as a factor; `None` if nothing names the centre.
    pub strata_by_centre: Option<StrataByCentre>,
    /// Change of outcomes over calendar time, if any.
    pub drift: Option<Drift>,
    /// When outcomes become known.
    pub follow_up: FollowUp,
    /// Relative sizes of the arms.
    pub ratio: AllocationRatio,
    /// Allocation method.
    pub randomisation: RandomisationMethod,
    /// Model of the outcomes.
    pub outcomes: Outcomes,
    /// The mRS of control and experimental arm, as allocated, under the alternative and its null twin.
    marginals: [[MrsDistribution; 2]; 2],
    /// The mRS under control and experimental treatment under the alternative, which that of the arms
    /// would be if all patients adhered.
    pub of_treatments: [MrsDistribution; 2],
    /// The same under the null twin.
    null_of_treatments: [MrsDistribution; 2],
    /// Prior on the effect, if any.
    pub prior: Option<EffectPrior>,
    /// Further truths, in the order of the file.
    pub configurations: Vec<Configuration>,
    /// All truths that are simulated.
    truths: Vec<Truth>,
    /// The mRS in each stratum under control and experimental treatment, under the alternative.
    treatments: Treatments,
    /// The same under a null twin at a margin; `None` if it has control outcomes in both arms.
    null_treatments: Option<Treatments>,
    /// Non-adherence; `None` if all patients get the treatment of their arm.
    pub adherence: Option<Adherence>,
    /// Dropout.
    pub missingness: Missingness,
    /// The mRS seen early, if any.
    pub early_outcome: Option<EarlyOutcome>,
    /// Adverse events, if any are followed.
    pub safety: Option<Safety>,
    /// Share of control and experimental arm that is lost under the alternative.
    pub dropout: [f64; 2],
    /// Looks and boundaries.
    pub design: Design,
    /// What interim looks wait for.
    pub look_timing: LookTiming,
    /// Rules of Bayesian decisions; `None` if looks decide by the boundaries of Z. With them, `design` has
    /// the boundaries that they amount to.
    pub bayesian: Option<DecisionRules>,
    /// Days from a look's last outcome to its decision.
    pub decision_lag_days: f64,
    /// Changes at an interim look.
    pub adaptation: Adaptation,
    /// One analysis or more, the primary one first; the analyses of [`Scenario::file`] have the same order.
    pub analyses: Vec<Analysis>,
    /// Rule by which several analyses decide together, if any.
    pub success: Option<SuccessRule>,
    /// Supplementary analyses, if any.
    pub description: Option<Description>,
    /// Detail that the analyses need in addition to the outcomes of the whole trial.
    pub detail: Detail,
    /// What the design is expected to do.
    pub expectations: Vec<expectation::Expectation>,
    /// Trials to simulate under each truth.
    pub replicates: u64,
    /// Key of all randomness.
    pub seed: Seed,
    /// Whether there are control variates.
    pub variance_reduction: bool,
}

/// The population with the centre as its last factor: stratum s of [`Scenario::population`] and centre
/// c are stratum s × number + c.
#[derive(Debug, Clone)]
pub struct StrataByCentre {
    /// All combinations.
    pub population: Population,
    /// Whether patients are randomised by centre.
    pub randomisation: bool,
    /// Whether outcomes are analysed, or described, by centre.
    pub analyses: bool,
}

/// Model of the outcomes.
#[derive(Debug, Clone)]
pub enum Outcomes {
    /// Stated distributions, under the alternative and its null twin.
    Stated(Box<[OutcomeModel; 2]>),
    /// Outcomes of a procedure; under the null truth all patients get the control arm's strategy.
    AfterProcedure(Box<ProceduralModel>),
}

impl Outcomes {
    /// Returns the mRS under control and experimental treatment, of the alternative and its null twin.
    fn marginals(&self) -> [[MrsDistribution; 2]; 2] {
        match self {
            Self::Stated(models) => [*models[0].marginal(), *models[1].marginal()],
            Self::AfterProcedure(model) => {
                let model = model.without_crossover();
                let [control, experimental] = [Arm::Control, Arm::Experimental]
                    .map(|arm| model.expected(arm).mrs().expect("an arm's probabilities sum to 1"));
                [[control, experimental], [control; 2]]
            }
        }
    }

    /// Averages a procedural model over (log odds, share) of centre and time. Stated distributions hold
    /// on average already.
    fn in_circumstances(self, circumstances: &[(f64, f64)]) -> Self {
        match self {
            Self::Stated(models) => Self::Stated(models),
            Self::AfterProcedure(model) => {
                Self::AfterProcedure(Box::new(model.in_circumstances(circumstances)))
            }
        }
    }

    /// Returns the share of screened patients who are randomised; `None` without a procedure.
    pub fn screening_yield(&self) -> Option<f64> {
        match self {
            Self::Stated(_) => None,
            Self::AfterProcedure(model) => Some(model.procedure().screening_yield()),
        }
    }
}

impl InputDocument {
    /// Resolves the document as a scenario, with overrides of the form `path.to.key=value`.
    ///
    /// # Errors
    /// Everything that is wrong with it: first its shape, then its meaning.
    pub fn scenario(&self, overrides: &[String]) -> Result<Scenario, Rejection> {
        self.with(&Set::all(overrides)).resolve()
    }
}

impl Draft<'_> {
    /// Reads and resolves the document as a scenario.
    ///
    /// # Errors
    /// Everything that is wrong with it: first its shape, then its meaning.
    pub fn resolve(self) -> Result<Scenario, Rejection> {
        let source = self.read::<ScenarioFile>()?;
        resolve::resolve(&source.file, Some(&source.places))
            .map_err(|problems| source.reject(problems))
    }
}

impl Scenario {
    /// Returns the mRS of control and experimental arm in the whole population; `None` for the prior,
    /// of which every replicate has its own.
    pub fn marginal(&self, truth: Truth) -> Option<&[MrsDistribution; 2]> {
        match truth {
            Truth::Alternative | Truth::Null => Some(&self.marginals[truth.index()]),
            Truth::Prior => None,
            Truth::Configuration { .. } => Some(&self.configuration(truth)?.arms),
        }
    }

    /// Returns the mRS in the whole population under control and experimental treatment, which that of
    /// the arms would be if all patients adhered; `None` for the prior.
    pub fn marginal_of_treatments(&self, truth: Truth) -> Option<&[MrsDistribution; 2]> {
        match truth {
            Truth::Alternative => Some(&self.of_treatments),
            Truth::Null => Some(&self.null_of_treatments),
            Truth::Prior => None,
            Truth::Configuration { .. } => Some(&self.configuration(truth)?.of_treatments),
        }
    }

    /// Returns the configuration that a truth is; `None` if it is another truth.
    pub fn configuration(&self, truth: Truth) -> Option<&Configuration> {
        match truth {
            Truth::Alternative | Truth::Null | Truth::Prior => None,
            Truth::Configuration { position } => {
                // Configurations are the last truths.
                let others = self.truths.len() - self.configurations.len();
                self.configurations.get(position.checked_sub(others)?)
            }
        }
    }

    /// Returns the name of a truth in files and messages.
    pub fn truth_name(&self, truth: Truth) -> &str {
        match self.configuration(truth) {
            Some(configuration) => &configuration.name,
            None => truth.own_name().unwrap_or_default(),
        }
    }

    /// Returns the truth with a name; `None` if the scenario has none of that name.
    pub fn truth_named(&self, name: &str) -> Option<Truth> {
        self.truths.iter().copied().find(|&truth| self.truth_name(truth) == name)
    }

    /// Returns the hypothesis of the primary analysis, at the end of whose null hypothesis the null twin
    /// is.
    pub fn primary_hypothesis(&self) -> Hypothesis {
        self.analyses[0].hypothesis
    }

    /// Lists the analysis sets that the analyses use, and that of all randomised patients, which looks
    /// and boundaries depend on.
    pub fn analysis_sets(&self) -> impl Iterator<Item = AnalysisSet> {
        let sets =
            [AnalysisSet::IntentionToTreat, AnalysisSet::PerProtocol, AnalysisSet::AsTreated];
        sets.into_iter().filter(|&set| {
            set == AnalysisSet::IntentionToTreat
                || self.analyses.iter().any(|analysis| analysis.set == set)
        })
    }

    /// Returns the odds ratio of mRS ≤ j, j = 0 … 5, between patients of one stratum and centre; `None`
    /// if it does not exist or, after a procedure, depends on more than the stratum.
    pub fn odds_ratios_within_stratum(&self, truth: Truth) -> [Option<f64>; LEVELS - 1] {
        match &self.outcomes {
            Outcomes::Stated(models) => {
                let model = match truth {
                    Truth::Alternative | Truth::Null => Some(&models[truth.index()]),
                    Truth::Prior => None,
                    Truth::Configuration { .. } => self.configuration(truth).map(|it| &it.model),
                };
                model.map_or([None; LEVELS - 1], OutcomeModel::conditional_odds_ratios)
            }
            Outcomes::AfterProcedure(_) => [None; LEVELS - 1],
        }
    }

    /// Returns whether the effect is stated within strata, under the alternative or a configuration.
    pub fn states_conditional_effect(&self) -> bool {
        let stated = match &self.file.outcome {
            file::WrittenOutcome::Stated(stated) => Some(&stated.experimental),
            file::WrittenOutcome::AfterProcedure(_) => None,
        };
        let configured = self.file.configurations.iter().map(|it| &it.experimental);
        stated
            .into_iter()
            .chain(configured)
            .any(|it| matches!(it, file::Experimental::ConditionalCommonOddsRatio(_)))
    }

    /// Returns whether the effect of treatment differs between levels of a factor under a truth.
    pub fn has_effect_modification(&self, truth: Truth) -> bool {
        match truth {
            Truth::Alternative | Truth::Prior => self.population.has_effect_modification(),
            Truth::Null => false,
            Truth::Configuration { .. } => {
                self.configuration(truth).is_some_and(|it| it.model.has_effect_modification())
            }
        }
    }

    /// Returns whether dropout depends on the outcome.
    pub fn loses_by_outcome(&self) -> bool {
        self.missingness.depends_on_outcome() || self.early_outcome.is_some()
    }

    /// Returns the number of patients randomised at most.
    pub fn most_randomised(&self) -> u32 {
        self.adaptation.size.as_ref().map_or(self.randomised, |size| size.maximum)
    }

    /// Returns the day by which `patients` patients are expected to be randomised.
    pub fn expected_day(&self, patients: f64) -> f64 {
        Centres::expected_day(self.centres.as_ref(), &self.accrual, patients)
    }

    /// Returns the model of procedure and outcome; `None` without a procedure.
    pub fn procedural(&self) -> Option<&ProceduralModel> {
        match &self.outcomes {
            Outcomes::Stated(_) => None,
            Outcomes::AfterProcedure(model) => Some(model),
        }
    }

    /// Returns the definition of symptomatic haemorrhage, if it is modelled.
    pub fn haemorrhage_definition(&self) -> Option<String> {
        let haemorrhage = self.file.procedure.as_ref()?.haemorrhage.as_ref()?;
        Some(haemorrhage.definition.clone())
    }

    /// Reads and resolves a scenario file, with overrides of the form `path.to.key=value`.
    ///
    /// # Errors
    /// Everything that is wrong with it: first its shape, then its meaning.
    pub fn load(path: &Path, overrides: &[String]) -> Result<Self, Rejection> {
        InputDocument::read(path)?.scenario(overrides)
    }

    /// Resolves a scenario from text; paths in it start at the current directory.
    ///
    /// # Errors
    /// Same as [`Scenario::load`].
    pub fn parse(text: &str, overrides: &[String]) -> Result<Self, Rejection> {
        InputDocument::parse("scenario", text.to_owned())?.scenario(overrides)
    }

    /// Returns the trial with its final look alone: no interim, and no test but that of efficacy, which
    /// has the whole alpha.
    ///
    /// # Errors
    /// When something else in the scenario has no meaning without its looks.
    pub fn with_one_look(&self) -> Result<Self, Rejection> {
        let mut written = self.file.clone();
        // They may be of looks that it has no longer.
        written.expect = None;
        // It is at an interim look.
        written.adaptation = None;
        let design = &mut written.design;
        design.looks = file::Looks::EquallySpaced(1);
        design.efficacy = match design.decisions {
            file::Decisions::Frequentist => Some(file::Boundary::None {}),
            file::Decisions::Bayesian => None,
        };
        if let Some(bayesian) = &mut design.bayesian {
            if let file::ByLook::Each(by_look) = &mut bayesian.success.posterior_at_least {
                by_look.drain(..by_look.len() - 1);
            }
            bayesian.success.predictive_at_least = None;
            bayesian.futility = None;
            bayesian.harm = None;
        }
        design.efficacy_looks = None;
        design.futility = file::Futility::default();
        design.futility_looks = None;
        design.binding_futility = false;
        design.harm = file::Harm::default();
        design.harm_looks = None;
        for endpoint in written.safety.iter_mut().flat_map(|safety| &mut safety.endpoints) {
            // Adverse events stop a trial at its interim looks, of which none is left.
            endpoint.stopping = None;
        }
        resolve::resolve(&written, None)
            .map_err(|problems| Rejection::new("scenario".to_owned(), String::new(), problems))
    }

    /// Returns the scenario as a file that needs no other: every default filled in, evidence as numbers.
    /// Read again it is the same scenario.
    pub fn to_text(&self) -> String {
        toml::to_string(&self.file).expect("a scenario is plain data")
    }

    /// Returns the scenario with another number of replicates, as if the file had it.
    #[must_use]
    pub fn with_replicates(mut self, replicates: u64) -> Self {
        self.replicates = replicates;
        self.file.run.replicates = replicates;
        self
    }

    /// Returns the number of patients of whose multiples a trial of any size consists: a block if all
    /// blocks of the trial are of one size, else the smallest group that the allocation ratio divides
    /// into whole patients.
    pub fn patients_allocated_together(&self) -> u32 {
        if let RandomisationMethod::PermutedBlocks(blocks) = &self.randomisation
            && let Some(block) = blocks.only_block()
        {
            return block;
        }
        // 2:2 divides patients as 1:1 does, into groups of two.
        self.ratio.reduced().parts()
    }

    /// Lists the truths that are simulated, in the order of every result.
    pub fn truths(&self) -> &[Truth] {
        &self.truths
    }

    /// Returns the scenario as a file, with every default filled in.
    pub fn file(&self) -> &ScenarioFile {
        &self.file
    }

    /// Returns the SHA-256 of what the scenario means, as hexadecimal digits: comments, layout,
    /// replicates, seed and expectations do not enter.
    pub fn digest(&self) -> String {
        let mut meaning = serde_json::to_value(&self.file).expect("a scenario is plain data");
        let meaning_of = meaning.as_object_mut().expect("a scenario is a table");
        // An expectation that is added later leaves checkpoints and published digests valid.
        meaning_of.remove("expect");
        let run = meaning_of["run"].as_object_mut().expect("it is always there");
        run.retain(|key, _| !["replicates", "seed"].contains(&key.as_str()));
        if run.is_empty() {
            meaning_of.remove("run");
        }
        sha256(meaning.to_string().as_bytes())
    }
}
