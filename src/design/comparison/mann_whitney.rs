//! The Mann–Whitney statistic of two distributions over ordered levels.
//!
//! Noether (1987), JASA 82:645; Zhao, Rahardja & Qu (2008), Stat Med 27:462, for ties; the exact
//! variance is that of any two-sample U statistic (Lehmann 1975, *Nonparametrics*, section 2.3).

/// Mean and variance of U / (n_c·n_e), the share of pairs in which the experimental patient is
/// better, ties counting half.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MannWhitney {
    /// P(experimental patient better) + ½·P(tie), in \[0, 1\].
    pub probability_better: f64,
    /// Variance of one pair's score (1, ½ or 0).
    pair: f64,
    /// Variance of a control patient's mean score over all experimental patients.
    control: f64,
    /// Variance of an experimental patient's mean score over all control patients.
    experimental: f64,
}

impl MannWhitney {
    /// Computes the moments for two distributions over the same levels, the best first; fractions.
    pub fn new(control: &[f64], experimental: &[f64]) -> Self {
        let (mut better, mut ties) = (0.0, 0.0);
        let mut of_experimental = ScoreMoments::default();
        let mut of_control = ScoreMoments::default();
        // Shares of control patients at worse levels, and of experimental patients at better ones.
        let (mut worse, mut ahead) = (1.0, 0.0);
        for (&c, &e) in control.iter().zip(experimental) {
            worse -= c;
            of_experimental.add(e, worse + 0.5 * c);
            of_control.add(c, ahead + 0.5 * e);
            better += e * worse;
            ties += e * c;
            ahead += e;
        }
        let mean = better + 0.5 * ties;
        Self {
            probability_better: mean,
            pair: better + 0.25 * ties - mean * mean,
            control: of_control.variance(),
            experimental: of_experimental.variance(),
        }
    }

    /// Computes the exact variance of U / (n_c·n_e) for `patients` of control and experimental arm:
    /// \[ξ₁₁ + (n_c − 1)·ξ₀₁ + (n_e − 1)·ξ₁₀\] / (n_c·n_e).
    pub fn variance(&self, patients: [f64; 2]) -> f64 {
        let [n_control, n_experimental] = patients;
        let sum = self.pair
            + (n_control - 1.0) * self.experimental
            + (n_experimental - 1.0) * self.control;
        sum / (n_control * n_experimental)
    }
}

/// Computes the mean over random samples of the tie-corrected null variance of U / (n_c·n_e),
/// (N + 1 − Σ(t³ − t)/(N(N − 1))) / (12·n_c·n_e), when all N patients come from the arms' mixture.
pub fn null_variance(control: &[f64], experimental: &[f64], patients: [f64; 2]) -> f64 {
    let [n_control, n_experimental] = patients;
    let total = n_control + n_experimental;
    // The expected third falling power of a level's count t is N(N − 1)(N − 2)·p̄³.
    let MixturePowers { squares, cubes } =
        mixture_powers(control, experimental, n_experimental / total);
    (total + 1.0 - 3.0 * squares - (total - 2.0) * cubes) / (12.0 * n_control * n_experimental)
}

/// Sums of powers of the level probabilities of a mixture of both arms.
pub(super) struct MixturePowers {
    /// Σ p̄².
    squares: f64,
    /// Σ p̄³.
    pub(super) cubes: f64,
}

/// Computes the sums for a mixture with a share of experimental patients.
pub(super) fn mixture_powers(
    control: &[f64],
    experimental: &[f64],
    share_experimental: f64,
) -> MixturePowers {
    let mut powers = MixturePowers { squares: 0.0, cubes: 0.0 };
    for (c, e) in control.iter().zip(experimental) {
        let p = (1.0 - share_experimental) * c + share_experimental * e;
        powers.squares += p * p;
        powers.cubes += p * p * p;
    }
    powers
}

