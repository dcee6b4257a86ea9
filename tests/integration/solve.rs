//! Values at which a simulated probability reaches a target, and the confidence of such an answer.
//!
//! The laws are tested with known functions and binomial noise, 300 seeds each. An answer that misses its
//! target has a probability of at most 0.05, so more than 28 of 300 occur by chance less than once in
//! 1 000; a root outside its 95 % interval has slightly more than 0.05, for which 33 are allowed.

use std::convert::Infallible;
use std::ops::Range;

use assert_cmd::Command;
use rand::SeedableRng;
use rand_distr::{Binomial, Distribution};
use rand_xoshiro::Xoshiro256PlusPlus;

use rescuesim::explore::bracket::{Domain, DoseScale};
use rescuesim::explore::solve::{Observed, Solution, SolveError, SolveQuestion, solve};
use rescuesim::num::normal;

use crate::util::{json, number, only, output, refused, rescuesim, too_wide};

const SIZES: Domain = Domain { range: (2.0, 1e6), whole: true, scale: DoseScale::Root };
const SHARES: Domain = Domain { range: (0.0, 1.0), whole: false, scale: DoseScale::Value };

fn question(domain: Domain, start: f64) -> SolveQuestion {
    let multiple = 1;
    SolveQuestion { target: 0.8, confidence: 0.95, replicates: 20_000, domain, multiple, start }
}

/// Solves with binomial noise on a known probability, which is `None` for values that are not allowed.
fn noisy(
    question: &SolveQuestion,
    seed: u64,
    probability: impl Fn(f64) -> Option<f64>,
) -> Result<Solution, SolveError<Infallible>> {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut used = 0;
    let mut simulate = |x: f64, replicates: Range<u64>| {
        let Some(p) = probability(x) else { return Ok(None) };
        assert_eq!(replicates.start, used, "no replicate is used twice");
        used = replicates.end;
        let n = replicates.end - replicates.start;
        let count = Binomial::new(n, p).expect("a probability").sample(&mut rng);
        Ok(Some(Observed { count, n }))
    };
    solve(question, &mut simulate)
}

/// Counts, among 300 seeds, the answers that miss the target and the intervals without the root.
fn failures(
    question: &SolveQuestion,
    root: f64,
    probability: impl Fn(f64) -> f64,
) -> (usize, usize, f64) {
    let (mut wrong, mut outside, mut excess) = (0, 0, 0.0);
    for seed in 0..300 {
        let solution = noisy(question, seed, |x| Some(probability(x))).expect("there is an answer");
        let power = probability(solution.answer().x);
        wrong += usize::from(power < question.target);
        excess += (power - question.target) / 300.0;
        let (low, high) = solution.interval.expect("the slope is significant");
        outside += usize::from(!(low..=high).contains(&root));
        let spent = solution.search_replicates + solution.verification_replicates;
        assert!(spent < 12 * question.replicates, "{spent} replicates");
    }
    println!(
        "{wrong} answers fail, {outside} intervals miss, {excess:.4} above the target on average"
    );
    (wrong, outside, excess)
}

/// Φ(√(x/100) · 1.6 − 1), a power in the square root of a size: 0.8 at 132.4.
#[test]
fn sizes_reach_their_power_with_the_stated_confidence() {
    let power = |x: f64| normal::lower_tail(1.6 * (x / 100.0).sqrt() - 1.0);
    let root = 100.0 * ((1.0 - normal::upper_quantile(0.8)) / 1.6).powi(2);
    for start in [20.0, 130.0, 5000.0] {
        let (wrong, outside, excess) = failures(&question(SIZES, start), root, power);
        assert!(wrong <= 28 && outside <= 33, "{wrong} and {outside} of 300 from {start}");
        // 20 000 replicates can verify a power that is about 0.008 larger.
        assert!((0.003..0.02).contains(&excess), "{excess}");
    }
}

/// The probability decreases from 0.99 to 0.5 with a share, in a curve that is not a probit line.
#[test]
fn a_decreasing_curve_gives_the_largest_share() {
    let power = |x: f64| 0.99 - 0.49 * x * x * (2.0 - x);
    let question = question(SHARES, 0.1);
    let root = rescuesim::num::root::brent(|x| power(x) - 0.8, 0.0, 1.0).expect("it is passed");
    let (wrong, outside, _) = failures(&question, root, power);
    assert!(wrong <= 28 && outside <= 45, "{wrong} and {outside} of 300");
    let solution = noisy(&question, 1, |x| Some(power(x))).expect("there is an answer");
    assert!(!solution.rises && solution.answer().x < solution.root);
}

