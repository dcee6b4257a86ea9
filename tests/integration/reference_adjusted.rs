//! The adjusted shift analysis compared with R (tests/reference/README.md): every value of the models in
//! the reference.

use std::collections::BTreeMap;

use rescuesim::analysis::proportional_odds::adjusted::{
    Coefficient, Covariates, FitScratch, FullFit, Levels, LikelihoodRatio, Model, Score, Terms,
};
use rescuesim::analysis::proportional_odds::assumption::ProportionalOddsTest;
use rescuesim::analysis::{Counts, FitStatus};
use rescuesim::outcome::Mrs;

use crate::util::ordinal_data;

/// Complete results for one model on one data set.
struct Ours {
    description: FullFit,
    score: Score,
    ratio: LikelihoodRatio,
}

impl Ours {
    fn new(model: &Model, data: &[Counts]) -> Self {
        let mut scratch = FitScratch::default();
        let score = model.score(data, &mut scratch);
        let ratio = model.likelihood_ratio(data, &mut scratch);
        let description = model.full_fit(data, Terms::Main, &mut scratch);
        let fit = model.fit(data, &mut scratch);
        assert_eq!((fit.status, score.status), (FitStatus::Converged, FitStatus::Converged));
        assert!(!fit.nuisance_diverged && !score.nuisance_diverged);
        assert_eq!(fit, description.fit);
        assert!((fit.log_odds_ratio - ratio.fit.log_odds_ratio).abs() < 1e-11);
        assert!((description.log_likelihood - ratio.log_likelihood).abs() < 1e-10);
        Self { description, score, ratio }
    }

    fn covariate(&self, quantity: &str) -> Coefficient {
        let digit = quantity.as_bytes()[1] - b'1';
        self.description.main[usize::from(digit)].expect("no covariate is dropped")
    }

    /// R's coefficient is above 0 for a worse outcome, glm's (of mRS ≤ 2) for a better one. orm's
    /// score test uses the observed information.
    fn value(&self, quantity: &str) -> f64 {
        let FullFit { fit, log_likelihood, thresholds, expected_standard_error, .. } =
            &self.description;
        match quantity {
            "trt_coef_polr_sign" => -fit.log_odds_ratio,
            "trt_logOR" => fit.log_odds_ratio,
            "trt_se" => fit.standard_error,
            "trt_wald_z" => -fit.z(),
            "trt_se_expected_info" => *expected_standard_error,
            "loglik" => *log_likelihood,
            "loglik_null_trt0" => self.ratio.null_log_likelihood,
            "LR_chi2_trt" | "global_model_LR_chi2" => self.ratio.z * self.ratio.z,
            "global_score_chi2" => self.score.z_observed() * self.score.z_observed(),
            "score_U_trt" => -self.score.score,
            "score_V_expected" => self.score.expected_information,
            "score_V_observed" => self.score.observed_information,
            "score_z_expected" => -self.score.z_expected(),
            "score_z_observed" => -self.score.z_observed(),
            "x1_coef_polr_sign" | "x2_coef_polr_sign" | "x3_coef_polr_sign" => {
                -self.covariate(quantity).value
            }
            "x1_se" | "x2_se" | "x3_se" => self.covariate(quantity).standard_error,
            _ => {
                let number = quantity.strip_prefix("threshold_").expect("a quantity we know");
                thresholds[number.parse::<usize>().expect("a number") - 1].value
            }
        }
    }
}

/// polr differentiates numerically, and stops at a relative change of 1e-15 in the deviance (which
/// is 1e-7 in the estimate); orm stops slightly before the others, and glm's
/// errors are those of its last step but one.
fn tolerance(source: &str, quantity: &str) -> f64 {
    match (source, quantity) {
        ("polr", "trt_wald_z") => 1.6e-4,
        ("polr", "trt_se" | "trt_coef_polr_sign") => 5e-5,
        ("polr", _) => 1e-7,
        ("orm", "trt_wald_z") => 1e-7,
        ("glm", "trt_se") => 3e-8,
        _ => 1e-8,
    }
}

