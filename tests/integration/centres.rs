//! Laws of recruitment by centres, and of allocation within them. Seeds are fixed; the probability that a
//! fresh seed would fail is stated where it is not negligible.

use rescuesim::accrual::{Accrual, DAYS_PER_MONTH};
use rescuesim::centres::{ArrivalStreams, Arrivals, CentreEffects, Centres, Opening, Recruitment};
use rescuesim::rng::{Purpose, Replicate, Seed, Streams};
use rescuesim::scenario::Truth::{Alternative, Null};
use rescuesim::summary::{CentreSummary, OperatingCharacteristics};

use crate::util::{
    Results, assert_within, output, project, rescuesim, scenario, simulate, simulate_file,
};

const SHIPPED: &str = "scenarios/angel-reboot-centres.toml";

fn centres(number: u32, rate_shape: Option<f64>, opening: Opening) -> Centres {
    Centres { number, rate_shape, opening, sd: CentreEffects::default() }
}

/// Recruits the patients of each trial and passes their days of arrival and their centres to `see`.
fn recruit(
    centres: &Centres,
    accrual: &Accrual,
    trials: u64,
    patients: u32,
    mut see: impl FnMut(&[f64], &[u32]),
) {
    let streams = Streams::new(Seed(12));
    let mut recruitment = Recruitment::default();
    let (mut days, mut of_patient) = (Vec::new(), Vec::new());
    for trial in (0..trials).map(Replicate) {
        recruitment.draw(centres, accrual, &mut streams.stream(trial, Purpose::Centre));
        let mut streams = ArrivalStreams {
            gaps: streams.stream(trial, Purpose::Arrival),
            choices: streams.stream(trial, Purpose::CentreOfPatient),
        };
        let columns = Arrivals { days: &mut days, centres: &mut of_patient };
        recruitment.arrivals(centres, accrual, patients, &mut streams, columns);
        see(&days, &of_patient);
    }
}

/// Mean, variance and kurtosis.
fn moments(values: &[f64]) -> [f64; 3] {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let [second, fourth] =
        [2, 4].map(|power| values.iter().map(|value| (value - mean).powi(power)).sum::<f64>() / n);
    [mean, second, fourth / (second * second)]
}

/// Fails unless mean and variance are within 4.5 standard errors, which one seed in 70 000 misses each.
#[track_caller]
fn assert_moments(values: &[f64], mean: f64, variance: f64) {
    let n = values.len() as f64;
    let [seen_mean, seen_variance, kurtosis] = moments(values);
    let error = (seen_variance / n).sqrt();
    assert!((seen_mean - mean).abs() < 4.5 * error, "mean {seen_mean} ± {error}, expected {mean}");
    let error = seen_variance * ((kurtosis - 1.0) / n).sqrt();
    assert!(
        (seen_variance - variance).abs() < 4.5 * error,
        "variance {seen_variance} ± {error}, expected {variance}"
    );
}

/// Ten centres of shape 1.2, 20 patients a month: the count of five months is negative binomial with
/// mean 100 and size 12, so its variance is 100 + 100²/12.
#[test]
fn counts_of_a_period_are_negative_binomial() {
    let mut counts = Vec::new();
    let ten = centres(10, Some(1.2), Opening::WithTheTrial);
    recruit(&ten, &Accrual::new(20.0, 0.0), 4_000, 350, |days, _| {
        let until = days.partition_point(|&day| day <= 5.0 * DAYS_PER_MONTH);
        assert!(until < 350, "there are patients enough");
        counts.push(until as f64);
    });
    assert_moments(&counts, 100.0, 100.0 + 100.0 * 100.0 / 12.0);
}

/// Of 200 patients of ten centres of shape a, the number of one centre has mean 20 and the
/// Dirichlet-multinomial variance 200 · 0.1 · 0.9 · (200 + 10a) / (1 + 10a), and the binomial variance
/// if rates are equal.
#[test]
fn counts_of_centres_are_dirichlet_multinomial() {
    for (shape, spread) in [(Some(1.2), 212.0 / 13.0), (None, 1.0)] {
        let ten = centres(10, shape, Opening::WithTheTrial);
        let mut counts = Vec::new();
        recruit(&ten, &Accrual::new(20.0, 2.0), 4_000, 200, |_, of_patient| {
            counts.push(of_patient.iter().filter(|&&centre| centre == 3).count() as f64);
        });
        assert_moments(&counts, 20.0, 18.0 * spread);
    }
}

