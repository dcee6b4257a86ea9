//! P(efficacy) with the help of a control variate: less noise from the same replicates.
//!
//! With Y whether a replicate shows efficacy and D its control variate, of mean 0, the mean of Y − bD is
//! that of Y whatever b is, and has the least variance at b = cov(Y, D)/var(D). That is estimated from
//! the replicates, but for each half of them from the other half, so that nothing is biased (Avramidis
//! & Wilson 1993, Oper Res 41:1134).

use serde::{Deserialize, Serialize};

use super::{McEstimate, moments::Moments};

/// P(efficacy) by control variate.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ReducedEstimate {
    /// With its Monte-Carlo error.
    #[serde(flatten)]
    pub estimate: McEstimate,
    /// How many times as many replicates would be needed for that error without; 1 where the error is 0.
    pub factor: f64,
}

/// Replicates with their control variate, those of even and odd number apart.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct ControlTally {
    halves: [Half; 2],
}

/// Control variates of all replicates, and of those that show efficacy.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
struct Half {
    all: Moments,
    rejecting: Moments,
}

impl ControlTally {
    pub fn add(&mut self, replicate: u64, rejects: bool, deviation: f64) {
        let half = &mut self.halves[(replicate % 2) as usize];
        half.all.add(deviation);
        if rejects {
            half.rejecting.add(deviation);
        }
    }

    pub fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.halves.iter_mut().zip(&other.halves) {
            mine.all.merge(&theirs.all);
            mine.rejecting.merge(&theirs.rejecting);
        }
    }

    /// Replicates taken in.
    fn n(&self) -> u64 {
        self.halves.iter().map(|half| half.all.n()).sum()
    }

    /// Whether it can be that of `n` replicates, `rejecting` of which show efficacy.
    pub fn is_of(&self, n: u64, rejecting: u64) -> bool {
        let possible = |moments: &Moments| moments.is_possible(f64::INFINITY);
        let halves = self.halves.iter();
        let all_fit = halves.clone().all(|Half { all, rejecting }| {
            possible(all) && possible(rejecting) && rejecting.n() <= all.n() && all.n() <= n
        });
        let sum = |of: fn(&Half) -> u64| halves.clone().map(of).map(u128::from).sum::<u128>();
        all_fit
            && sum(|half| half.all.n()) == u128::from(n)
            && sum(|half| half.rejecting.n()) == u128::from(rejecting)
    }

    /// NaN with fewer than two replicates in either half.
    pub fn estimate(&self) -> ReducedEstimate {
        let n = self.n() as f64;
        let [even, odd] = &self.halves;
        let [(a, variance_a), (b, variance_b)] =
            [even.reduced(odd.slope()), odd.reduced(even.slope())];
        let [share_a, share_b] = [even, odd].map(|half| half.all.n() as f64 / n);
        let value = share_a * a + share_b * b;
        let mcse = ((share_a * variance_a + share_b * variance_b) / n).sqrt();
        let rejecting = self.halves.iter().map(|half| half.rejecting.n()).sum();
        let plain = McEstimate::proportion(rejecting, self.n());
        let factor = if mcse == 0.0 { 1.0 } else { (plain.mcse / mcse) * (plain.mcse / mcse) };
        ReducedEstimate { estimate: McEstimate { value, mcse, n: self.n() }, factor }
    }

    /// The standard error that it is safe to stop by: as long as the variate and what a replicate shows
    /// have always gone together the error is 0, so it is not taken to be less than with four
    /// replicates in which they do not.
    pub fn error_to_stop_by(&self) -> f64 {
        let McEstimate { mcse, n, .. } = self.estimate().estimate;
        let (n, more) = (n as f64, n as f64 + 4.0);
        mcse.max(((mcse * mcse * n * n + 4.0) / more / more).sqrt())
    }
}

impl Half {
    fn share(&self) -> f64 {
        self.rejecting.n() as f64 / self.all.n() as f64
    }

    /// cov(Y, D), as a sample's.
    fn covariance(&self) -> f64 {
        let n = self.all.n() as f64;
        let mean_product =
            if self.rejecting.n() == 0 { 0.0 } else { self.share() * self.rejecting.mean() };
        (mean_product - self.share() * self.all.mean()) * n / (n - 1.0)
    }

