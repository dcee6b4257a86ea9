//! What a scenario means: every number checked, every table and boundary computed.
//!
//! [`mod@file`] is what is written, [`read`] gets it from text, `resolve` checks it as a whole and
//! builds the domain types. A [`Scenario`] in hand, nothing can fail any more.

mod digest;
mod error;
pub mod file;
pub mod hidden;
mod tree;
mod walk;
mod overrides;
pub mod edit;
pub mod read;
mod resolve;
mod safety;
pub mod shipped;
pub mod size;
pub mod sources;
mod treatments;
pub(crate) mod comparison;
pub mod published;
mod words;

use std::path::Path;

pub use comparison::NoComparison;
pub(crate) use digest::sha256;
pub(crate) use error::did_you_mean;
pub use error::{Origin, Problem, Rejection, nearest};
pub use file::ScenarioFile;
pub use file::analysis::AnalysisSet;
use read::Source;
pub use read::{InputFile, Inputs};
pub use safety::{Safety, SafetyEndpoint};

use crate::accrual::{Accrual, FollowUp};
use crate::analysis::grouping::Grouping;
use crate::analysis::imputation::MissingRule;
use crate::analysis::proportional_odds::adjusted::Model;
use crate::analysis::{AnalysisMethod, Detail, TestResult};
use crate::centres::Centres;
use crate::design::Design;
use crate::design::inference::scale::standard_error_of;
use crate::evidence::prior::Prior;
use crate::outcome::{
    Adherence, Drift, EarlyOutcome, LEVELS, Missingness, MrsDistribution, OutcomeModel,
    ProceduralModel,
};
use crate::population::Population;
use crate::randomisation::{AllocationRatio, Arm, RandomisationMethod};
use crate::rng::Seed;
use serde::Serialize;
use treatments::Treatments;

/// A named analysis that monitors the trial.
#[derive(Debug, Clone, PartialEq)]
pub struct Analysis {
    /// Unique within the scenario.
    pub name: String,
    /// What it does.
    pub method: AnalysisMethod,
    /// Whether it adjusts for the centre, or is stratified by it.
    pub by_centre: bool,
    /// Repeats of the allocation that the p value comes from; 0 for the statistic's own
    /// distribution.
    pub rerandomisations: u32,
    /// What is done about missing outcomes.
    pub missing: MissingRule,
    /// Who is compared.
    pub set: AnalysisSet,
}

impl Analysis {
    /// The statistic that is the estimate over its standard error, and that error: what a stage-wise
    /// estimate is built from. `None` without an estimate, or where the error is 0.
    ///
    /// A test statistic is that but for a factor; those by permutation or from an exact or corrected
    /// test are not, so Wald's stands in for them.
    pub fn estimate_over_error(&self, test: &TestResult) -> Option<(f64, f64)> {
        if !test.has_estimate() {
            return None;
        }
        let is_so = self.rerandomisations == 0 && self.method.is_estimate_over_error();
        let (z, standard_error) = if is_so && test.z.is_finite() {
            (test.z, standard_error_of(test.estimate, test.z, test.standard_error))
        } else {
            (test.estimate / test.standard_error, test.standard_error)
        };
        (z.is_finite() && standard_error > 0.0).then_some((z, standard_error))
    }
}

/// What is described when a trial ends, from the outcomes that its first analysis had.
#[derive(Debug, Clone, PartialEq)]
pub struct Description {
    /// Whether the odds ratios of the cuts are described, and whether they are one.
    pub proportional_odds: bool,
    /// Whether trials are concluded again with every missing outcome as each mRS.
    pub tipping_point: bool,
    /// Factors whose interaction with treatment is tested.
    pub subgroups: Vec<Subgroups>,
    /// Level of these tests.
    pub alpha_two_sided: f64,
}

/// A factor whose interaction with treatment is tested.
#[derive(Debug, Clone, PartialEq)]
pub struct Subgroups {
    /// Name of the factor.
    pub factor: String,
    /// Proportional odds with treatment, the factor's levels, and both together.
    pub model: Model,
    /// Which level a patient has.
    pub grouping: Grouping,
}

/// What the simulator knows and the analyses must not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Truth {
    /// As the scenario says.
    Alternative,
    /// The null twin: the same patients and random numbers, the experimental arm drawn as control.
    Null,
    /// The same patients and random numbers, the experimental arm shifted from control by an odds
    /// ratio that each replicate draws from the prior.
    Prior,
}

impl Truth {
    /// Position in [`Scenario::truths`].
    #[inline]
    pub fn index(self) -> usize {
        self as usize
    }

    /// For files and messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Alternative => "alternative",
            Self::Null => "null",
            Self::Prior => "prior",
        }
    }
}

