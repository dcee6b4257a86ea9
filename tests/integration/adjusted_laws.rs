//! Laws of the adjusted shift analysis on random tables.

use proptest::prelude::*;

use rescuesim::analysis::proportional_odds::adjusted::{
    AdjustedFit, Covariates, FitScratch, Levels, Model, Score, Terms,
};
use rescuesim::analysis::proportional_odds::unadjusted::{fit as unadjusted_fit, score_z};
use rescuesim::analysis::{Counts, FitStatus, OutcomeTable};
use rescuesim::outcome::LEVELS;

fn table(below: u32) -> impl Strategy<Value = Counts> {
    prop::array::uniform2(prop::array::uniform7((0..below).prop_map(f64::from)))
}

/// Four strata of two binary factors.
fn strata(below: u32) -> impl Strategy<Value = Vec<Counts>> {
    prop::collection::vec(table(below), 4)
}

fn levels() -> impl Strategy<Value = Levels> {
    prop::array::uniform6(any::<bool>()).prop_map(Levels::ending)
}

fn two_factors() -> Vec<Vec<f64>> {
    vec![vec![0.0, 0.0], vec![0.0, 1.0], vec![1.0, 0.0], vec![1.0, 1.0]]
}

fn model(rows: &[Vec<f64>], levels: Levels) -> Model {
    Model { levels, covariates: Covariates::new(rows) }
}

/// A fit with its log likelihood, which the fit alone does not return.
#[derive(Debug)]
struct Fitted {
    fit: AdjustedFit,
    log_likelihood: f64,
}

fn fit(model: &Model, data: &[Counts]) -> Fitted {
    let mut scratch = FitScratch::default();
    let log_likelihood = model.full_fit(data, Terms::Main, &mut scratch).log_likelihood;
    Fitted { fit: model.fit(data, &mut scratch), log_likelihood }
}

fn score(model: &Model, data: &[Counts]) -> Score {
    model.score(data, &mut FitScratch::default())
}

/// Fails unless two fits have the same status and, if they converged, the same numbers.
fn same(a: &Fitted, b: &Fitted, tolerance: f64) -> Result<(), TestCaseError> {
    let log_likelihoods = [a.log_likelihood, b.log_likelihood];
    let (a, b) = (&a.fit, &b.fit);
    prop_assert_eq!(a.status, b.status);
    prop_assert_eq!(a.nuisance_diverged, b.nuisance_diverged);
    match a.status {
        FitStatus::Converged => {
            prop_assert!((a.log_odds_ratio - b.log_odds_ratio).abs() < tolerance, "{a:?} {b:?}");
            prop_assert!((a.standard_error - b.standard_error).abs() < tolerance, "{a:?} {b:?}");
            let [a, b] = log_likelihoods;
            prop_assert!((a - b).abs() < 1e-6, "{a} {b}");
        }
        FitStatus::Separated => prop_assert_eq!(a.log_odds_ratio, b.log_odds_ratio),
        _ => {}
    }
    Ok(())
}