    fn variance(&self) -> f64 {
        self.all.sd() * self.all.sd()
    }

    /// The best b; 0 where D never varies.
    fn slope(&self) -> f64 {
        if self.variance() > 0.0 { self.covariance() / self.variance() } else { 0.0 }
    }

    /// Mean and variance of Y − bD.
    fn reduced(&self, b: f64) -> (f64, f64) {
        let n = self.all.n() as f64;
        let plain = self.share() * (1.0 - self.share()) * n / (n - 1.0);
        let variance = plain - 2.0 * b * self.covariance() + b * b * self.variance();
        // Not `max`, which makes 0 of what is not a number.
        (self.share() - b * self.all.mean(), if variance < 0.0 { 0.0 } else { variance })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(replicates: &[(bool, f64)]) -> ControlTally {
        let mut tally = ControlTally::default();
        for (number, &(rejects, deviation)) in (0..).zip(replicates) {
            tally.add(number, rejects, deviation);
        }
        tally
    }

    #[test]
    fn a_perfect_control_leaves_its_own_mean() {
        // Y = D + ¼ but for the replicates' noise in D, which is taken away.
        let replicates: Vec<_> =
            (0..400).map(|i| (i % 3 == 0, f64::from(u8::from(i % 3 == 0)) - 0.25)).collect();
        let ReducedEstimate { estimate, .. } = tally(&replicates).estimate();
        assert!((estimate.value - 0.25).abs() < 1e-12 && estimate.mcse < 1e-8, "{estimate:?}");
    }

    #[test]
    fn a_control_that_never_varies_changes_nothing() {
        let replicates: Vec<_> = (0..400).map(|i| (i % 5 == 0, 0.0)).collect();
        let ReducedEstimate { estimate, factor } = tally(&replicates).estimate();
        assert!((estimate.value - 0.2).abs() < 1e-15);
        assert!((factor - 1.0).abs() < 0.01, "{factor}");
        for few in 0..4 {
            assert!(tally(&replicates[..few]).estimate().estimate.mcse.is_nan(), "{few}");
        }
    }

    #[test]
    fn what_always_went_together_may_not_always_do() {
        let replicates: Vec<_> =
            (0..8192).map(|i| (i % 3 == 0, f64::from(u8::from(i % 3 == 0)))).collect();
        let tally = tally(&replicates);
        assert!(tally.estimate().estimate.mcse < 1e-8);
        assert!((tally.error_to_stop_by() - 2.0 / 8196.0).abs() < 1e-8);
        // Where they do not, it makes no difference to speak of.
        let replicates: Vec<_> = (0..8192).map(|i| (i % 4 == 0, f64::from(i % 3) - 1.0)).collect();
        let tally = self::tally(&replicates);
        let mcse = tally.estimate().estimate.mcse;
        assert!((tally.error_to_stop_by() / mcse - 1.0).abs() < 0.002);
    }

    /// By hand: in either half Y = 1, 1, 0, 0 and D = ½, −¼, −¼, 0.
    #[test]
    fn the_slope_and_its_variance_are_those_of_the_textbook() {
        let half = [(true, 0.5), (true, -0.25), (false, -0.25), (false, 0.0)];
        let both: Vec<_> = half.into_iter().flat_map(|replicate| [replicate; 2]).collect();
        let tally = tally(&both);
        // cov = (½ − ¼)/4 · 4/3 = 1/12; var = (¼ + 1/16 + 1/16)/4 · 4/3 = 1/8.
        let slope = tally.halves[0].slope();
        assert!((slope - 2.0 / 3.0).abs() < 1e-12, "{slope}");
        let ReducedEstimate { estimate, factor } = tally.estimate();
        assert!((estimate.value - 0.5).abs() < 1e-12);
        // ⅓ − (1/12)²/(1/8) = 5/18, over 8 replicates.
        assert!((estimate.mcse - (5.0 / 18.0 / 8.0_f64).sqrt()).abs() < 1e-12, "{}", estimate.mcse);
        assert!((factor - 0.25 / (5.0 / 18.0)).abs() < 1e-12, "{factor}");
    }
}
