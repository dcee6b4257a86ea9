//! The adjusted shift analysis on data that do not determine a parameter.

use rescuesim::analysis::proportional_odds::adjusted::{
    AdjustedFit, Covariates, FitScratch, Interaction, Levels, Model, Terms,
};
use rescuesim::analysis::proportional_odds::unadjusted::fit as unadjusted_fit;
use rescuesim::analysis::{Counts, FitStatus};
use rescuesim::outcome::Mrs;

const EMPTY: [f64; 7] = [0.0; 7];
const CONTROL: [f64; 7] = [2.0, 3.0, 5.0, 8.0, 7.0, 4.0, 6.0];
const TREATED: [f64; 7] = [4.0, 5.0, 6.0, 7.0, 5.0, 3.0, 4.0];

fn all_in(level: usize, patients: f64) -> [f64; 7] {
    std::array::from_fn(|k| if k == level { patients } else { 0.0 })
}

fn model(rows: &[&[f64]]) -> Model {
    let rows: Vec<Vec<f64>> = rows.iter().map(|row| row.to_vec()).collect();
    Model { levels: Levels::ALL, covariates: Covariates::new(&rows) }
}

fn fit(rows: &[&[f64]], data: &[Counts]) -> AdjustedFit {
    model(rows).fit(data, &mut FitScratch::default())
}

fn assert_no_information(rows: &[&[f64]], data: &[Counts]) {
    let model = model(rows);
    let mut scratch = FitScratch::default();
    let fit = model.fit(data, &mut scratch);
    assert_eq!(fit.status, FitStatus::NoInformation, "{fit:?}");
    assert!(fit.log_odds_ratio.is_nan() && fit.standard_error.is_nan());
    assert_eq!(model.score(data, &mut scratch).status, FitStatus::NoInformation);
    let ratio = model.likelihood_ratio(data, &mut scratch);
    assert_eq!((ratio.fit.status, ratio.z.is_nan()), (FitStatus::NoInformation, true));
    assert_eq!(model.interaction(data, &mut scratch).status, FitStatus::NoInformation);
}

#[test]
fn tables_without_a_comparison_give_no_information() {
    let two: &[&[f64]] = &[&[0.0], &[1.0]];
    let one_patient = [[all_in(3, 1.0), EMPTY], [EMPTY; 2]];
    assert_no_information(two, &one_patient);
    assert_no_information(two, &[[EMPTY; 2]; 2]);
    assert_no_information(&[], &[]);
    assert_no_information(two, &[[CONTROL, EMPTY], [TREATED, EMPTY]]);
    assert_no_information(
        two,
        &[[all_in(2, 9.0), all_in(2, 8.0)], [all_in(2, 3.0), all_in(2, 7.0)]],
    );
}

/// The covariate equals the treatment, so the data cannot separate their effects.
#[test]
fn a_covariate_collinear_with_treatment_leaves_no_information() {
    assert_no_information(&[&[0.0], &[1.0]], &[[CONTROL, EMPTY], [EMPTY, TREATED]]);
    let four: &[&[f64]] = &[&[0.0, 1.0], &[1.0, 0.0], &[1.0, 1.0], &[0.0, 0.0]];
    let data = [[CONTROL, EMPTY], [EMPTY, TREATED], [EMPTY, TREATED], [TREATED, EMPTY]];
    assert_no_information(four, &data);
}

/// The only stratum with both arms has one outcome, so that every β has the same likelihood.
#[test]
fn a_stratum_with_one_outcome_has_no_information() {
    for level in [0, 6] {
        let data = [[CONTROL, EMPTY], [all_in(level, 9.0), all_in(level, 20.0)]];
        assert_no_information(&[&[0.0], &[1.0]], &data);
        assert_no_information(&[&[1.0], &[0.0]], &data);
    }
}

#[test]
fn separation_by_treatment_has_a_sign_and_a_likelihood_ratio() {
    let better = [3.0, 5.0, 0.0, 0.0, 0.0, 0.0, 0.0];
    let worse = [0.0, 0.0, 0.0, 1.0, 0.0, 4.0, 2.0];
    let touching = [0.0, 6.0, 0.0, 1.0, 0.0, 4.0, 2.0];
    let model = model(&[&[0.0], &[1.0]]);
    let mut scratch = FitScratch::default();
    for (data, infinity) in [
        ([[worse, better], [worse, better]], f64::INFINITY),
        ([[better, worse], [better, worse]], f64::NEG_INFINITY),
        ([[touching, better], [worse, better]], f64::INFINITY),
        ([[worse, better], [EMPTY, better]], f64::INFINITY),
        ([[CONTROL, all_in(0, 30.0)], [TREATED, all_in(0, 1.0)]], f64::INFINITY),
        ([[CONTROL, all_in(6, 1.0)], [TREATED, all_in(6, 1.0)]], f64::NEG_INFINITY),
    ] {
        let fit = model.fit(&data, &mut scratch);
        assert_eq!((fit.status, fit.log_odds_ratio), (FitStatus::Separated, infinity), "{data:?}");
        let ratio = model.likelihood_ratio(&data, &mut scratch);
        assert!(ratio.z.is_finite() && ratio.z * infinity > 0.0, "{ratio:?}");
        let score = model.score(&data, &mut scratch);
        assert_eq!(score.status, FitStatus::Converged);
        assert!(score.z_expected() * infinity > 0.0, "{score:?}");
    }
}