/// A correct non-rejection has probability 0.999 at α = 0.002, far from a start of 0.05.
#[test]
fn significance_levels_are_found_on_the_probit_scale() {
    let domain = Domain { range: (1e-12, 1.0), whole: false, scale: DoseScale::Probit };
    let question = SolveQuestion {
        target: 0.999,
        confidence: 0.95,
        replicates: 50_000,
        domain,
        multiple: 1,
        start: 0.05,
    };
    let (wrong, outside, excess) = failures(&question, 0.002, |alpha| 1.0 - 0.5 * alpha);
    assert!(wrong <= 28 && outside <= 33, "{wrong} and {outside} of 300");
    // At the target 50 events are expected, and at most about 30 may occur.
    assert!((0.0002..0.0006).contains(&excess), "{excess}");
}

/// The type I error of a trial by the Z that its final look needs, where interim looks spend half of it: it
/// falls to a floor of 0.0125, which bends the line. Found from starts on both sides and far away.
#[test]
fn a_boundary_on_the_z_scale_is_found_from_any_sensible_start() {
    let domain = Domain { range: (f64::MIN, f64::MAX), whole: false, scale: DoseScale::Value };
    let type_i_error = |z: f64| (0.0125 + 4.0 * normal::upper_tail(z)).min(1.0);
    for start in [1.0, 2.0, 2.758, 3.5, 6.0] {
        let question = SolveQuestion { target: 0.975, domain, start, ..question(domain, start) };
        let solved = (0..300)
            .filter_map(|seed| noisy(&question, seed, |z| Some(1.0 - type_i_error(z))).ok());
        let mut errors: Vec<f64> = solved.map(|it| type_i_error(it.answer().x)).collect();
        errors.sort_by(f64::total_cmp);
        let wrong = errors.iter().filter(|&&error| error > 0.025).count();
        // From 6 a search that sees nothing but the floor may give up.
        assert!(errors.len() >= 285 && wrong <= 28, "{} answers from {start}", errors.len());
        // 20 000 replicates verify 0.0214 with a probability of about one half.
        let [strictest, median] = [errors[errors.len() / 20], errors[errors.len() / 2]];
        assert!(median > 0.0195 && strictest > 0.0175, "{median} and {strictest} from {start}");
    }
}

/// A plateau slightly below the target attracts the search, but its values are hardly ever accepted.
#[test]
fn a_plateau_just_below_the_target_is_not_accepted() {
    let power = |x: f64| match x {
        x if x < 100.0 => 0.3 + 0.004_99 * x,
        x if x < 300.0 => 0.799,
        _ => 0.95,
    };
    let question = question(SIZES, 50.0);
    let answers = (0..300).filter_map(|seed| noisy(&question, seed, |x| Some(power(x))).ok());
    let answers: Vec<f64> = answers.map(|of| of.answer().x).collect();
    let wrong = answers.iter().filter(|&&x| power(x) < 0.8).count();
    println!("{wrong} of {} are on the plateau", answers.len());
    assert!(wrong <= 28, "{wrong} of 300");
    assert!(answers.len() >= 30, "{} of 300 have an answer", answers.len());
}

#[test]
fn a_target_out_of_reach_is_reported_with_the_best_result() {
    let question = question(SIZES, 100.0);
    let message = |probability: &dyn Fn(f64) -> Option<f64>| {
        noisy(&question, 1, probability).expect_err("it cannot be reached").to_string()
    };
    let low = message(&|x| Some(0.5 * x / (x + 100.0)));
    assert!(low.contains("no value tried from 2 to 1000000 reaches it; the best was 0.5"), "{low}");
    let limited = message(&|x| (x <= 150.0).then_some(0.004 * x));
    assert!(limited.contains("from 2 to 150 reaches it; the best was 0."), "{limited}");
    assert!(limited.contains(" at 2 and ") && limited.ends_with(" at 150"), "{limited}");
    let all = message(&|_| Some(0.9));
    // So far away that any quantity that depends on the value would have changed.
    assert!(all.contains("every value tried from 2 to 7268 reaches it"), "{all}");
    assert!(message(&|_| None).contains("no allowed value to begin with"));
}

const SCENARIO: &str = "scenarios/angel-reboot.toml";

/// Command `solve` on ANGEL-REBOOT.
fn solve_angel_reboot(args: &[&str]) -> Command {
    let mut command = rescuesim();
    command.args(["solve", SCENARIO, "--quiet"]).args(args);
    command
}