/// Fails unless the mean number by each month is within 4.5 standard errors.
#[track_caller]
fn assert_expected(centres: &Centres, expected: &[(f64, f64)]) {
    let mut counts = vec![Vec::new(); expected.len()];
    recruit(centres, &Accrual::new(20.0, 0.0), 3_000, 400, |days, _| {
        for ((month, _), counts) in expected.iter().zip(&mut counts) {
            counts.push(days.partition_point(|&day| day <= month * DAYS_PER_MONTH) as f64);
        }
    });
    for ((month, expected), counts) in expected.iter().zip(counts) {
        let [mean, variance, _] = moments(&counts);
        let error = (variance / counts.len() as f64).sqrt();
        assert!((mean - expected).abs() < 4.5 * error, "{month}: {mean}, expected {expected}");
    }
}

fn opening() -> Opening {
    Opening::Over(6.0 * DAYS_PER_MONTH)
}

/// Openings that are uniform over six months give a linear rise: 20·t²/12 by month t, then 20·(t − 3).
#[test]
fn openings_over_time_are_a_ramp_on_average() {
    for shape in [None, Some(1.2)] {
        assert_expected(&centres(8, shape, opening()), &[(3.0, 15.0), (6.0, 60.0), (10.0, 140.0)]);
    }
}

/// Four centres of five patients a month open in months 4, 0, 1 and 1.
#[test]
fn centres_open_at_their_planned_months() {
    let plan = [4.0, 0.0, 1.0, 1.0].map(|month| month * DAYS_PER_MONTH);
    let expected = [(0.5, 2.5), (1.0, 5.0), (4.0, 50.0), (9.0, 150.0)];
    let four = centres(4, None, Opening::Planned(plan.to_vec()));
    assert_expected(&four, &expected);
    let set = ["accrual.per_month=20", "centres={number=4,opening={months=[4,0,1,1]}}"];
    let scenario = scenario(&set);
    for (month, patients) in expected {
        let day = scenario.expected_day(patients);
        assert!((day / DAYS_PER_MONTH - month).abs() < 1e-12, "{patients}: {day}");
    }
}

fn of_centres(result: &OperatingCharacteristics) -> &CentreSummary {
    result.under(Alternative).balance.centres.as_ref().expect("there are centres")
}

const BLOCKS: &str =
    r#"randomisation={method="permuted_blocks",block_sizes=[4],stratify_by=["centre"]}"#;
const UNADJUSTED: &str = r#"{name="unadjusted",method="two_proportions"}"#;
const WITHIN: &str =
    r#"{name="within",method="cochran_mantel_haenszel",cut=2,stratify_by=["centre"]}"#;