#[test]
fn adjusted_fits_agree_with_the_reference() {
    let text = include_str!("../reference/ordinal.csv");
    let data = ordinal_data();
    let covariates = |columns: usize| {
        let row = |stratum: usize| (0..columns).map(move |k| f64::from((stratum >> k & 1) as u8));
        let rows: Vec<Vec<f64>> = (0..8).map(|stratum| row(stratum).collect()).collect();
        Covariates::new(&rows)
    };
    let independence = Levels::at_most(Mrs::INDEPENDENT);
    let models = [
        ("unadjusted", Model { levels: Levels::ALL, covariates: covariates(0) }),
        ("adjusted", Model { levels: Levels::ALL, covariates: covariates(3) }),
        ("mRS<=2 logistic adjusted", Model { levels: independence, covariates: covariates(3) }),
    ];
    let mut ours: BTreeMap<(String, &str), Ours> = BTreeMap::new();
    let mut compared: BTreeMap<&str, usize> = BTreeMap::new();
    let mut largest: BTreeMap<(String, String), f64> = BTreeMap::new();
    for record in csv::Reader::from_reader(text.as_bytes()).records() {
        let record = record.expect("a well-formed reference");
        let (set, quantity, source) = (&record[0], &record[2], &record[4]);
        let Some((name, model)) = models.iter().find(|(name, _)| *name == &record[1]) else {
            continue;
        };
        let theirs: f64 = record[3].parse().expect("a number");
        let fitted =
            ours.entry((set.to_owned(), name)).or_insert_with(|| Ours::new(model, &data[set]));
        let difference = (fitted.value(quantity) - theirs).abs();
        let allowed = tolerance(source, quantity) * theirs.abs().max(1.0);
        assert!(difference <= allowed, "{set} {name} {quantity} {source}: off by {difference:e}");
        *compared.entry(name).or_default() += 1;
        let most = largest.entry((source.to_owned(), quantity.to_owned())).or_default();
        *most = most.max(difference);
    }
    println!("{largest:#?}");
    let expected = [("adjusted", 182), ("mRS<=2 logistic adjusted", 10), ("unadjusted", 293)];
    assert_eq!(compared, BTreeMap::from(expected));
}

/// Tables of the two levels of covariate `x`, summed over the strata.
fn by_covariate(strata: &[Counts; 8], x: usize) -> [Counts; 2] {
    let mut levels = [Counts::default(); 2];
    for (stratum, counts) in strata.iter().enumerate() {
        let level = &mut levels[stratum >> x & 1];
        let cells = level.iter_mut().flatten().zip(counts.iter().flatten());
        cells.for_each(|(sum, count)| *sum += count);
    }
    levels
}

/// Every row of proportional.csv: the test of proportional odds, and the interactions.
#[test]
fn supplementary_analyses_agree_with_the_reference() {
    let data = ordinal_data();
    let text = include_str!("../reference/proportional.csv");
    let mut scratch = FitScratch::default();
    let mut compared = 0;
    for record in csv::Reader::from_reader(text.as_bytes()).records() {
        let record = record.expect("a well-formed reference");
        let theirs: f64 = record[2].parse().expect("a number");
        let strata = &data[&record[0]];
        let quantity = &record[1];
        let ours = if quantity.starts_with("proportional") {
            let [a, b] = by_covariate(strata, 0);
            let all = [0, 1].map(|arm| std::array::from_fn(|j| a[arm][j] + b[arm][j]));
            let test = ProportionalOddsTest::new(&all, &mut scratch).expect("arms overlap");
            if quantity.ends_with("df") {
                f64::from(test.degrees_of_freedom)
            } else {
                test.likelihood_ratio
            }
        } else {
            let x = usize::from(quantity.as_bytes()[quantity.len() - 1] - b'1');
            let rows = [vec![0.0], vec![1.0]];
            let covariates = Covariates::with_interactions(&rows, &rows);
            let model = Model { levels: Levels::ALL, covariates };
            let test = model.interaction(&by_covariate(strata, x), &mut scratch);
            assert_eq!((test.status, test.degrees_of_freedom), (FitStatus::Converged, 1));
            if quantity.contains("wald") { test.wald } else { test.likelihood_ratio }
        };
        assert!((ours - theirs).abs() < 1e-5, "{record:?}: {ours}");
        compared += 1;
    }
    assert_eq!(compared, 80);
}