/// 25 v 40 % with a power of 0.8: the size by closed form is within the interval of the simulated one,
/// and the power of the answer agrees with a run. By chance 5 of 100 seeds have a root outside; the
/// formula differs from the simulated root by less than the interval's width.
#[test]
fn the_size_for_25_v_40_percent_agrees_with_the_closed_form() {
    let one = only(SCENARIO, &["independence"]);
    let args = ["--set", &one];
    let wanted = ["--power", "0.8", "--vary", "sample_size.randomised", "--replicates", "4000"];
    let found = json(&mut solve_angel_reboot(&[&args[..], &wanted[..]].concat()));
    let solved = &found["solved"];
    let [low, high] = [0, 1].map(|i| number(&solved["interval"][i]));
    let formula = number(&solved["by_formula"]);
    println!("{solved}");
    assert!((low..=high).contains(&formula), "{formula} in {low} to {high}");
    assert!(low < number(&solved["root"]) && number(&solved["root"]) < high);
    // 308 analysed of the randomised, with a dropout of 10 %.
    assert!((formula - 342.0).abs() < 3.0, "{formula}");
    let answer = number(&solved["answer"]);
    assert!(answer.fract() == 0.0 && answer > formula - 5.0 && answer < 420.0, "{answer}");
    assert!(number(&solved["bound"]) >= 0.8);
}

#[test]
fn the_table_is_complete_and_independent_of_the_number_of_threads() {
    let one = only(SCENARIO, &["independence"]);
    let run = |threads: &str| {
        let args =
            ["solve", SCENARIO, "--set", &one, "--power", "0.7", "--vary", "missing.dropout"];
        let amounts = ["--replicates", "1000", "--threads", threads];
        output(rescuesim().args(args).args(["--within", "0..0.6"]).args(amounts))
    };
    let table = run("1");
    assert_eq!(table, run("3"));
    let text = table.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in [
        "missing.dropout for power of at least 0.7 in \"independence\": use 0.",
        "estimate from the formula",
        "in 1 000 new trials (one-sided 95 % lower limit 0.7",
        "The search took ",
        "--vary missing.dropout --reach power=0.7 --within 0..0.6 --confidence 0.95 --replicates 1000",
    ] {
        assert!(text.contains(part), "{part:?} in\n{table}");
    }
    assert_eq!(too_wide(&table), Vec::<&str>::new());
}

/// Every multiple of 6 that is verified, whether the answer rises or falls with the value, and where
/// the range ends between two multiples.
#[test]
fn answers_are_multiples_of_what_is_allocated_together() {
    let power = |x: f64| normal::lower_tail(1.6 * (x / 100.0).sqrt() - 1.0);
    let falls = |x: f64| normal::lower_tail(2.6 - 1.6 * (x / 100.0).sqrt());
    for seed in 0..40 {
        let sizes = SolveQuestion { multiple: 6, ..question(SIZES, 100.0) };
        let found = noisy(&sizes, seed, |x| Some(power(x))).expect("there is an answer");
        assert!(found.verifications.iter().all(|of| of.x % 6.0 == 0.0), "{found:?}");
        let falling = noisy(&sizes, seed, |x| Some(falls(x))).expect("there is an answer");
        assert!(falling.verifications.iter().all(|of| of.x % 6.0 == 0.0), "{falling:?}");
        let narrow = Domain { range: (2.0, 139.0), ..SIZES };
        let narrow = SolveQuestion { multiple: 6, ..question(narrow, 100.0) };
        if let Ok(found) = noisy(&narrow, seed, |x| Some(power(x))) {
            assert!(found.answer().x % 6.0 == 0.0 && found.answer().x <= 138.0, "{found:?}");
        }
    }
}