/// A validated scenario, ready to run.
#[derive(Debug)]
pub struct Scenario {
    file: ScenarioFile,
    /// Patients randomised when the trial runs to its end.
    pub randomised: u32,
    /// Where patients come from.
    pub population: Population,
    /// How fast they come.
    pub accrual: Accrual,
    /// The centres they come to, where these are told apart.
    pub centres: Option<Centres>,
    /// What patients are randomised and analysed by, where anything names the centre.
    pub registered: Option<Registered>,
    /// How outcomes change over calendar time, if they do.
    pub drift: Option<Drift>,
    /// When their outcomes are known.
    pub follow_up: FollowUp,
    /// Relative sizes of the arms.
    pub ratio: AllocationRatio,
    /// How they are allocated.
    pub randomisation: RandomisationMethod,
    /// Where outcomes come from.
    pub outcomes: Outcomes,
    /// The mRS of control and experimental arm, as allocated, under the alternative and its null twin.
    marginals: [[MrsDistribution; 2]; 2],
    /// The mRS under control and experimental treatment under the alternative, which that of the arms
    /// would be if all patients adhered.
    pub of_treatments: [MrsDistribution; 2],
    /// What is believed of the effect, if anything is.
    pub prior: Option<Prior>,
    /// The mRS in each stratum under control and experimental treatment, under the alternative.
    treatments: Treatments,
    /// Who does not get the treatment of their arm, if anybody.
    pub adherence: Option<Adherence>,
    /// Whose outcome is never known.
    pub missingness: Missingness,
    /// The mRS seen early, where there is one.
    pub early_outcome: Option<EarlyOutcome>,
    /// Adverse events, if any are followed.
    pub safety: Option<Safety>,
    /// Share of control and experimental arm that is lost under the alternative.
    pub dropout: [f64; 2],
    /// Looks and boundaries.
    pub design: Design,
    /// Days from a look's last outcome to its decision.
    pub decision_lag_days: f64,
    /// At least one.
    pub analyses: Vec<Analysis>,
    /// What is described when a trial ends, if anything is.
    pub description: Option<Description>,
    /// What is asked for beside the outcomes of the whole trial.
    pub detail: Detail,
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
pub struct Registered {
    /// All combinations.
    pub population: Population,
    /// Whether patients are randomised by it.
    pub randomisation: bool,
    /// Whether they are analysed, or described, by it.
    pub analyses: bool,
}

/// Where outcomes come from.
#[derive(Debug, Clone)]
pub enum Outcomes {
    /// Stated distributions, under the alternative and its null twin.
    Stated(Box<[OutcomeModel; 2]>),
    /// A procedure; under the null truth everyone gets the control arm's strategy.
    AfterProcedure(Box<ProceduralModel>),
}

impl Outcomes {
    /// The mRS under control and experimental treatment, of the alternative and its null twin, those
    /// stated as they are stated.
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

    /// The same over these (log odds, share) of centre and time; stated ones are put together where they
    /// are used.
    fn in_circumstances(self, circumstances: &[(f64, f64)]) -> Self {
        match self {
            Self::Stated(models) => Self::Stated(models),
            Self::AfterProcedure(model) => {
                Self::AfterProcedure(Box::new(model.in_circumstances(circumstances)))
            }
        }
    }

    /// Share of the screened who are randomised; `None` without a procedure.
    pub fn screening_yield(&self) -> Option<f64> {
        match self {
            Self::Stated(_) => None,
            Self::AfterProcedure(model) => Some(model.procedure().screening_yield()),
        }
    }
}

fn text_of(written: &ScenarioFile) -> String {
    toml::to_string(written).expect("a scenario is plain data")
}

impl Scenario {
    /// The mRS of control and experimental arm in the whole population; `None` for the prior, whose
    /// every replicate has its own.
    pub fn marginal(&self, truth: Truth) -> Option<&[MrsDistribution; 2]> {
        self.marginals.get(truth.index())
    }

    /// Analysis sets that the analyses ask for, and that of all who were randomised, which looks and
    /// boundaries go by.
    pub fn analysis_sets(&self) -> impl Iterator<Item = AnalysisSet> {
        let sets =
            [AnalysisSet::IntentionToTreat, AnalysisSet::PerProtocol, AnalysisSet::AsTreated];
        sets.into_iter().filter(|&set| {
            set == AnalysisSet::IntentionToTreat
                || self.analyses.iter().any(|analysis| analysis.set == set)
        })
    }

    /// The odds ratio of mRS ≤ j, j = 0 … 5, between patients of one stratum and centre; `None`
    /// where it does not exist or, after a procedure, depends on more than the stratum.
    pub fn odds_ratios_within_stratum(&self, truth: Truth) -> [Option<f64>; LEVELS - 1] {
        match &self.outcomes {
            Outcomes::Stated(models) => models
                .get(truth.index())
                .map_or([None; LEVELS - 1], OutcomeModel::conditional_odds_ratios),
            Outcomes::AfterProcedure(_) => [None; LEVELS - 1],
        }
    }

