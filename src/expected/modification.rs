//! Effects that differ between the levels of a factor: the mRS of both arms in each level, and the power
//! of the test of interaction.

use serde::Serialize;

use super::Expected;
use super::counts::{Counting, MissingAs, scaled};
use crate::analysis::proportional_odds::adjusted::FitScratch;
use crate::analysis::{AnalysisSet, Counts};
use crate::design::comparison::ordinal::limit_of_fit;
use crate::num::chi_squared;
use crate::outcome::{LEVELS, Mrs};
use crate::scenario::{Description, Scenario, Subgroups, Truth};

/// Both arms among the patients of one level of a factor, exact for the scenario's model.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LevelOutcomes {
    /// Name of the factor.
    pub factor: String,
    /// Name of the level.
    pub level: String,
    /// Share of all patients, between 0 and 1.
    pub share: f64,
    /// P(mRS = j), j = 0 … 6, of the control arm.
    pub control: [f64; LEVELS],
    /// P(mRS = j), j = 0 … 6, of the experimental arm.
    pub experimental: [f64; LEVELS],
    /// Limit of the common odds ratio of a proportional-odds fit in the level, above 1 if the
    /// experimental arm is better; `None` if it is infinite.
    pub common_odds_ratio: Option<f64>,
}

impl LevelOutcomes {
    /// P(mRS ≤ 2) of the control and of the experimental arm.
    pub fn independent(&self) -> [f64; 2] {
        [self.control, self.experimental].map(|mrs| mrs[..=Mrs::INDEPENDENT.index()].iter().sum())
    }
}

impl Expected<'_> {
    /// Returns the mRS of both arms in each level of every factor that modifies the effect, with
    /// non-adherence and averaged over centres and time; empty without effect modification.
    pub fn outcomes_by_level(&self, truth: Truth) -> Vec<LevelOutcomes> {
        let scenario = self.scenario;
        if truth == Truth::Prior {
            return Vec::new();
        }
        let strata = counting(scenario, truth).strata(scenario);
        let factors = scenario.population.factors().iter().enumerate();
        let modifiers = scenario.file().effect_modifiers();
        let modifying = factors.filter(|(_, factor)| modifiers.contains(&factor.name.as_str()));
        let mut levels = Vec::new();
        for (position, factor) in modifying {
            let counts = by_level(scenario, &strata, position, factor.levels.len());
            for (level, counts) in factor.levels.iter().zip(counts) {
                let sizes = counts.map(|arm| arm.iter().sum::<f64>());
                // A level without patients has no outcomes.
                if sizes.contains(&0.0) {
                    continue;
                }
                let [control, experimental] =
                    [0, 1].map(|arm| counts[arm].map(|count: f64| count / sizes[arm]));
                let share_experimental = sizes[1] / (sizes[0] + sizes[1]);
                let limit = limit_of_fit(&control, &experimental, share_experimental);
                levels.push(LevelOutcomes {
                    factor: factor.name.clone(),
                    level: level.clone(),
                    share: sizes.iter().sum(),
                    control,
                    experimental,
                    common_odds_ratio: Some(libm::exp(limit)).filter(|ratio| ratio.is_finite()),
                });
            }
        }
        levels
    }

    /// Returns the probability that the likelihood-ratio test of the interaction between treatment and a
    /// factor is significant among all patients with an outcome, for each factor of `description`; `None`
    /// under the prior and if the expected data have no such test.
    ///
    /// The statistic is non-central χ², whose non-centrality is the statistic of the expected data (Self,
    /// Mauritsen & Ohara 1992, Biometrics 48:31). A trial that stops early has fewer patients.
    pub fn interaction_power(&self, truth: Truth, description: &Description) -> Vec<Option<f64>> {
        let scenario = self.scenario;
        let counted = (truth != Truth::Prior).then(|| {
            // The test sees the patients with an outcome, whatever the analyses impute.
            let counting = Counting { missing: MissingAs::LeftOut, ..counting(scenario, truth) };
            let randomised = f64::from(scenario.randomised);
            let cells = counting.cells(scenario);
            cells.into_iter().map(|cell| scaled(cell, randomised)).collect::<Vec<Counts>>()
        });
        let mut groups = Vec::new();
        let of_factor = |subgroups: &Subgroups| {
            subgroups.grouping.gather(counted.iter().flatten().copied(), &mut groups);
            let test = subgroups.model.interaction(&groups, &mut FitScratch::default());
            let df = test.degrees_of_freedom as u32;
            // A quantile exists from 1 on; without degrees of freedom it is not used.
            let critical = chi_squared::upper_quantile(description.alpha_two_sided, df.max(1));
            let noncentrality = test.likelihood_ratio.max(0.0);
            (df > 0 && test.likelihood_ratio.is_finite())
                .then(|| chi_squared::noncentral_upper_tail(critical, df, noncentrality))
        };
        description.subgroups.iter().map(of_factor).collect()
    }
}

fn counting(scenario: &Scenario, truth: Truth) -> Counting<'_> {
    Counting {
        truth,
        missing: MissingAs::Observed,
        set: AnalysisSet::IntentionToTreat,
        adherence: scenario.adherence.as_ref(),
    }
}

/// Adds up the strata of each level of a factor.
fn by_level(scenario: &Scenario, strata: &[Counts], factor: usize, levels: usize) -> Vec<Counts> {
    let mut sums = vec![[[0.0; LEVELS]; 2]; levels];
    for (stratum, counts) in strata.iter().enumerate() {
        let level = scenario.population.levels(stratum)[factor];
        let of_level = sums[level].iter_mut().flatten();
        of_level.zip(counts.iter().flatten()).for_each(|(sum, count)| *sum += count);
    }
    sums
}
