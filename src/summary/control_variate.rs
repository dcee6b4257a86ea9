//! P(efficacy) by control variates, with less noise from the same replicates.
//!
//! Let Y indicate efficacy in a replicate, and D be its control variate, of mean 0. The mean of Y − bD is
//! that of Y for every b, and has the least variance at b = cov(Y, D)/var(D). The slope b of each half of
//! the replicates is estimated from the other half, so that the estimate is unbiased (splitting: Nelson
//! 1990, Oper Res 38:974; Avramidis & Wilson 1993, Oper Res Lett 14:187).

use serde::{Deserialize, Serialize};

use super::McEstimate;
use super::merge::{merge_fields, sum};
use super::moments::ExactMoments;

/// P(efficacy) by control variate.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ReducedEstimate {
    /// The probability with its Monte Carlo standard error.
    #[serde(flatten)]
    pub estimate: McEstimate,
    /// Factor by which the number of replicates would have to grow for that error without control variates.
    pub factor: f64,
}

/// Replicates with their control variates, of even and of odd number.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct ControlVariateTally {
    halves: [HalfTally; 2],
}

merge_fields!(ControlVariateTally { halves });

/// Control variates of one half of the replicates.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
struct HalfTally {
    /// Control variates of all replicates.
    all: ExactMoments,
    /// Control variates of the replicates with efficacy.
    rejecting: ExactMoments,
}

merge_fields!(HalfTally { all, rejecting });

impl ControlVariateTally {
    pub fn add(&mut self, replicate: u64, rejects: bool, deviation: f64) {
        let half = &mut self.halves[(replicate % 2) as usize];
        half.all.add(deviation);
        if rejects {
            half.rejecting.add(deviation);
        }
    }

    /// Number of replicates.
    fn n(&self) -> u64 {
        self.halves.iter().map(|half| half.all.n()).sum()
    }

    /// Whether `n` replicates, `rejecting` of them with efficacy, can have these sums.
    pub fn is_of(&self, n: u64, rejecting: u64) -> bool {
        let halves_fit = self.halves.iter().all(|HalfTally { all, rejecting }| {
            all.is_possible(f64::INFINITY)
                && rejecting.is_possible(f64::INFINITY)
                && rejecting.n() <= all.n()
        });
        halves_fit
            && sum(self.halves.iter().map(|half| half.all.n())) == u128::from(n)
            && sum(self.halves.iter().map(|half| half.rejecting.n())) == u128::from(rejecting)
    }

    /// The probability of efficacy; NaN with fewer than two replicates in either half.
    pub fn estimate(&self) -> ReducedEstimate {
        let n = self.n() as f64;
        let [even, odd] = &self.halves;
        let [(a, variance_a), (b, variance_b)] =
            [even.reduced(odd.slope()), odd.reduced(even.slope())];
        let [share_a, share_b] = [even, odd].map(|half| half.all.n() as f64 / n);
        let value = share_a * a + share_b * b;
        let squares = n * (share_a * variance_a + share_b * variance_b);
        // While variate and conclusion have always agreed, their difference has not varied, and the error
        // would be 0 without being certain. Four discordant replicates are added, as Agresti & Coull (1998,
        // Am Stat 52:119) do for a proportion.
        let mcse = (squares + ADDED).sqrt() / (n + ADDED);
        let rejecting: u64 = self.halves.iter().map(|half| half.rejecting.n()).sum();
        let plain = McEstimate::proportion(rejecting + 2, self.n() + 4).mcse;
        let factor = (plain / mcse) * (plain / mcse);
        ReducedEstimate { estimate: McEstimate::new(value, mcse, self.n()), factor }
    }
}

/// Replicates added in which variate and conclusion differ.
const ADDED: f64 = 4.0;

impl HalfTally {
    fn share(&self) -> f64 {
        self.rejecting.n() as f64 / self.all.n() as f64
    }