proptest! {
    /// A quantity that is not a number has a status with the reason, also on very sparse data.
    #[test]
    fn every_fit_has_a_value_or_a_status_with_the_reason(data in strata(2), levels in levels()) {
        let model = model(&two_factors(), levels);
        let mut scratch = FitScratch::default();
        let fit = model.fit(&data, &mut scratch);
        match fit.status {
            FitStatus::Converged => {
                prop_assert!(fit.log_odds_ratio.abs() < 50.0, "{fit:?}");
                prop_assert!(fit.standard_error > 0.0 && fit.standard_error < 1e3, "{fit:?}");
            }
            FitStatus::Separated => prop_assert!(fit.log_odds_ratio.is_infinite()),
            FitStatus::NoInformation => prop_assert!(fit.log_odds_ratio.is_nan()),
            FitStatus::NotConverged => prop_assert!(false, "{:?}", data),
        }
        let score = model.score(&data, &mut scratch);
        match score.status {
            FitStatus::Converged => {
                prop_assert!(score.z_expected().is_finite() && score.z_observed().is_finite());
            }
            status => prop_assert_eq!(status, FitStatus::NoInformation),
        }
        // The fit and the score test detect a lack of information independently.
        prop_assert_eq!(
            score.status == FitStatus::NoInformation,
            fit.status == FitStatus::NoInformation,
            "{:?} {:?} {:?}", score, fit, data
        );
        let ratio = model.likelihood_ratio(&data, &mut scratch);
        prop_assert_eq!(ratio.fit.status, fit.status);
        prop_assert_eq!(ratio.z.is_finite(), fit.status != FitStatus::NoInformation);
        if ratio.z.is_finite() {
            prop_assert!(ratio.log_likelihood <= 0.0, "{ratio:?}");
        }
    }

    #[test]
    fn the_likelihood_is_never_lower_than_at_the_null(data in strata(4), levels in levels()) {
        let model = model(&two_factors(), levels);
        let ratio = model.likelihood_ratio(&data, &mut FitScratch::default());
        if ratio.fit.status != FitStatus::NoInformation {
            prop_assert!(ratio.log_likelihood >= ratio.null_log_likelihood - 1e-9, "{ratio:?}");
        }
    }

    #[test]
    fn swapping_the_arms_flips_every_sign(data in strata(6), levels in levels()) {
        let model = model(&two_factors(), levels);
        let swapped: Vec<Counts> = data.iter().map(|table| [table[1], table[0]]).collect();
        let mut flipped = fit(&model, &swapped);
        flipped.fit.log_odds_ratio = -flipped.fit.log_odds_ratio;
        same(&fit(&model, &data), &flipped, 1e-6)?;
        let (a, b) = (score(&model, &data), score(&model, &swapped));
        prop_assert_eq!(a.status, b.status);
        if a.status == FitStatus::Converged {
            prop_assert!((a.z_expected() + b.z_expected()).abs() < 1e-6, "{a:?} {b:?}");
            prop_assert!((a.z_observed() + b.z_observed()).abs() < 1e-6, "{a:?} {b:?}");
        }
    }

    /// Reversing the outcome scale, so that death is best, flips the signs as well.
    #[test]
    fn reversing_the_outcome_flips_every_sign(data in strata(6)) {
        let model = model(&two_factors(), Levels::ALL);
        let mut reversed = data.clone();
        reversed.iter_mut().flatten().for_each(|arm| arm.reverse());
        let mut flipped = fit(&model, &reversed);
        flipped.fit.log_odds_ratio = -flipped.fit.log_odds_ratio;
        same(&fit(&model, &data), &flipped, 1e-6)?;
    }

    /// Halving every stratum, with the same covariates in both halves, gives the same fit; a further
    /// covariate that distinguishes the halves has a coefficient of 0 and changes nothing.
    #[test]
    fn splitting_strata_leaves_the_fit_unchanged(data in strata(6)) {
        let rows = two_factors();
        let whole = fit(&model(&rows, Levels::ALL), &data);
        let half = data.iter().map(|table| table.map(|arm| arm.map(|count| count / 2.0)));
        let halves: Vec<Counts> = half.flat_map(|table| [table, table]).collect();
        let twice: Vec<Vec<f64>> = rows.iter().flat_map(|row| [row.clone(), row.clone()]).collect();
        same(&whole, &fit(&model(&twice, Levels::ALL), &halves), 1e-6)?;
        let mut told_apart = twice;
        told_apart.iter_mut().enumerate().for_each(|(i, row)| row.push((i % 2) as f64));
        same(&whole, &fit(&model(&told_apart, Levels::ALL), &halves), 1e-6)?;
    }

    /// Every coding of the strata that spans the same space gives the same fit.
    #[test]
    fn the_coding_of_strata_leaves_the_fit_unchanged(data in strata(6), levels in levels()) {
        let dummies = fit(&model(&two_factors(), levels), &data);
        let sums = [vec![1.0, 1.0], vec![1.0, -1.0], vec![-1.0, 1.0], vec![-1.0, -1.0]];
        let scaled = [vec![7.0, 1e3], vec![7.0, 0.0], vec![4.0, 1e3], vec![4.0, 0.0]];
        let redundant = two_factors().into_iter().map(|row| {
            vec![1.0, row[0], 0.0, 1.0 - row[0], row[1], row[0] - 2.0 * row[1]]
        });
        let redundant: Vec<Vec<f64>> = redundant.collect();
        for rows in [&sums[..], &scaled, &redundant] {
            same(&dummies, &fit(&model(rows, levels), &data), 1e-6)?;
        }
    }

    #[test]
    fn merging_levels_never_raises_the_information(
        data in strata(9),
        ends in prop::array::uniform6(any::<bool>()),
        keep in prop::array::uniform6(any::<bool>()),
    ) {
        let rows = [vec![], vec![], vec![], vec![]];
        let fewer = std::array::from_fn(|k| ends[k] && keep[k]);
        let fine = score(&model(&rows, Levels::ending(ends)), &data);
        let coarse = score(&model(&rows, Levels::ending(fewer)), &data);
        if coarse.status == FitStatus::Converged {
            let excess = coarse.expected_information - fine.expected_information;
            prop_assert!(excess <= 1e-9 * fine.expected_information, "{fine:?} {coarse:?}");
        }
    }

    /// Without covariates, the fit and the score test (which is Wilcoxon's) are those of one table.
    #[test]
    fn a_fit_without_covariates_equals_the_unadjusted_fit(table in table(4)) {
        let model = Model { levels: Levels::ALL, covariates: Covariates::none() };
        let (here, there) = (fit(&model, &[table]).fit, unadjusted_fit(&table));
        prop_assert_eq!(here.status, there.status);
        if here.status == FitStatus::Converged {
            prop_assert!((here.log_odds_ratio - there.log_odds_ratio).abs() < 1e-9);
            prop_assert!((here.standard_error - there.standard_error).abs() < 1e-8);
            prop_assert!(!here.nuisance_diverged);
        }
        if there.status == FitStatus::Separated {
            prop_assert_eq!(here.log_odds_ratio, there.log_odds_ratio);
        }
        let counts = table.map(|arm| arm.map(|count| count as u32));
        let score = score(&model, &[table]);
        match score_z(&OutcomeTable { counts }.weights()) {
            Some(z) => prop_assert!((score.z_expected() - z).abs() < 1e-10, "{score:?} {z}"),
            None => prop_assert_eq!(score.status, FitStatus::NoInformation),
        }
    }

    /// Score Z with expected information is Wilcoxon's Z with the tie correction, times √(N / (N − 1)).
    #[test]
    fn the_score_test_equals_the_wilcoxon_test(table in table(40)) {
        let [n_c, n_e] = table.map(|arm| arm.iter().sum::<f64>());
        let n = n_c + n_e;
        let (mut wins, mut below, mut ties) = (0.0, 0.0, 0.0);
        for j in (0..LEVELS).rev() {
            let (c, e) = (table[0][j], table[1][j]);
            wins += e * (below + 0.5 * c);
            below += c;
            ties += (c + e).powi(3) - (c + e);
        }
        let variance = n_c * n_e / 12.0 * ((n + 1.0) - ties / (n * (n - 1.0)));
        let score = score(&model(&[vec![]], Levels::ALL), &[table]);
        if score.status == FitStatus::Converged {
            let wilcoxon = (wins - 0.5 * n_c * n_e) / variance.sqrt();
            let expected = wilcoxon * (n / (n - 1.0)).sqrt();
            prop_assert!((score.z_expected() - expected).abs() < 1e-9);
        }
    }

    /// With two levels and one group the estimate is the log odds ratio of a 2×2 table, and its error
    /// Woolf's; with strata, the fit solves the equations of logistic regression.
    #[test]
    fn two_levels_give_logistic_regression(data in strata(30), cut in 0..6usize) {
        let levels = Levels::ending(std::array::from_fn(|k| k == cut));
        let cells = |table: &Counts| {
            table.map(|arm| [arm[..=cut].iter().sum::<f64>(), arm[cut + 1..].iter().sum()])
        };
        let [[a, b], [c, d]] = cells(&data[0]);
        let single = fit(&model(&[vec![]], levels), &data[..1]).fit;
        if a.min(b).min(c).min(d) > 0.0 {
            prop_assert!((single.log_odds_ratio - libm::log(c * b / (d * a))).abs() < 1e-10);
            let woolf = (1.0 / a + 1.0 / b + 1.0 / c + 1.0 / d).sqrt();
            prop_assert!((single.standard_error - woolf).abs() < 1e-7);
        }
        let rows = two_factors();
        let model = model(&rows, levels);
        let described = model.full_fit(&data, Terms::Main, &mut FitScratch::default());
        if described.fit.status == FitStatus::Converged && !described.fit.nuisance_diverged {
            let coefficient = |k: usize| described.main[k].map_or(0.0, |estimate| estimate.value);
            let mut residuals = [0.0; 4];
            for (row, table) in rows.iter().zip(&data) {
                for (arm, [better, worse]) in cells(table).into_iter().enumerate() {
                    let treated = arm as f64;
                    let x = described.thresholds[0].value
                        + treated * described.fit.log_odds_ratio
                        + row[0] * coefficient(0)
                        + row[1] * coefficient(1);
                    let residual = better - (better + worse) / (1.0 + libm::exp(-x));
                    for (sum, value) in residuals.iter_mut().zip([1.0, treated, row[0], row[1]]) {
                        *sum += value * residual;
                    }
                }
            }
            prop_assert!(residuals.iter().all(|sum| sum.abs() < 1e-8), "{residuals:?}");
        }
    }

    /// Weights scale the information and do not change the estimate.
    #[test]
    fn weights_scale_the_information_and_not_the_estimate(data in strata(9), by in 1e-3..1e3f64) {
        let model = model(&two_factors(), Levels::ALL);
        let weighted: Vec<Counts> =
            data.iter().map(|table| table.map(|arm| arm.map(|count| count * by))).collect();
        let (a, mut b) = (fit(&model, &data), fit(&model, &weighted));
        b.fit.standard_error *= by.sqrt();
        b.log_likelihood /= by;
        same(&a, &b, 1e-6)?;
    }

    /// For an interaction with a factor of two levels, Wald's χ² is the square of the estimate divided by
    /// its error, and the likelihood ratio is the gain over the model with main effects.
    #[test]
    fn an_interaction_is_a_difference_of_effects(data in strata(12)) {
        let rows = two_factors();
        let by_first: Vec<Vec<f64>> = rows.iter().map(|row| vec![row[0]]).collect();
        let covariates = Covariates::with_interactions(&rows, &by_first);
        let model = Model { levels: Levels::ALL, covariates };
        let mut scratch = FitScratch::default();
        let interaction = model.interaction(&data, &mut scratch);
        let described = model.full_fit(&data, Terms::Interactions, &mut scratch);
        if interaction.status == FitStatus::Converged {
            prop_assert_eq!(interaction.degrees_of_freedom, 1);
            let estimate = described.interactions[0].expect("it is not dropped");
            let z = estimate.value / estimate.standard_error;
            prop_assert!((interaction.wald - z * z).abs() < 1e-6 * (1.0 + z * z));
            prop_assert!((0.0..=1.0).contains(&interaction.p_likelihood_ratio()));
            let main = model.likelihood_ratio(&data, &mut scratch);
            let gain = 2.0 * (described.log_likelihood - main.log_likelihood);
            prop_assert!((interaction.likelihood_ratio - gain).abs() < 1e-7, "{gain}");
        }
    }

    /// With two levels and a factor of two, the interaction is the difference of the strata's log
    /// odds ratios, whose variances (Woolf's) add up.
    #[test]
    fn a_logistic_interaction_is_woolfs_test(data in prop::collection::vec(table(20), 2)) {
        let levels = Levels::ending(std::array::from_fn(|k| k == 2));
        let rows = [vec![0.0], vec![1.0]];
        let model = Model { levels, covariates: Covariates::with_interactions(&rows, &rows) };
        let (mut difference, mut variance, mut sign) = (0.0, 0.0, 1.0);
        for table in &data {
            let [[a, b], [c, d]] =
                table.map(|arm| [arm[..3].iter().sum::<f64>(), arm[3..].iter().sum()]);
            difference += sign * libm::log(c * b / (d * a));
            variance += 1.0 / a + 1.0 / b + 1.0 / c + 1.0 / d;
            sign = -1.0;
        }
        let interaction = model.interaction(&data, &mut FitScratch::default());
        if variance.is_finite() {
            let wald = difference * difference / variance;
            prop_assert!((interaction.wald - wald).abs() < 1e-6 * (1.0 + wald), "{interaction:?}");
        } else {
            prop_assert!(interaction.status != FitStatus::Converged, "{interaction:?}");
        }
    }
}