/// The number of patients is varied by default, and its answer can be divided by the ratio, or into
/// blocks.
#[test]
fn sizes_are_solved_for_by_default_in_groups_that_the_design_can_use() {
    let one = only(SCENARIO, &["independence"]);
    for (set, multiple) in [
        ("arms.allocation_ratio={control=1,experimental=1}", 2),
        ("arms.allocation_ratio={control=1,experimental=2}", 3),
        (r#"randomisation={method="permuted_blocks",block_sizes=[8]}"#, 8),
        (r#"randomisation={method="permuted_blocks",block_sizes=[4,8]}"#, 2),
    ] {
        let args = ["--set", &one, "--set", set, "--power", "0.6", "--replicates", "400"];
        let found = json(&mut solve_angel_reboot(&args));
        assert_eq!(found["solved"]["key"], "sample_size.randomised");
        let answer = number(&found["solved"]["answer"]);
        assert_eq!(answer % f64::from(multiple), 0.0, "{answer} with {set}");
    }
}

/// Solves for the first of three looks at which 3 of 10 trials show efficacy, and for an upper bound on
/// futility.
#[test]
fn looks_and_quantities_with_upper_bounds_are_solved_for() {
    let one = only(SCENARIO, &["independence"]);
    let fractions = "design.looks={information_fractions=[0.4,0.8,1.0]}";
    let key = "design.looks.information_fractions[0]";
    let args = ["--set", &one, "--set", fractions, "--reach", "efficacy-at-1=0.2"];
    let found = json(&mut solve_angel_reboot(
        &[&args[..], &["--vary", key, "--replicates", "1500"]].concat(),
    ));
    let answer = number(&found["solved"]["answer"]);
    assert!((0.4..0.8).contains(&answer), "{answer}");
    assert!(number(&found["solved"]["verified"]["value"]) >= 0.2);

    let bounds = r#"design.futility={rule="z",bounds=[0.0,0.5]}"#;
    let key = "design.futility.bounds[1]";
    let args = ["--set", &one, "--set", bounds, "--reach", "futility=0.1"];
    let found = json(&mut solve_angel_reboot(
        &[&args[..], &["--vary", key, "--replicates", "1500"]].concat(),
    ));
    let solved = &found["solved"];
    assert_eq!(solved["at_most"], true);
    assert!(
        number(&solved["verified"]["value"]) <= 0.1 && number(&solved["bound"]) <= 0.1,
        "{solved}"
    );
}

#[test]
fn errors_are_reported_with_what_is_allowed() {
    let vary = ["--vary", "sample_size.randomised", "--replicates", "200"];
    for (args, says) in [
        (vec!["--vary", "missing.dropuot", "--power", "0.9"], "did you mean `missing.dropout`"),
        (vec!["--vary", "title", "--power", "0.9"], "`title` is not a number"),
        (vec!["--vary", "run.seed", "--power", "0.9"], "the key says how much is simulated"),
        (vec!["--vary", "missing.dropout"], "--power <POWER>"),
        (vec!["--vary", "missing.dropout", "--power", "1.2"], "not between 0 and 1"),
        (vec!["--power", "90"], "did you mean 0.9?"),
        (vec!["--power", "90%"], "did you mean 0.9?"),
        (vec!["--power", "33.3"], "did you mean 0.333?"),
        (vec!["--reach", "power=80"], "did you mean 0.8?"),
        (vec!["--power", "0.9", "--vary", "n"], "did you mean `sample_size.randomised`?"),
        (vec!["--power", "0.9", "--vary", "randomised"], "mean `sample_size.randomised`?"),
        (vec!["--power", "0.9", "--vary", "dropout"], "did you mean `missing.dropout`?"),
        (vec!["--vary", "missing.dropout", "--reach", "expected-n=300"], "is not a probability"),
        (vec!["--vary", "missing.dropout", "--reach", "powr=0.9"], "did you mean `power`?"),
        (vec!["--vary", "missing.dropout", "--reach", "efficacy-at-7=0.9"], "no such look"),
        (
            vec!["--vary", "missing.dropout", "--power", "0.9", "--analysis", "shft"],
            "did you mean shift?",
        ),
        (
            vec!["--vary", "missing.dropout", "--power", "0.9", "--within", "3..1"],
            "expected a range",
        ),
        (
            vec!["--vary", "missing.dropout", "--power", "0.9", "--within", "2..3"],
            "allowed: within 0 to 0.99",
        ),
        (
            vec!["--vary", "sample_size.randomised", "--power", "0.9", "--within", "100.2..100.8"],
            "allowed: a whole number within",
        ),
        (
            vec!["--vary", "missing.dropout", "--power", "0.9", "--precision", "0.1"],
            "--precision conflicts with solve",
        ),
        (
            vec!["--power", "0.999", "--vary", "missing.dropout", "--replicates", "200"],
            "200 replicates are too few to verify it; allowed: at least 3688",
        ),
    ] {
        let message = refused(&mut solve_angel_reboot(&args));
        assert!(message.contains(says), "{args:?} should say {says:?} and says\n{message}");
    }
    // Below 312, the planned analysis has more outcomes than patients.
    let stays = ["--set", "sample_size.analysed=312", "--set", "design.looks={equally_spaced=3}"];
    let small = ["--power", "0.1", "--within", "2..400"];
    let message = refused(&mut solve_angel_reboot(&[&small[..], &stays[..], &vary[..]].concat()));
    for part in [
        "every value tried from 312 to 400 reaches",
        "values beyond these are not valid",
        "`sample_size.analysed` is 312",
    ] {
        assert!(message.contains(part), "{part} in {message}");
    }
}
