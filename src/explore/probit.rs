//! Probit analysis: the dose at which a probability that rises or falls with it reaches a target.
//!
//! Finney (1971), Probit Analysis, 3rd ed., chapters 3 and 4: maximum likelihood by iteratively
//! reweighted least squares of Φ⁻¹(p) = a + b (s − s̄), Fieller's limits for the dose, and a
//! heterogeneity factor if the line does not fit.

use crate::num::root::brent;
use crate::num::{chi_squared, normal, student};

/// The number of trials with an event at one dose.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Response {
    /// Dose, on the scale on which the probit is a line.
    pub dose: f64,
    /// Trials with the event.
    pub count: f64,
    /// All trials; responses at different doses must be independent.
    pub n: f64,
}

/// A fitted line.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ProbitLine {
    /// Weighted mean dose s̄.
    centre: f64,
    /// Probit at s̄.
    a: f64,
    /// Slope, in probits per unit of dose.
    pub b: f64,
    /// Variances of a and b, which do not covary at the weighted mean, with the heterogeneity factor.
    variances: [f64; 2],
    /// Goodness of fit.
    pub fit: GoodnessOfFit,
}

/// The goodness of fit of a line.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct GoodnessOfFit {
    /// Pearson's χ² of the responses against the line.
    pub chi_squared: f64,
    /// Degrees of freedom of χ²: doses less two.
    pub df: u32,
    /// P value of χ² if the line is true; 1 without degrees of freedom.
    pub p: f64,
    /// Factor of the variances: χ²/df if p < 0.05, else 1 (Finney 1971, § 4.6).
    pub heterogeneity: f64,
}

/// Significance level of the test for lack of fit.
const LACK_OF_FIT: f64 = 0.05;

/// Fits the line to responses at two doses or more; `None` if no line has a finite likelihood maximum,
/// for example if no trial has the event, or all have it.
pub fn fit(responses: &[Response]) -> Option<ProbitLine> {
    // One dose has no slope.
    if responses.iter().all(|of| of.dose == responses[0].dose) {
        return None;
    }
    let (mut centre, mut a, mut b) = (0.0, 0.0, 0.0);
    let mut information = [0.0; 2];
    for step in 0..50 {
        let working: Vec<WorkingResponse> = responses
            .iter()
            .map(|of| {
                // Starts from the observed share, with half a trial added on either side: 0 and 1 have no
                // probit.
                let seen = (of.count + 0.5) / (of.n + 1.0);
                let probit = if step == 0 {
                    -normal::upper_quantile(seen)
                } else {
                    a + b * (of.dose - centre)
                };
                WorkingResponse::new(of, probit)
            })
            // Far from the middle the density underflows: such a dose has no weight.
            .filter(|of| of.weight > 0.0 && of.value.is_finite())
            .collect();
        let sum: f64 = working.iter().map(|of| of.weight).sum();
        centre = working.iter().map(|of| of.weight * of.dose).sum::<f64>() / sum;
        let height = working.iter().map(|of| of.weight * of.value).sum::<f64>() / sum;
        let sxx: f64 =
            working.iter().map(|of| of.weight * (of.dose - centre) * (of.dose - centre)).sum();
        let sxy: f64 =
            working.iter().map(|of| of.weight * (of.dose - centre) * (of.value - height)).sum();
        let [last_a, last_b] = [a, b];
        (a, b) = (height, sxy / sxx);
        information = [sum, sxx];
        if !(a.is_finite() && b.is_finite()) {
            return None;
        }
        if (a - last_a).abs() < 1e-10 && (b - last_b).abs() < 1e-10 * b.abs() {
            break;
        }
    }
    let fit = GoodnessOfFit::of(responses, |dose| a + b * (dose - centre));
    let variances = information.map(|of| fit.heterogeneity / of);
    Some(ProbitLine { centre, a, b, variances, fit })
}

/// A response on the scale of the line, for one step of the least squares.
struct WorkingResponse {
    dose: f64,
    weight: f64,
    value: f64,
}

impl WorkingResponse {
    fn new(response: &Response, probit: f64) -> Self {
        let Response { dose, count, n } = *response;
        let (p, density) = (normal::lower_tail(probit), normal::density(probit));
        Self {
            dose,
            weight: n * density * density / (p * (1.0 - p)),
            value: probit + (count / n - p) / density,
        }
    }
}

impl GoodnessOfFit {
    fn of(responses: &[Response], probit: impl Fn(f64) -> f64) -> Self {
        let squares = responses.iter().map(|of| {
            let p = normal::lower_tail(probit(of.dose));
            let miss = of.count - of.n * p;
            miss * miss / (of.n * p * (1.0 - p))
        });
        let chi_squared: f64 = squares.sum();
        let df = (responses.len() as u32).saturating_sub(2);
        let p = if df == 0 { 1.0 } else { chi_squared::upper_tail(chi_squared, df) };
        let heterogeneity = if p < LACK_OF_FIT { chi_squared / f64::from(df) } else { 1.0 };
        Self { chi_squared, df, p, heterogeneity }
    }
}

impl ProbitLine {
    /// Returns the probit at a dose, with its standard error.
    pub fn probit(&self, dose: f64) -> (f64, f64) {
        let x = dose - self.centre;
        (self.a + self.b * x, (self.variances[0] + x * x * self.variances[1]).sqrt())
    }