/// The arms overlap in the pooled table, but not within either stratum.
#[test]
fn separation_within_all_strata_is_detected() {
    let data = [[all_in(1, 5.0), all_in(0, 5.0)], [all_in(6, 5.0), all_in(5, 5.0)]];
    let fit = fit(&[&[0.0], &[1.0]], &data);
    assert_eq!((fit.status, fit.log_odds_ratio), (FitStatus::Separated, f64::INFINITY));
}

/// A stratum in which all patients have the best (or the worst) outcome does not contribute to β.
#[test]
fn separation_by_a_covariate_leaves_the_estimate_of_the_other_strata() {
    let rest = [[CONTROL, TREATED], [TREATED, CONTROL.map(|count| count + 1.0)]];
    let alone = fit(&[&[0.0], &[1.0]], &rest);
    assert_eq!((alone.status, alone.nuisance_diverged), (FitStatus::Converged, false));
    for level in [0, 6] {
        for (control, treated) in [(5.0, 6.0), (0.0, 3.0), (300.0, 1.0)] {
            let saturated = [all_in(level, control), all_in(level, treated)];
            let data = [rest[0], rest[1], saturated];
            let codings: [&[&[f64]]; 3] = [
                &[&[0.0, 0.0], &[1.0, 0.0], &[0.0, 1.0]],
                &[&[1.0, 0.0], &[0.0, 1.0], &[0.0, 0.0]],
                &[&[0.0, 1.0], &[1.0, 1.0], &[0.0, 0.0]],
            ];
            for rows in codings {
                let fit = fit(rows, &data);
                assert_eq!(fit.status, FitStatus::Converged);
                assert!(fit.nuisance_diverged);
                let difference = (fit.log_odds_ratio - alone.log_odds_ratio).abs();
                assert!(difference < 1e-7, "{difference:e}");
                assert!((fit.standard_error - alone.standard_error).abs() < 1e-7);
                let mut scratch = FitScratch::default();
                let mut log_likelihood = |rows: &[&[f64]], data: &[Counts]| {
                    model(rows).full_fit(data, Terms::Main, &mut scratch).log_likelihood
                };
                let among_the_rest = log_likelihood(&[&[0.0], &[1.0]], &rest);
                assert!((log_likelihood(rows, &data) - among_the_rest).abs() < 1e-6);
                let all = model(rows).score(&data, &mut scratch);
                let others = model(&[&[0.0], &[1.0]]).score(&rest, &mut scratch);
                assert!((all.z_expected() - others.z_expected()).abs() < 1e-6, "{all:?}");
                assert!((all.z_observed() - others.z_observed()).abs() < 1e-6, "{all:?}");
            }
        }
    }
}

/// All patients with mRS 0 are in the saturated stratum, whose removal removes the level as well.
#[test]
fn a_level_observed_only_in_a_saturated_stratum_is_dropped_with_it() {
    let (mut control, mut treated) = (CONTROL, TREATED);
    (control[0], treated[0]) = (0.0, 0.0);
    let alone = unadjusted_fit(&[control, treated]);
    let data = [[control, treated], [all_in(0, 4.0), all_in(0, 7.0)]];
    for rows in [[&[0.0][..], &[1.0]], [&[1.0], &[0.0]]] {
        let fit = fit(&rows, &data);
        assert_eq!((fit.status, fit.nuisance_diverged), (FitStatus::Converged, true));
        assert!((fit.log_odds_ratio - alone.log_odds_ratio).abs() < 1e-7);
        assert!((fit.standard_error - alone.standard_error).abs() < 1e-7);
    }
}

