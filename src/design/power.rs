//! Drifts for the closed forms that stand beside a simulation: the mean of Z at a given size.
//!
//! All are normal approximations; a simulation differs from them by more than its Monte-Carlo
//! error, because counts are discrete and the variance of Z is not quite 1 under the alternative.

use crate::num::normal::upper_quantile;

/// Mean of the pooled two-proportion Z on `total` patients of whom `share_experimental` are in
/// the experimental arm.
///
/// Pooled variance under the null, unpooled under the alternative, the ratio of the two entered
/// at the fixed-sample critical value: the convention of rpact's `getPowerRates`. Not finite when
/// everyone, or nobody, has a success.
pub fn two_proportions_drift(
    (control, experimental): (f64, f64),
    share_experimental: f64,
    total: f64,
    alpha_one_sided: f64,
) -> f64 {
    let share_control = 1.0 - share_experimental;
    let pooled = share_control * control + share_experimental * experimental;
    let null_variance = pooled * (1.0 - pooled) / (share_control * share_experimental);
    let variance = control * (1.0 - control) / share_control
        + experimental * (1.0 - experimental) / share_experimental;
    let critical = upper_quantile(alpha_one_sided);
    let distance = (experimental - control) * libm::sqrt(total);
    critical + (distance - critical * libm::sqrt(null_variance)) / libm::sqrt(variance)
}

/// Mean of the proportional-odds Z on `total` patients: log odds ratio times the square root of
/// Whitehead's information, N·ρ_c·ρ_e·(1 − Σ p̄³)/3 (Whitehead 1993, Stat Med 12:2257).
///
/// `control` and `experimental` are category probabilities; p̄ weighs them by arm share.
pub fn proportional_odds_drift(
    control: &[f64],
    experimental: &[f64],
    log_odds_ratio: f64,
    share_experimental: f64,
    total: f64,
) -> f64 {
    let share_control = 1.0 - share_experimental;
    let pooled =
        control.iter().zip(experimental).map(|(c, e)| share_control * c + share_experimental * e);
    let cubes: f64 = pooled.map(|p| p * p * p).sum();
    let information = total * share_control * share_experimental * (1.0 - cubes) / 3.0;
    log_odds_ratio * libm::sqrt(information)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::design::{Design, EfficacyRule, Plan, Rules, SpendingFunction};

    fn design(looks: [u32; 3]) -> Design {
        let rule = EfficacyRule::Spending(SpendingFunction::LanDeMetsObrienFleming);
        let plan =
            Plan { looks_analysed: looks.to_vec(), rules: Rules::efficacy_only(0.025, rule) };
        Design::new(plan, looks[2]).expect("no futility to fail")
    }

    /// rpact 4.5, `getPowerRates` with Lan–DeMets O'Brien–Fleming-type spending, 25 % v 40 %.
    #[test]
    fn power_for_two_proportions_is_rpacts() {
        let cases = [
            ([104, 208, 312], 0.805624895705462, 0.0191908446489054, 0.404746991774099),
            ([116, 232, 348], 0.846655882189405, 0.0239690187423204, 0.451882482186606),
        ];
        for (looks, power, first, second) in cases {
            let total = f64::from(looks[2]);
            let drift = two_proportions_drift((0.25, 0.40), 0.5, total, 0.025);
            let out = design(looks).stopping(drift, looks[2]);
            assert!((out.rejection() - power).abs() < 1e-7);
            assert!((out.efficacy[0] - first).abs() < 1e-7);
            assert!((out.efficacy[1] - second).abs() < 1e-7);
        }
        assert!(two_proportions_drift((0.3, 0.3), 0.5, 312.0, 0.025).abs() < 1e-12);
    }

    /// Whitehead (1993) total size at 80 % power: 202 for the planning pair of ANGEL-REBOOT.
    #[test]
    fn proportional_odds_drift_gives_whiteheads_sample_size() {
        let control = [0.047, 0.074, 0.129, 0.16, 0.249, 0.141, 0.20];
        let treated = [0.0898, 0.1261, 0.1841, 0.1816, 0.2129, 0.0944, 0.1111];
        let needed = upper_quantile(0.025) + upper_quantile(0.2);
        let drift = |n: f64| proportional_odds_drift(&control, &treated, libm::log(2.0), 0.5, n);
        assert!(drift(200.0) < needed && drift(203.0) > needed);
    }
}
