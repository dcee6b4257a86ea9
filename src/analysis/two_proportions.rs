//! Two proportions: pooled Z, risk difference with its unpooled (Wald) standard error.

use super::{FitStatus, OutcomeTable, TestResult};
use crate::outcome::Mrs;

/// Successes and patients of each arm.
fn successes(table: &OutcomeTable, cut: Mrs) -> [(f64, f64); 2] {
    table.counts.map(|arm| {
        let success: u32 = arm[..=cut.index()].iter().sum();
        let total: u32 = arm.iter().sum();
        (f64::from(success), f64::from(total))
    })
}

/// (p_e − p_c) / √(p̄(1 − p̄)(1/n_c + 1/n_e)); `None` when an arm is empty or all outcomes are alike.
pub fn pooled_z(table: &OutcomeTable, cut: Mrs) -> Option<f64> {
    let [(success_c, n_c), (success_e, n_e)] = successes(table, cut);
    let pooled = (success_c + success_e) / (n_c + n_e);
    let variance = pooled * (1.0 - pooled) * (1.0 / n_c + 1.0 / n_e);
    // Not `variance <= 0`: an empty arm makes the variance infinite or NaN.
    (variance > 0.0 && variance.is_finite())
        .then(|| (success_e / n_e - success_c / n_c) / variance.sqrt())
}

/// The risk difference, its unpooled standard error and the pooled Z. All against none has a
/// standard error of 0 and is `Separated`; its Z is still a number.
pub fn test(table: &OutcomeTable, cut: Mrs) -> TestResult {
    let Some(z) = pooled_z(table, cut) else {
        return TestResult::failed(FitStatus::NoInformation);
    };
    let [(control, variance_c), (experimental, variance_e)] =
        successes(table, cut).map(|(success, n)| {
            let p = success / n;
            (p, p * (1.0 - p) / n)
        });
    let standard_error = (variance_c + variance_e).sqrt();
    let status = if standard_error > 0.0 { FitStatus::Converged } else { FitStatus::Separated };
    TestResult::with_wald_interval(experimental - control, standard_error, z, status)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: Mrs = Mrs::INDEPENDENT;

    #[test]
    fn swapping_the_arms_flips_the_sign() {
        let counts = [[4, 8, 14, 20, 30, 15, 21], [10, 12, 17, 20, 25, 9, 12]];
        let swapped = [counts[1], counts[0]];
        let [a, b] = [counts, swapped].map(|counts| test(&OutcomeTable { counts }, TWO));
        assert!(a.z > 0.0 && a.estimate > 0.0);
        assert_eq!((a.z, a.estimate), (-b.z, -b.estimate));
        assert_eq!(a.standard_error, b.standard_error);
    }

    #[test]
    fn data_without_information_have_a_status_and_no_number() {
        let cases = [
            [[0; 7], [0; 7]],
            [[0; 7], [3, 1, 0, 2, 0, 0, 1]],
            [[5, 0, 0, 0, 0, 0, 0], [4, 1, 0, 0, 0, 0, 0]],
            [[0, 0, 0, 5, 0, 0, 0], [0, 0, 0, 0, 0, 0, 7]],
        ];
        for counts in cases {
            let table = OutcomeTable { counts };
            assert_eq!(pooled_z(&table, TWO), None, "{counts:?}");
            assert_eq!(test(&table, TWO).status, FitStatus::NoInformation);
        }
    }
}