/// The strata share no level: the thresholds of each are fitted separately, and β is common to both.
#[test]
fn strata_that_do_not_overlap_share_the_odds_ratio() {
    let better = [[4.0, 6.0, 3.0, 0.0, 0.0, 0.0, 0.0], [7.0, 5.0, 2.0, 0.0, 0.0, 0.0, 0.0]];
    let worse = [[0.0, 0.0, 0.0, 0.0, 5.0, 3.0, 7.0], [0.0, 0.0, 0.0, 0.0, 4.0, 6.0, 3.0]];
    let fit = fit(&[&[0.0], &[1.0]], &[better, worse]);
    assert_eq!((fit.status, fit.nuisance_diverged), (FitStatus::Converged, true));
    let (a, b) = (unadjusted_fit(&better), unadjusted_fit(&worse));
    let (low, high) =
        (a.log_odds_ratio.min(b.log_odds_ratio), a.log_odds_ratio.max(b.log_odds_ratio));
    assert!((low..high).contains(&fit.log_odds_ratio), "{fit:?}");
    let weight = |fit: rescuesim::analysis::proportional_odds::unadjusted::UnadjustedFit| {
        fit.standard_error.powi(-2)
    };
    assert!((fit.standard_error.powi(-2) / (weight(a) + weight(b)) - 1.0).abs() < 0.02);
}

fn interaction(main: &[&[f64]], interactions: &[&[f64]], data: &[Counts]) -> Interaction {
    let rows = |rows: &[&[f64]]| rows.iter().map(|row| row.to_vec()).collect::<Vec<_>>();
    let covariates = Covariates::with_interactions(&rows(main), &rows(interactions));
    Model { levels: Levels::ALL, covariates }.interaction(data, &mut FitScratch::default())
}

/// A stratum without information does not contribute to the interaction. If the subgroup itself has no
/// information, there is no test; if it is separated, there is a likelihood-ratio test but no Wald test.
#[test]
fn interactions_are_defined_on_degenerate_strata() {
    let (two, subgroup): ([&[f64]; 2], [&[f64]; 2]) = ([&[0.0], &[1.0]], [&[0.0], &[1.0]]);
    let data = [[CONTROL, TREATED], [TREATED, CONTROL.map(|count| count + 1.0)]];
    let alone = interaction(&two, &subgroup, &data);
    assert_eq!((alone.status, alone.degrees_of_freedom), (FitStatus::Converged, 1));
    let saturated = [all_in(0, 5.0), all_in(0, 6.0)];
    let three: [&[f64]; 3] = [&[0.0, 0.0], &[1.0, 0.0], &[0.0, 1.0]];
    let in_three: [&[f64]; 3] = [&[0.0], &[1.0], &[0.0]];
    let with_more = interaction(&three, &in_three, &[data[0], data[1], saturated]);
    assert_eq!(with_more.status, FitStatus::Converged);
    assert!((with_more.wald - alone.wald).abs() < 1e-6, "{with_more:?} {alone:?}");
    assert!((with_more.likelihood_ratio - alone.likelihood_ratio).abs() < 1e-6);
    assert!((with_more.p_wald() - alone.p_wald()).abs() < 1e-6);

    let separated = interaction(&two, &subgroup, &[data[0], [CONTROL, all_in(0, 9.0)]]);
    assert_eq!((separated.status, separated.wald.is_nan()), (FitStatus::Separated, true));
    assert!(separated.likelihood_ratio > 0.0 && separated.p_likelihood_ratio() < 0.05);
    let empty = interaction(&two, &subgroup, &[data[0], [CONTROL, EMPTY]]);
    assert_eq!((empty.status, empty.degrees_of_freedom), (FitStatus::NoInformation, 0));
    assert!(empty.p_wald().is_nan() && empty.p_likelihood_ratio().is_nan());
}

#[test]
fn empty_and_redundant_columns_are_dropped() {
    let data = [[CONTROL, TREATED], [TREATED, CONTROL.map(|count| count + 1.0)], [EMPTY; 2]];
    let plain = fit(&[&[0.0], &[1.0]], &data[..2]);
    let rows: &[&[f64]] =
        &[&[1.0, 0.0, 3.0, 0.0, 0.0], &[1.0, 1.0, 4.0, 0.0, 0.0], &[1.0, 0.0, 7.0, 1.0, 0.0]];
    let with_more = fit(rows, &data);
    assert_eq!(with_more.status, FitStatus::Converged);
    assert!((plain.log_odds_ratio - with_more.log_odds_ratio).abs() < 1e-10);
    assert!((plain.standard_error - with_more.standard_error).abs() < 1e-10);
}