    /// Whether who is lost depends on the outcome.
    pub fn loses_by_outcome(&self) -> bool {
        self.missingness.depends_on_outcome() || self.early_outcome.is_some()
    }

    /// The day by which so many patients are expected to be randomised.
    pub fn expected_day(&self, patients: f64) -> f64 {
        Centres::expected_day(self.centres.as_ref(), &self.accrual, patients)
    }

    /// Procedure and outcome, where there is a procedure.
    pub fn procedural(&self) -> Option<&ProceduralModel> {
        match &self.outcomes {
            Outcomes::Stated(_) => None,
            Outcomes::AfterProcedure(model) => Some(model),
        }
    }

    /// What symptomatic haemorrhage means, where there is any.
    pub fn haemorrhage_definition(&self) -> Option<String> {
        let haemorrhage = self.file.procedure.as_ref()?.haemorrhage.as_ref()?;
        Some(haemorrhage.definition.clone())
    }

    /// Reads and resolves a scenario file, with overrides of the form `path.to.key=value`.
    ///
    /// # Errors
    /// Everything that is wrong with it: first its shape, then its meaning.
    pub fn load(path: &Path, overrides: &[String]) -> Result<Self, Rejection> {
        Self::load_from(&Inputs::default(), path, overrides)
    }

    /// The same with the texts of files that may have been read before.
    ///
    /// # Errors
    /// As [`Scenario::load`].
    pub fn load_from(
        inputs: &Inputs,
        path: &Path,
        overrides: &[String],
    ) -> Result<Self, Rejection> {
        Self::resolve(Source::read(inputs, path, overrides)?)
    }

    /// The same from text; paths in it start at the current directory.
    ///
    /// # Errors
    /// As [`Scenario::load`].
    pub fn parse(text: &str, overrides: &[String]) -> Result<Self, Rejection> {
        Self::resolve(Source::parse("scenario".into(), text.to_owned(), overrides)?)
    }

    fn resolve(source: Source<ScenarioFile>) -> Result<Self, Rejection> {
        match resolve::resolve(&source) {
            Ok(scenario) => Ok(scenario),
            Err(problems) => Err(source.reject(problems)),
        }
    }

    /// The same trial with its final look alone, which compares two arms as a trial without looks does:
    /// no interim, and no test but that of efficacy, which has the whole alpha.
    ///
    /// # Errors
    /// When something else in the scenario means nothing without its looks.
    pub fn with_one_look(&self) -> Result<Self, Rejection> {
        let mut written = self.file.clone();
        let design = &mut written.design;
        design.looks = file::Looks::EquallySpaced(1);
        design.efficacy = file::Boundary::None {};
        design.efficacy_looks = None;
        design.futility = file::Futility::default();
        design.futility_looks = None;
        design.binding_futility = false;
        design.harm = file::Harm::default();
        design.harm_looks = None;
        for endpoint in written.safety.iter_mut().flat_map(|safety| &mut safety.endpoints) {
            endpoint.stopping = None;
        }
        Self::parse(&text_of(&written), &[])
    }

    /// The scenario as a file that needs no other: every default filled in, evidence as numbers. Read
    /// again it is the same scenario.
    pub fn to_text(&self) -> String {
        text_of(&self.file)
    }

    /// The same with another number of replicates, as if it were written.
    #[must_use]
    pub fn with_replicates(mut self, replicates: u64) -> Self {
        self.replicates = replicates;
        self.file.run.replicates = replicates;
        self
    }

    /// What is simulated, in the order of every result: the prior only where there is one.
    pub fn truths(&self) -> &'static [Truth] {
        match self.prior {
            Some(_) => &[Truth::Alternative, Truth::Null, Truth::Prior],
            None => &[Truth::Alternative, Truth::Null],
        }
    }

    /// The scenario as written, with every default filled in.
    pub fn file(&self) -> &ScenarioFile {
        &self.file
    }

    /// SHA-256 of what the scenario means, as hexadecimal digits: comments, layout and how much is
    /// simulated do not enter.
    pub fn digest(&self) -> String {
        let mut meaning = serde_json::to_value(&self.file).expect("a scenario is plain data");
        let meaning_of = meaning.as_object_mut().expect("a scenario is a table");
        let run = meaning_of["run"].as_object_mut().expect("it is always there");
        run.retain(|key, _| !["replicates", "seed"].contains(&key.as_str()));
        if run.is_empty() {
            meaning_of.remove("run");
        }
        sha256(meaning.to_string().as_bytes())
    }
}