    /// Returns the dose with a probit.
    pub fn dose(&self, probit: f64) -> f64 {
        self.centre + (probit - self.a) / self.b
    }

    /// Returns the absolute slope in standard errors.
    pub fn slope_in_errors(&self) -> f64 {
        self.b.abs() / self.variances[1].sqrt()
    }

    /// Returns Fieller's limits for [`ProbitLine::dose`] at a two-sided confidence: the interval of doses
    /// whose fitted probit does not differ significantly from `probit`. `None` if the slope is not
    /// significant: no interval is bounded then.
    pub fn limits(&self, probit: f64, confidence: f64) -> Option<(f64, f64)> {
        let tail = 0.5 * (1.0 - confidence);
        // The errors follow a t distribution if their factor was estimated.
        let quantile = if self.fit.heterogeneity > 1.0 {
            student::upper_quantile(tail, f64::from(self.fit.df))
        } else {
            normal::upper_quantile(tail)
        };
        let [va, vb] = self.variances.map(|variance| quantile * quantile * variance);
        let (height, b) = (self.a - probit, self.b);
        // (height + b x)² ≤ va + vb x².
        let (square, constant) = (b * b - vb, height * height - va);
        if square <= 0.0 {
            return None;
        }
        let root = (height * b * height * b - square * constant).max(0.0).sqrt();
        let [low, high] = [-root, root].map(|root| self.centre + (-height * b + root) / square);
        Some((low, high))
    }
}

/// Returns the exact one-sided lower confidence bound of a probability, after `count` of `n` trials had
/// the event, at the level `alpha` (Clopper & Pearson 1934, Biometrika 26:404).
pub fn lower_bound(count: u64, n: u64, alpha: f64) -> f64 {
    if count == 0 {
        return 0.0;
    }
    if count == n {
        return libm::pow(alpha, 1.0 / n as f64);
    }
    let seen = count as f64 / n as f64;
    // Not from 0, whose logarithm is infinite.
    let root = brent(|p| binomial_upper_tail(count, n, p) - alpha, 1e-300, seen);
    root.unwrap_or(0.0)
}

/// Returns P(X ≥ count) for p no more than count/n, where the terms of the sum fall from the first on.
fn binomial_upper_tail(count: u64, n: u64, p: f64) -> f64 {
    let (k, all) = (count as f64, n as f64);
    let log_choose = libm::lgamma(all + 1.0) - libm::lgamma(k + 1.0) - libm::lgamma(all - k + 1.0);
    let mut term = libm::exp(log_choose + k * libm::log(p) + (all - k) * libm::log1p(-p));
    let (mut sum, mut at) = (term, k);
    // Smaller terms no longer change the sum in double precision.
    while at < all && term > 1e-17 * sum {
        term *= (all - at) / (at + 1.0) * p / (1.0 - p);
        sum += term;
        at += 1.0;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use statrs::function::beta::beta_reg;

    /// Finney (1971), table 3.1: rotenone and Macrosiphoniella sanborni, log10 of mg/l. R's
    /// `glm(cbind(y, n - y) ~ x, binomial("probit"))` gives the line −2.8875 + 4.2132 x and χ² = 1.73.
    #[test]
    fn rotenone() {
        let data = [(10.2, 44, 50), (7.7, 42, 49), (5.1, 24, 46), (3.8, 16, 48), (2.6, 6, 50)];
        let responses = data.map(|(dose, count, n)| Response {
            dose: libm::log10(dose),
            count: f64::from(count),
            n: f64::from(n),
        });
        let line = fit(&responses).expect("there is one");
        assert!((line.b - 4.2132).abs() < 1e-3, "{line:?}");
        assert!((line.probit(0.0).0 + 2.8875).abs() < 1e-3, "{line:?}");
        assert!((line.fit.chi_squared - 1.73).abs() < 0.01, "{line:?}");
        // Finney's median lethal dose: 0.6868, limits 0.640 to 0.733 or so.
        assert!((line.dose(0.0) - 0.6853).abs() < 2e-3, "{}", line.dose(0.0));
        let (low, high) = line.limits(0.0, 0.95).expect("the slope is significant");
        assert!((low - 0.64).abs() < 0.01 && (high - 0.73).abs() < 0.01, "{low} {high}");
    }

    #[test]
    fn the_lower_bound_is_that_of_the_beta_distribution() {
        for (count, n, alpha) in
            [(1, 10, 0.05), (80_400, 100_000, 0.025), (9, 10, 1e-6), (900, 1000, 0.0125)]
        {
            let bound = lower_bound(count, n, alpha);
            let tail = beta_reg(count as f64, (n - count + 1) as f64, bound);
            assert!((tail / alpha - 1.0).abs() < 1e-6, "{count} of {n}: {bound}, {tail}");
        }
        assert_eq!(lower_bound(0, 10, 0.05), 0.0);
        assert!((lower_bound(10, 10, 0.05) - 0.741134).abs() < 1e-6);
    }

    fn response(dose: f64, count: f64) -> Response {
        Response { dose, count, n: 10.0 }
    }

    #[test]
    fn all_or_nothing_has_no_limits() {
        assert!(fit(&[response(1.0, 5.0), response(1.0, 6.0)]).is_none());
        let flat = fit(&[response(1.0, 5.0), response(2.0, 5.0), response(3.0, 5.0)])
            .expect("there is a line");
        assert_eq!(flat.limits(0.5, 0.95), None);
    }
}