#[test]
fn zero_cells_huge_and_fractional_counts_are_fitted() {
    let control = [0.0, 3.0, 0.0, 8.0, 0.0, 4.0, 6.0];
    let treated = [4.0, 0.0, 6.0, 0.0, 0.0, 3.0, 1.0];
    let plain = fit(&[&[0.0], &[1.0]], &[[control, treated], [treated, control]]);
    assert_eq!((plain.status, plain.nuisance_diverged), (FitStatus::Converged, false));
    assert!(plain.log_odds_ratio.abs() < 1e-9);
    for scale in [1e6_f64, 1e-6] {
        let scaled = [CONTROL, TREATED].map(|arm| arm.map(|count| count * scale));
        let large = fit(&[&[]], &[scaled]);
        let small = unadjusted_fit(&[CONTROL, TREATED]);
        assert!((large.log_odds_ratio - small.log_odds_ratio).abs() < 1e-10);
        assert!((large.standard_error * scale.sqrt() - small.standard_error).abs() < 1e-8);
    }
    // One patient in a million on the other side, about the largest odds ratio in a trial.
    let [many, few] = [all_in(2, 1e6), all_in(5, 1e6)];
    let data = [[few, many].map(|arm| arm.map(|count: f64| count.max(0.0)))];
    let mut crossed = data;
    crossed[0][0][2] = 1.0;
    crossed[0][1][5] = 1.0;
    let extreme = fit(&[&[]], &crossed);
    assert_eq!(extreme.status, FitStatus::Converged, "{extreme:?}");
    assert!((extreme.log_odds_ratio - 2.0 * libm::log(1e6)).abs() < 1e-6);
    assert_eq!(fit(&[&[]], &data).status, FitStatus::Separated);
    // A nearly empty level between two frequent ones.
    let mut thin = [CONTROL, TREATED];
    (thin[0][3], thin[1][3]) = (1e-12, 2e-12);
    let without = [CONTROL, TREATED].map(|mut arm| {
        arm[3] = 0.0;
        arm
    });
    let (thin, without) = (fit(&[&[]], &[thin]), fit(&[&[]], &[without]));
    assert_eq!(thin.status, FitStatus::Converged, "{thin:?}");
    assert!((thin.log_odds_ratio - without.log_odds_ratio).abs() < 1e-6);
}

/// One workspace serves data of any shape in any order.
#[test]
fn a_reused_workspace_does_not_change_a_fit() {
    let mut scratch = FitScratch::default();
    let small = model(&[&[]]);
    let large = model(&[&[0.0, 1.0, 2.0], &[1.0, 0.0, 5.0], &[1.0, 1.0, 1.0], &[0.0, 0.0, 3.0]]);
    let data = [[CONTROL, TREATED], [TREATED, CONTROL], [CONTROL; 2], [TREATED; 2]];
    let first = (small.fit(&data[..1], &mut scratch), large.fit(&data, &mut scratch));
    let cut = Model { levels: Levels::at_most(Mrs::INDEPENDENT), ..small.clone() };
    cut.fit(&data[..1], &mut scratch);
    let again = (small.fit(&data[..1], &mut scratch), large.fit(&data, &mut scratch));
    assert_eq!(first, again);
}

/// Fourteen patients with the factors nihss ≥ 16, onset < 6 h and posterior occlusion. Patients with an
/// nihss of 16 or more have mRS 4 or worse, all others mRS 2 or better, so that its coefficient and
/// three thresholds are infinite with and without treatment. R's clm gives Z −0.7215; the further digits
/// are from Newton's method in NumPy on log F(u) + log(1 − F(l)) + log(1 − exp(l − u)).
#[test]
fn a_likelihood_ratio_does_not_start_from_infinite_parameters() {
    let rows: &[&[f64]] =
        &[&[0.0, 1.0, 1.0], &[0.0; 3], &[1.0, 0.0, 1.0], &[0.0, 1.0, 0.0], &[1.0, 0.0, 0.0]];
    let with = |levels: &[usize]| -> [f64; 7] {
        std::array::from_fn(|k| levels.iter().filter(|&&level| level == k).count() as f64)
    };
    let data = [
        [EMPTY, with(&[1])],
        [with(&[1]), with(&[2, 1, 0, 0])],
        [EMPTY, with(&[5, 6])],
        [with(&[2, 0, 0]), with(&[2])],
        [with(&[4, 6]), EMPTY],
    ];
    let ratio = model(rows).likelihood_ratio(&data, &mut FitScratch::default());
    assert_eq!(ratio.fit.status, FitStatus::Converged, "{ratio:?}");
    assert!(ratio.fit.nuisance_diverged);
    assert!((ratio.z + 0.7215198130).abs() < 1e-6, "{ratio:?}");
    assert!((ratio.null_log_likelihood - ratio.log_likelihood + 0.2602954203).abs() < 1e-7);
}