    /// Sample covariance of Y and D.
    fn covariance(&self) -> f64 {
        let n = self.all.n() as f64;
        // The mean of no replicates would be NaN, and make NaN of a covariance of 0.
        let mean_product =
            if self.rejecting.n() == 0 { 0.0 } else { self.share() * self.rejecting.mean() };
        (mean_product - self.share() * self.all.mean()) * n / (n - 1.0)
    }

    fn variance(&self) -> f64 {
        self.all.sd() * self.all.sd()
    }

    /// The slope b, from 0 to 1; 0 if D never varies.
    // D is the conclusion of a simpler trial less its probability: a larger slope is the noise of the few
    // replicates in which D varies, and would be worse than none. Any slope gives an unbiased mean.
    fn slope(&self) -> f64 {
        let slope = if self.variance() > 0.0 { self.covariance() / self.variance() } else { 0.0 };
        slope.clamp(0.0, 1.0)
    }

    /// Mean and variance of Y − bD.
    fn reduced(&self, b: f64) -> (f64, f64) {
        let n = self.all.n() as f64;
        let plain = self.share() * (1.0 - self.share()) * n / (n - 1.0);
        let variance = plain - 2.0 * b * self.covariance() + b * b * self.variance();
        // Not `max`, which would turn NaN into 0.
        (self.share() - b * self.all.mean(), if variance < 0.0 { 0.0 } else { variance })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(replicates: &[(bool, f64)]) -> ControlVariateTally {
        let mut tally = ControlVariateTally::default();
        for (number, &(rejects, deviation)) in (0..).zip(replicates) {
            tally.add(number, rejects, deviation);
        }
        tally
    }

    #[test]
    fn a_perfect_control_variate_gives_its_own_mean() {
        // Y = D + ¼ but for the replicates' noise in D, which is taken away.
        let replicates: Vec<_> =
            (0..400).map(|i| (i % 3 == 0, f64::from(u8::from(i % 3 == 0)) - 0.25)).collect();
        let ReducedEstimate { estimate, .. } = tally(&replicates).estimate();
        assert!((estimate.value - 0.25).abs() < 1e-12, "{estimate:?}");
        // Four discordant replicates are added.
        assert!((estimate.mcse - 2.0 / 404.0).abs() < 1e-12, "{estimate:?}");
    }

    #[test]
    fn a_control_variate_that_never_varies_changes_nothing() {
        let replicates: Vec<_> = (0..400).map(|i| (i % 5 == 0, 0.0)).collect();
        let ReducedEstimate { estimate, factor } = tally(&replicates).estimate();
        assert!((estimate.value - 0.2).abs() < 1e-15);
        // Four replicates that count as wrong are one in a hundred.
        assert!((0.95..=1.0).contains(&factor), "{factor}");
        for few in 0..4 {
            assert!(tally(&replicates[..few]).estimate().estimate.mcse.is_nan(), "{few}");
        }
    }

    /// Calculated by hand: in either half Y = 1, 1, 0, 0 and D = ½, −¼, −¼, 0.
    #[test]
    fn slope_and_variance_are_those_of_a_textbook_example() {
        let half = [(true, 0.5), (true, -0.25), (false, -0.25), (false, 0.0)];
        let both: Vec<_> = half.into_iter().flat_map(|replicate| [replicate; 2]).collect();
        let tally = tally(&both);
        // cov = (½ − ¼)/4 · 4/3 = 1/12; var = (¼ + 1/16 + 1/16)/4 · 4/3 = 1/8.
        let slope = tally.halves[0].slope();
        assert!((slope - 2.0 / 3.0).abs() < 1e-12, "{slope}");
        let ReducedEstimate { estimate, factor } = tally.estimate();
        assert!((estimate.value - 0.5).abs() < 1e-12);
        // ⅓ − (1/12)²/(1/8) = 5/18 in each of 8 replicates, 1 in 4 more.
        let squares: f64 = 8.0 * 5.0 / 18.0 + 4.0;
        assert!((estimate.mcse - squares.sqrt() / 12.0).abs() < 1e-12, "{}", estimate.mcse);
        // ¼ in each of 12 replicates without.
        assert!((factor - 12.0 * 0.25 / squares).abs() < 1e-12, "{factor}");
    }
}