/// Weighted mean of a score and of its square.
#[derive(Default)]
struct ScoreMoments {
    first: f64,
    second: f64,
}

impl ScoreMoments {
    fn add(&mut self, weight: f64, value: f64) {
        self.first += weight * value;
        self.second += weight * value * value;
    }

    fn variance(&self) -> f64 {
        // Rounding may leave a score without variance slightly below 0.
        (self.second - self.first * self.first).max(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONTROL: [f64; 3] = [0.2, 0.5, 0.3];
    const EXPERIMENTAL: [f64; 3] = [0.45, 0.15, 0.4];

    /// Returns every sample of `n` patients with its probability: the levels, control first.
    fn samples(
        n: (usize, usize),
        control: &[f64; 3],
        experimental: &[f64; 3],
    ) -> Vec<(f64, Vec<usize>)> {
        let patients = n.0 + n.1;
        (0..3usize.pow(patients as u32))
            .map(|code| {
                let levels: Vec<usize> =
                    (0..patients).map(|i| code / 3usize.pow(i as u32) % 3).collect();
                let chance = levels
                    .iter()
                    .enumerate()
                    .map(|(i, &level)| if i < n.0 { control[level] } else { experimental[level] });
                (chance.product(), levels)
            })
            .collect()
    }

    /// Computes U / (n_c·n_e), pair by pair.
    fn score(n_control: usize, levels: &[usize]) -> f64 {
        let (control, experimental) = levels.split_at(n_control);
        let pairs = control.iter().flat_map(|c| experimental.iter().map(move |e| (c, e)));
        let sum: f64 = pairs
            .map(|(c, e)| f64::from(u8::from(e < c)) + 0.5 * f64::from(u8::from(e == c)))
            .sum();
        sum / (control.len() * experimental.len()) as f64
    }

    #[test]
    fn mean_and_variance_are_those_of_all_samples() {
        for n in [(1, 1), (1, 4), (2, 3), (4, 3), (5, 2)] {
            let all = samples(n, &CONTROL, &EXPERIMENTAL);
            let mean: f64 = all.iter().map(|(p, levels)| p * score(n.0, levels)).sum();
            let second: f64 = all.iter().map(|(p, levels)| p * score(n.0, levels).powi(2)).sum();
            let found = MannWhitney::new(&CONTROL, &EXPERIMENTAL);
            assert!((found.probability_better - mean).abs() < 1e-13, "{n:?}");
            let variance = found.variance([n.0 as f64, n.1 as f64]);
            assert!((variance - (second - mean * mean)).abs() < 1e-13, "{n:?}: {variance}");
        }
    }

    /// The usual correction for ties, averaged over all samples, is the formula and, without a
    /// difference, the exact variance.
    #[test]
    fn null_variance_is_the_mean_tie_corrected_one_and_exact_without_an_effect() {
        for n in [(1, 1), (2, 3), (3, 4), (5, 2)] {
            let total = (n.0 + n.1) as f64;
            let pairs = (n.0 * n.1) as f64;
            let corrected = |levels: &[usize]| {
                let ties: f64 = (0..3)
                    .map(|level| levels.iter().filter(|&&l| l == level).count() as f64)
                    .map(|t| t * t * t - t)
                    .sum();
                (total + 1.0 - ties / (total * (total - 1.0))) / (12.0 * pairs)
            };
            let all = samples(n, &CONTROL, &CONTROL);
            let mean: f64 = all.iter().map(|(p, levels)| p * corrected(levels)).sum();
            let sizes = [n.0 as f64, n.1 as f64];
            let formula = null_variance(&CONTROL, &CONTROL, sizes);
            let exact = MannWhitney::new(&CONTROL, &CONTROL).variance(sizes);
            assert!((formula - mean).abs() < 1e-13, "{n:?}: {formula} {mean}");
            assert!((formula - exact).abs() < 1e-13, "{n:?}: {formula} {exact}");
        }
    }
}
