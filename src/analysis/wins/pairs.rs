//! Wins, losses and ties among all pairs of an experimental and a control patient.

use crate::analysis::{Counts, FitStatus};
use crate::outcome::LEVELS;

/// All pairs of a table.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pairs {
    /// Pairs whose experimental patient has the lower mRS.
    pub wins: f64,
    /// Pairs whose control patient has the lower mRS.
    pub losses: f64,
    /// Pairs with equal mRS.
    pub ties: f64,
    counts: Counts,
    /// Patients of each arm.
    pub(super) patients: [f64; 2],
    /// Pairs by arm and mRS of a patient.
    decided: [[Decided; LEVELS]; 2],
}

/// Pairs of one patient that the experimental arm wins and loses.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Decided {
    won: f64,
    lost: f64,
}

impl Pairs {
    /// Compares the arms of a table: whole counts or expected ones.
    pub fn new(counts: &Counts) -> Self {
        let [control, experimental] = counts;
        // A pair with a control patient is won by experimental patients who are better than it.
        let of_control = counts_below_and_above(experimental)
            .map(|[better, worse]| Decided { won: better, lost: worse });
        let of_experimental = counts_below_and_above(control)
            .map(|[better, worse]| Decided { won: worse, lost: better });
        let (mut wins, mut losses, mut ties) = (0.0, 0.0, 0.0);
        for (j, count) in experimental.iter().enumerate() {
            wins += count * of_experimental[j].won;
            losses += count * of_experimental[j].lost;
            ties += count * control[j];
        }
        Self {
            wins,
            losses,
            ties,
            counts: *counts,
            patients: counts.map(|arm| arm.iter().sum()),
            decided: [of_control, of_experimental],
        }
    }

    /// Number of pairs, n_c·n_e.
    pub fn total(&self) -> f64 {
        self.patients[0] * self.patients[1]
    }

    /// P(better) + ½P(tie), the Mann–Whitney probability; NaN when an arm is empty.
    pub fn probability(&self) -> f64 {
        (self.wins + 0.5 * self.ties) / self.total()
    }

    /// P(better) − P(worse) = 2·probability − 1; NaN when an arm is empty.
    pub fn net_benefit(&self) -> f64 {
        (self.wins - self.losses) / self.total()
    }

    /// Odds of the Mann–Whitney probability; ∞ when every pair is won, NaN when an arm is empty.
    pub fn win_odds(&self) -> f64 {
        (self.wins + 0.5 * self.ties) / (self.losses + 0.5 * self.ties)
    }

    /// Wins over losses; ∞ without a loss, NaN with neither.
    pub fn win_ratio(&self) -> f64 {
        self.wins / self.losses
    }

    /// Variance of [`Pairs::probability`] (DeLong 1988, Biometrics 44:837, which for two arms is
    /// that of Brunner & Munzel 2000, Biom J 42:17). NaN when an arm has a single patient or none,
    /// whose spread cannot be estimated.
    pub fn probability_variance(&self) -> f64 {
        self.variance(0.5, 0.5)
    }

    /// Standard error of the logarithm of [`Pairs::win_odds`], by the delta method from
    /// [`Pairs::probability_variance`].
    pub fn log_win_odds_error(&self) -> f64 {
        let half_ties = 0.5 * self.ties;
        let total = self.total();
        let product = (self.wins + half_ties) / total * ((self.losses + half_ties) / total);
        self.probability_variance().sqrt() / product
    }

    /// Standard error of the logarithm of [`Pairs::win_ratio`]: the delta method on the joint
    /// variance of the two U-statistics (Bebu & Lachin 2016, Biostatistics 17:178).
    pub fn log_win_ratio_error(&self) -> f64 {
        let total = self.total();
        self.variance(total / self.wins, total / self.losses).sqrt()
    }

    /// Variance of a·P(better) − b·P(worse): over the arms, the sample variance of a·(share of
    /// pairs won) − b·(share lost) among its patients, over their number.
    fn variance(&self, a: f64, b: f64) -> f64 {
        let mean = (a * self.wins - b * self.losses) / self.total();
        let mut variance = 0.0;
        for arm in 0..2 {
            let (n, opposite) = (self.patients[arm], self.patients[1 - arm]);
            let squares: f64 = self.counts[arm]
                .iter()
                .zip(&self.decided[arm])
                .map(|(count, &Decided { won, lost })| {
                    let deviation = (a * won - b * lost) / opposite - mean;
                    count * deviation * deviation
                })
                .sum();
            // Not `n != 1`: expected counts may leave an arm less than one patient.
            variance += if n > 1.0 { squares / (n - 1.0) / n } else { f64::NAN };
        }
        variance
    }

    /// The status of an estimate with the given standard error; `separated` if the estimate is infinite
    /// or certain.
    pub(super) fn status(&self, separated: bool, error: f64) -> FitStatus {
        if self.wins + self.losses == 0.0 {
            FitStatus::NoInformation
        } else if separated {
            FitStatus::Separated
        } else if error > 0.0 && error.is_finite() {
            FitStatus::Converged
        } else {
            FitStatus::NoInformation
        }
    }
}

/// For each mRS, the patients of an arm with a lower and with a higher one.
fn counts_below_and_above(arm: &[f64; LEVELS]) -> [[f64; 2]; LEVELS] {
    let mut out = [[0.0; 2]; LEVELS];
    for j in 1..LEVELS {
        out[j][0] = out[j - 1][0] + arm[j - 1];
    }
    for j in (0..LEVELS - 1).rev() {
        out[j][1] = out[j + 1][1] + arm[j + 1];
    }
    out
}
