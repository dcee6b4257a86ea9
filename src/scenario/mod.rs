//! Scenarios: what is written, and what it means, with every number checked and every table and
//! boundary computed.
//!
//! An [`InputDocument`] is parsed once, with the place of every key and value. [`InputDocument::with`] sets other
//! values in it, [`Draft::resolve`] reads it into the types of [`mod@file`], checks it as a whole and
//! builds the domain types. After that nothing about a [`Scenario`] can fail.

mod adaptation;
mod analysis;
mod digest;
pub mod document;
mod enrichment;
mod error;
pub mod expectation;
pub mod file;
pub mod hidden;
mod hints;
pub mod hypothesis;
mod item;
pub mod key_help;
mod look_timing;
mod meant_number;
mod outcomes;
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
mod truth;
pub(crate) mod comparison;
pub mod published;
mod words;

use std::path::Path;

pub use crate::analysis::AnalysisSet;
pub use adaptation::{Adaptation, BlindedSize, SizeReestimation, SizeRule};
pub use analysis::{Analysis, Description, Subgroups};
pub use comparison::NoComparison;
pub(crate) use digest::sha256;
pub use document::{Draft, InputDocument, InputFile};
pub use enrichment::{PopulationAdaptation, PopulationRule, RestrictedRecruitment};
pub use error::{Origin, Problem, Rejection, nearest};
pub use file::ScenarioFile;
pub use hypothesis::{Hypothesis, Margin};
pub use look_timing::LookTiming;
pub use outcomes::Outcomes;
pub use path::KeyPath;
pub(crate) use problems::did_you_mean;
pub use resolve::{DesignFile, StatedDesign, StatedTrial};
pub use safety::{Safety, SafetyEndpoint};
pub use set::{Set, TomlTable, TomlValue};
pub use success::SuccessRule;
pub use truth::{Configuration, Truth};

use crate::accrual::{Accrual, FollowUp};
use crate::analysis::Detail;
use crate::bayes::DecisionRules;
use crate::centres::Centres;
use crate::design::Design;
use crate::evidence::prior::EffectPrior;
use crate::outcome::{
    Adherence, Drift, EarlyOutcome, LEVELS, Missingness, MrsDistribution, OutcomeModel,
    ProceduralModel,
};
use crate::population::Population;
use crate::randomisation::{AllocationRatio, RandomisationMethod};
use crate::rng::Seed;
use treatments::Treatments;

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

    /// Returns how many patients at least are randomised before the decision of the first look that may
    /// restrict the population; all of them if none may.
    pub fn randomised_before_restriction(&self) -> u32 {
        let Some(adaptation) = &self.adaptation.population else { return self.most_randomised() };
        let look = match adaptation.rule {
            PopulationRule::ClosedTest { look, .. } => look,
            PopulationRule::NestedSelection { .. }
            | PopulationRule::PredictiveProbability { .. } => 0,
        };
        // Those with an outcome at the look, as looks of such trials are at numbers of outcomes.
        self.design.looks()[look].analysed.min(self.randomised)
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

    /// Returns the scenario as a file, with every default filled in.
    pub fn file(&self) -> &ScenarioFile {
        &self.file
    }

    /// Returns the SHA-256 of what the scenario means, as hexadecimal digits: comments, layout,
    /// replicates, seed and expectations do not enter.
    pub fn digest(&self) -> String {
        let mut meaning = serde_json::to_value(&self.file).expect("a scenario is plain data");
        let meaning_of = meaning.as_object_mut().expect("a scenario is a table");
        // Results do not depend on where the file has the primary analysis.
        let ranked = serde_json::to_value(self.file.analyses_primary_first());
        meaning_of["analyses"] = ranked.expect("a scenario is plain data");
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