/// Blocks of four leave a difference of at most two in a centre; minimisation that includes the centre
/// leaves less than minimisation without it.
#[test]
fn allocation_by_centre_balances_each_centre() {
    let number = "centres={number=20,rate_shape=1.2}";
    let none = simulate(&[number], 1_500);
    let by_centre = simulate(
        &[number, r#"randomisation={method="minimisation",factors=["nihss","centre"]}"#],
        1_500,
    );
    let blocks = simulate(&[number, BLOCKS], 1_500);
    let [none, by_centre, blocks] = [&none, &by_centre, &blocks].map(of_centres);
    assert!(none.arm_difference.mean.value > 2.5, "{none:?}");
    assert!(by_centre.arm_difference.mean.value < 1.6, "{by_centre:?}");
    assert!(blocks.arm_difference.mean.value < 1.0, "{blocks:?}");
    assert!(blocks.arm_difference.p95.value <= 2.0, "{blocks:?}");
    // An observer of one centre guesses more allocations correctly if the centre is balanced.
    let guesses = [none, by_centre, blocks].map(|centres| centres.correct_guesses.value);
    assert!(guesses.is_sorted(), "{guesses:?}");
}

/// Five equal centres of 348 patients: the number of a centre is binomial, and in blocks of four the
/// convergence strategy guesses the four patients correctly with probabilities ½, ⅔, ⅔ and 1.
#[test]
fn blocks_within_centres_are_guessed_as_often_as_computed() {
    let patients = 348;
    let mut p = (0..patients).map(|_| 0.8).product::<f64>();
    let mut expected = 0.0;
    for n in 0..=patients {
        let guessed: f64 = (0..n).map(|i| [0.5, 2.0 / 3.0, 2.0 / 3.0, 1.0][i % 4]).sum();
        expected += 5.0 * p * guessed / patients as f64;
        p *= (patients - n) as f64 / (n + 1) as f64 * 0.25;
    }
    let result = simulate(&["centres={number=5}", BLOCKS], 3_000);
    let seen = of_centres(&result).correct_guesses;
    assert_within("guesses", seen, expected, expected, 3.5);
    assert!(seen.mcse < 1e-3 && (of_centres(&result).largest.value - 83.0).abs() < 4.0);
}

/// If heterogeneous centres are balanced by the allocation, a test that ignores them has a type I error
/// below the nominal level, and a test within centres has the nominal level.
#[test]
fn unadjusted_tests_are_conservative_if_centres_are_balanced() {
    let analyses = format!("analyses=[{UNADJUSTED},{WITHIN}]");
    let set = [
        "centres={number=15,outcome_sd=1.5}",
        BLOCKS,
        &analyses,
        "design.looks.equally_spaced=1",
        "missing.dropout=0",
        "sample_size={randomised=312,analysed=312}",
    ];
    let result = simulate(&set, 8_000);
    let [unadjusted, within] =
        ["unadjusted", "within"].map(|name| result.analysis(Null, name).rejection);
    assert!(unadjusted.value + 4.0 * unadjusted.mcse < 0.02, "{unadjusted:?}");
    assert_within("within centres", within, 0.0235, 0.0265, 3.0);
    // The test within centres gains power for the same reason.
    let [unadjusted, within] =
        ["unadjusted", "within"].map(|name| result.analysis(Alternative, name).rejection.value);
    assert!(within > unadjusted, "{within} {unadjusted}");
}

/// Adjusts for centres, of which some are empty in every trial, and tests them as subgroups.
#[test]
fn analyses_and_subgroups_may_use_the_centre() {
    let analyses = [
        UNADJUSTED,
        WITHIN,
        r#"{name="po",method="proportional_odds",adjust_for=["nihss","centre"]}"#,
        r#"{name="van elteren",method="wilcoxon",stratify_by=["centre"]}"#,
        r#"{name="imputed",method="proportional_odds",missing={rule="multiple_imputation",imputations=2,adjust_for=["centre"]}}"#,
        r#"{name="nihss",method="proportional_odds",adjust_for=["nihss"]}"#,
    ];
    let analyses = format!("analyses=[{}]", analyses.join(","));
    let set = [
        "centres={number=8,rate_shape=0.5,outcome_sd=0.5}",
        analyses.as_str(),
        r#"description={subgroups=["centre"]}"#,
    ];
    let result = simulate(&set, 150);
    for analysis in &result.under(Alternative).analyses {
        assert!(analysis.rejection.value > 0.5, "{}: {:?}", analysis.name, analysis.rejection);
        let by_centre = ["within", "po", "van elteren"].contains(&analysis.name.as_str());
        assert_eq!(analysis.estimate.truth.is_none(), by_centre, "{}", analysis.name);
        assert!(analysis.normal_approximation.is_none() || !by_centre);
    }
    let adjusted = result.analysis(Alternative, "nihss");
    let formula = adjusted.normal_approximation.as_ref().expect("not by centre").rejection;
    assert!((adjusted.rejection.value - formula).abs() < 0.12, "{formula}");
}

#[test]
fn centres_give_the_same_result_with_any_number_of_threads() {
    let run = |path: &str, threads: &str| {
        let mut command = rescuesim();
        command.arg("run").arg(project(path)).args(["--replicates", "300", "--quiet"]);
        output(command.args(["--format", "json", "--threads", threads]))
    };
    let one = run(SHIPPED, "1");
    assert_eq!(one, run(SHIPPED, "3"));
    assert!(one.contains("\"one_arm\"") && one.contains("\"drift\""));
    let without = run("scenarios/angel-reboot.toml", "2");
    assert!(!without.contains("\"centres\"") && !without.contains("\"drift\""));
}

/// A trial of one centre that may have a very low rate takes millions of years, but no more memory.
/// The longest durations are too long to be summed, and no mean is reported.
#[test]
fn a_trial_of_endless_duration_is_reported_in_little_memory() {
    let result = simulate(&["centres={number=1,rate_shape=0.1}"], 40);
    let analysis = result.analysis(Alternative, "independence");
    let months = analysis.duration_months.value;
    assert!(months.is_nan(), "{months}");
    let shorter = simulate(&["centres={number=1,rate_shape=3}"], 40);
    let months = shorter.analysis(Alternative, "independence").duration_months;
    assert!(months.value > 10.0 && months.mcse > 0.1, "{months:?}");
}

/// Equal centres without effects leave every quantity of a trial unchanged.
#[test]
fn identical_centres_leave_the_result_unchanged() {
    let plain = simulate(&[], 200);
    let same = simulate(&["centres={number=30}"], 200);
    for (a, b) in plain.truths.iter().zip(&same.truths) {
        assert_eq!(format!("{:?}", a.analyses), format!("{:?}", b.analyses));
        assert_eq!(a.balance.arm_difference, b.balance.arm_difference);
    }
    let shipped = simulate_file(SHIPPED, &["centres={number=36}"], 50);
    assert_eq!(of_centres(&shipped).number, 36);
}
