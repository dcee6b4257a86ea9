//! P(efficacy) with the help of a control variate: less noise from the same replicates.
//!
//! With Y whether a replicate shows efficacy and D its control variate, of mean 0, the mean of Y − bD is
//! that of Y whatever b is, and has the least variance at b = cov(Y, D)/var(D). That is estimated from
//! the replicates, but for each half of them from the other half, so that nothing is biased (Avramidis
//! & Wilson 1993, Oper Res Lett 14:187).

use serde::{Deserialize, Serialize};

use super::{McEstimate, moments::Moments};

/// P(efficacy) by control variate.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ReducedEstimate {
    /// With its Monte-Carlo error.
    #[serde(flatten)]
    pub estimate: McEstimate,
    /// How many times as many replicates would be needed for that error without.
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
    ///
    /// As long as the variate and what a replicate shows have always gone together their difference has
    /// not varied, which does not make it certain: its variance is that with four replicates more in
    /// which they do not, as Agresti & Coull (1998, Am Stat 52:119) do for a proportion.
    pub fn estimate(&self) -> ReducedEstimate {
        let n = self.n() as f64;
        let [even, odd] = &self.halves;
        let [(a, variance_a), (b, variance_b)] =
            [even.reduced(odd.slope()), odd.reduced(even.slope())];
        let [share_a, share_b] = [even, odd].map(|half| half.all.n() as f64 / n);
        let value = share_a * a + share_b * b;
        let squares = n * (share_a * variance_a + share_b * variance_b);
        let mcse = (squares + MORE).sqrt() / (n + MORE);
        let rejecting: u64 = self.halves.iter().map(|half| half.rejecting.n()).sum();
        let plain = McEstimate::proportion(rejecting + 2, self.n() + 4).mcse;
        let factor = (plain / mcse) * (plain / mcse);
        ReducedEstimate { estimate: McEstimate::new(value, mcse, self.n()), factor }
    }
}

/// Replicates in which a variate and what a trial shows are taken to differ.
const MORE: f64 = 4.0;

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
        assert!((estimate.value - 0.25).abs() < 1e-12, "{estimate:?}");
        // What has always gone together may not always do.
        assert!((estimate.mcse - 2.0 / 404.0).abs() < 1e-12, "{estimate:?}");
    }

    #[test]
    fn a_control_that_never_varies_changes_nothing() {
        let replicates: Vec<_> = (0..400).map(|i| (i % 5 == 0, 0.0)).collect();
        let ReducedEstimate { estimate, factor } = tally(&replicates).estimate();
        assert!((estimate.value - 0.2).abs() < 1e-15);
        // Four replicates that count as wrong are one in a hundred.
        assert!((0.95..=1.0).contains(&factor), "{factor}");
        for few in 0..4 {
            assert!(tally(&replicates[..few]).estimate().estimate.mcse.is_nan(), "{few}");
        }
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
        // ⅓ − (1/12)²/(1/8) = 5/18 in each of 8 replicates, 1 in 4 more.
        let squares: f64 = 8.0 * 5.0 / 18.0 + 4.0;
        assert!((estimate.mcse - squares.sqrt() / 12.0).abs() < 1e-12, "{}", estimate.mcse);
        // ¼ in each of 12 replicates without.
        assert!((factor - 12.0 * 0.25 / squares).abs() < 1e-12, "{factor}");
    }
}
