//! Analyses that decide together by the rule of the scenario: success, rejections and errors of the rule.

use serde::{Deserialize, Serialize};

use super::analysis::SizeSummary;
use super::merge::{merge_fields, sum};
use super::moments::{ExactMoments, Histogram};
use super::{McEstimate, Sampled, Tally};
use crate::analysis::margin::NullEffects;
use crate::expected::Expected;
use crate::scenario::{Scenario, SuccessRule, Truth};
use crate::trial::{Conclusion, RuleResult};

/// Largest distance of an effect above that of its null hypothesis at which the hypothesis counts as
/// true: effects are computed, and their rounding is no effect.
const AT_THE_NULL: f64 = 1e-6;

/// Analyses that decide together, under one truth.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SuccessSummary {
    /// Name of the rule.
    pub rule: &'static str,
    /// P(the rule is satisfied).
    pub success: McEstimate,
    /// P(at least one analysis rejects by the rule): disjunctive power. Co-primary analyses reject together or
    /// not at all.
    pub any_rejection: McEstimate,
    /// P(every analysis rejects): conjunctive power.
    pub all_rejections: McEstimate,
    /// Mean number of analyses that reject.
    pub rejections: McEstimate,
    /// P(at least one true null hypothesis is rejected); null if it is not known which are true.
    pub familywise_error: Option<McEstimate>,
    /// P(proportional odds are rejected at the look that ended the trial); null without a test of it.
    pub proportional_odds_rejected: Option<McEstimate>,
    /// Analyses in the order of the rule.
    pub analyses: Vec<SuccessAnalysis>,
    /// Looks of the plan.
    pub looks: Vec<SuccessLook>,
    /// Patients randomised until the decision.
    pub n_randomised: SizeSummary,
    /// Months from the opening of the trial to the decision.
    pub duration_months: McEstimate,
    /// Patients randomised whose follow-up had not ended at the decision.
    pub overrun: McEstimate,
}

/// One analysis within a rule.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SuccessAnalysis {
    /// Name in the scenario.
    pub name: String,
    /// Whether its null hypothesis is true under the truth, `true` or `false`; null if its effect is not
    /// known.
    pub null_hypothesis: Option<&'static str>,
    /// P(the analysis rejects within the rule).
    pub rejection: McEstimate,
    /// P(the analysis rejects at the first look at which any does).
    pub rejection_first: McEstimate,
}

/// One look of a rule.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SuccessLook {
    /// Number of the look, from 1.
    pub look: usize,
    /// P(the rule is first satisfied at this look).
    pub success: McEstimate,
    /// P(the rule is satisfied at this look or earlier).
    pub success_cumulative: McEstimate,
    /// P(the trial ends at this look, for whatever reason).
    pub ended: McEstimate,
    /// P(the trial ends at this look for futility, without success).
    pub futility: McEstimate,
    /// P(the trial ends at this look for harm, without success).
    pub harm: McEstimate,
    /// P(the trial ends at this look for an adverse event, with or without success).
    pub safety: McEstimate,
}

/// Counts of the trials of a rule under one truth.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct SuccessTally {
    /// Whether the null hypothesis of each analysis is true; `None` if the effect is not known.
    #[serde(skip)]
    // Follows from the scenario, which is read again when a run is resumed.
    null_hypotheses: Vec<Option<bool>>,
    n: u64,
    success: u64,
    any: u64,
    all: u64,
    familywise: u64,
    not_proportional: u64,
    /// By analysis of the rule.
    rejected: Vec<u64>,
    /// By analysis of the rule.
    rejected_first: Vec<u64>,
    rejections: ExactMoments,
    looks: Vec<SuccessLookTally>,
    n_randomised: Histogram,
    duration_months: ExactMoments,
    overrun: ExactMoments,
}

merge_fields!(SuccessTally {
    n,
    success,
    any,
    all,
    familywise,
    not_proportional,
    rejected,
    rejected_first,
    rejections,
    looks,
    n_randomised,
    duration_months,
    overrun,
} keep { null_hypotheses });

/// Counts of the trials of a rule at one look.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
struct SuccessLookTally {
    success: u64,
    ended: u64,
    futility: u64,
    harm: u64,
    safety: u64,
}

merge_fields!(SuccessLookTally { success, ended, futility, harm, safety });

impl SuccessTally {
    pub fn new(
        expected: &Expected<'_>,
        scenario: &Scenario,
        rule: &SuccessRule,
        truth: Truth,
    ) -> Self {
        let effects = rule.analyses.iter().map(|&position| {
            let analysis = &scenario.analyses[position];
            let NullEffects { lower, upper } = analysis.method.null_effects();
            expected.estimand(truth, analysis).map(|effect| {
                // The null hypothesis of equivalence holds beyond either margin.
                let is_beyond = upper.is_some_and(|upper| effect >= upper - AT_THE_NULL);
                effect <= lower + AT_THE_NULL || is_beyond
            })
        });
        Self {
            null_hypotheses: effects.collect(),
            n: 0,
            success: 0,
            any: 0,
            all: 0,
            familywise: 0,
            not_proportional: 0,
            rejected: vec![0; rule.len()],
            rejected_first: vec![0; rule.len()],
            rejections: ExactMoments::default(),
            looks: vec![SuccessLookTally::default(); scenario.design.looks().len()],
            n_randomised: Histogram::default(),
            duration_months: ExactMoments::default(),
            overrun: ExactMoments::default(),
        }
    }

    pub fn add(&mut self, result: &RuleResult) {
        // The array has places for the most analyses that a rule may have, and the rest would count
        // as analyses that do not reject.
        let rejected_at = &result.rejected_at[..self.rejected.len()];
        let first = rejected_at.iter().copied().filter(|&at| at > 0).min();
        let mut rejections = 0;
        let mut is_error = false;
        for (i, &at) in rejected_at.iter().enumerate() {
            if at == 0 {
                continue;
            }
            rejections += 1;
            self.rejected[i] += 1;
            self.rejected_first[i] += u64::from(Some(at) == first);
            // An effect that is not known counts as none here, and the error is then not reported.
            is_error |= self.null_hypotheses[i] == Some(true);
        }
        self.n += 1;
        self.success += u64::from(result.success_at.is_some());
        self.any += u64::from(rejections > 0);
        self.all += u64::from(rejections == rejected_at.len());
        self.familywise += u64::from(is_error);
        self.not_proportional += u64::from(result.not_proportional == Some(true));
        self.rejections.add(rejections as f64);
        self.n_randomised.add(result.n_randomised);
        self.duration_months.add(result.duration_months);
        self.overrun.add(f64::from(result.overrun));
        if let Some(at) = result.success_at {
            self.looks[usize::from(at) - 1].success += 1;
        }
        let look = &mut self.looks[result.look - 1];
        look.ended += 1;
        look.safety += u64::from(result.stopped_for_safety);
        match result.conclusion {
            Conclusion::Futility => look.futility += 1,
            Conclusion::Harm => look.harm += 1,
            // Stops for safety are counted above, as they may also end a trial that has succeeded.
            Conclusion::Efficacy | Conclusion::Safety | Conclusion::NotSignificant => {}
        }
    }

    /// Whether `n` replicates of trials with at most this many patients can have these counts.
    pub fn is_of(&self, n: u64, randomised: u32) -> bool {
        let within = [self.success, self.any, self.all, self.familywise, self.not_proportional];
        let by_analysis = self.rejected.iter().chain(&self.rejected_first);
        let ended = self.looks.iter().map(|look| look.ended);
        let succeeded = self.looks.iter().map(|look| look.success);
        self.n == n
            && within.iter().chain(by_analysis).all(|&count| count <= n)
            // Every trial ends at exactly one look, and is first a success at no more than one.
            && sum(ended) == u128::from(n)
            && sum(succeeded) == u128::from(self.success)
            && self.looks.iter().all(|look| {
                [look.futility, look.harm, look.safety].iter().all(|&count| count <= look.ended)
            })
            && self.rejections.is_of(n, self.rejected.len() as f64)
            && self.n_randomised.is_of(n, randomised)
            && self.duration_months.is_of(n, f64::INFINITY)
            && self.overrun.is_of(n, f64::from(randomised))
    }

    /// Trials that satisfy the rule.
    pub fn success(&self) -> Sampled {
        self.share(self.success)
    }

    /// Trials in which an analysis rejects.
    pub fn any_rejection(&self) -> Sampled {
        self.share(self.any)
    }

    /// Trials in which every analysis rejects.
    pub fn all_rejections(&self) -> Sampled {
        self.share(self.all)
    }

    /// Trials in which a true null hypothesis is rejected.
    pub fn familywise_error(&self) -> Sampled {
        self.share(self.familywise)
    }

    fn share(&self, count: u64) -> Sampled {
        Sampled::Proportion { count, n: self.n }
    }

    fn proportion(&self, count: u64) -> McEstimate {
        McEstimate::proportion(count, self.n)
    }
}

impl SuccessSummary {
    /// Reads the rule off a tally; `None` if the scenario has no rule.
    pub(super) fn new(scenario: &Scenario, truth: Truth, whole: &Tally) -> Option<Self> {
        let tally = whole.success(truth)?;
        let rule = scenario.success.as_ref()?;
        let written = scenario.file().success.as_ref()?;
        // One unknown effect is enough: its rejection may be an error or not.
        let is_known = tally.null_hypotheses.iter().all(Option::is_some);
        let analyses = rule.analyses.iter().enumerate().map(|(i, &position)| SuccessAnalysis {
            name: scenario.analyses[position].name.clone(),
            null_hypothesis: tally.null_hypotheses[i].map(|is_true| match is_true {
                true => "true",
                false => "false",
            }),
            rejection: tally.proportion(tally.rejected[i]),
            rejection_first: tally.proportion(tally.rejected_first[i]),
        });
        Some(Self {
            rule: written.rule(),
            success: tally.proportion(tally.success),
            any_rejection: tally.proportion(tally.any),
            all_rejections: tally.proportion(tally.all),
            rejections: McEstimate::mean(&tally.rejections),
            familywise_error: is_known.then(|| tally.proportion(tally.familywise)),
            proportional_odds_rejected: rule
                .tests_proportional_odds()
                .then(|| tally.proportion(tally.not_proportional)),
            analyses: analyses.collect(),
            looks: (0..tally.looks.len()).map(|k| SuccessLook::new(tally, k)).collect(),
            n_randomised: SizeSummary::new(&tally.n_randomised),
            duration_months: McEstimate::mean(&tally.duration_months),
            overrun: McEstimate::mean(&tally.overrun),
        })
    }
}

impl SuccessLook {
    fn new(tally: &SuccessTally, k: usize) -> Self {
        let look = &tally.looks[k];
        let until = tally.looks[..=k].iter().map(|look| look.success).sum();
        Self {
            look: k + 1,
            success: tally.proportion(look.success),
            success_cumulative: tally.proportion(until),
            ended: tally.proportion(look.ended),
            futility: tally.proportion(look.futility),
            harm: tally.proportion(look.harm),
            safety: tally.proportion(look.safety),
        }
    }
}
