//! Laws of the allocation methods, compared with Markov chains of the difference between the arms and
//! with published limits; and the predictability by the convergence strategy.

use rescuesim::randomisation::{AllocationState, Arm};
use rescuesim::rng::{Purpose, Replicate, Streams};
use rescuesim::scenario::Scenario;
use rescuesim::summary::AllocationBalance;

use crate::util::{assert_within, scenario, simulate};

const EFRON: &str = r#"randomisation={method="efron"}"#;
const BIG_STICK: &str = r#"randomisation={method="big_stick",maximum_imbalance=3}"#;
const BLOCK_URN: &str = r#"randomisation={method="block_urn",balanced_sets=3}"#;
const SUFFICIENT: &str = r#"randomisation={method="minimal_sufficient_balance"}"#;
const COMPLETE: &str = r#"randomisation={method="complete"}"#;

/// Number of patients of ANGEL-REBOOT.
const PATIENTS: usize = 348;

/// Allocates `patients` patients in each of `trials` trials and passes each to `see`: its number in the
/// trial, its stratum and its arm.
fn walk(scenario: &Scenario, trials: u64, patients: usize, mut see: impl FnMut(usize, usize, Arm)) {
    let streams = Streams::new(scenario.seed);
    let mut state = AllocationState::default();
    for trial in 0..trials {
        let mut strata = streams.stream(Replicate(trial), Purpose::Baseline);
        let mut coins = streams.stream(Replicate(trial), Purpose::Allocation);
        scenario.randomisation.reset(&mut state);
        for patient in 0..patients {
            let stratum = scenario.population.draw(&mut strata) as usize;
            see(patient, stratum, scenario.randomisation.allocate(&mut state, stratum, &mut coins));
        }
    }
}

/// P(experimental) given the difference d, experimental less control, for a method of two equal arms
/// that depends on d alone.
type Coin = fn(i32) -> f64;

fn efron(d: i32) -> f64 {
    match d.signum() {
        0 => 0.5,
        1 => 1.0 / 3.0,
        _ => 2.0 / 3.0,
    }
}

fn big_stick(d: i32) -> f64 {
    0.5 * f64::from(u8::from(d < 3)) + 0.5 * f64::from(u8::from(d <= -3))
}

/// Three balanced sets; the balls outside the urn are those of the larger arm.
fn block_urn(d: i32) -> f64 {
    f64::from(3 - d.max(0)) / f64::from(6 - d.abs())
}

/// P(difference = d − patients) before each patient from the first, and after the last patient.
fn chain(coin: impl Fn(i32) -> f64, patients: usize) -> Vec<Vec<f64>> {
    let mut now = vec![0.0; 2 * patients + 3];
    now[patients + 1] = 1.0;
    let mut all = vec![now.clone()];
    for _ in 0..patients {
        let mut next = vec![0.0; now.len()];
        for (at, &p) in now.iter().enumerate().filter(|(_, p)| **p > 0.0) {
            let experimental = coin(at as i32 - patients as i32 - 1);
            next[at + 1] += p * experimental;
            next[at - 1] += p * (1.0 - experimental);
        }
        all.push(next.clone());
        now = next;
    }
    all
}

/// P(|difference| = d) under a distribution of `chain`.
fn size(distribution: &[f64], d: usize) -> f64 {
    let zero = distribution.len() / 2;
    if d == 0 { distribution[zero] } else { distribution[zero - d] + distribution[zero + d] }
}

/// P(the arm of the next patient is guessed correctly) under a distribution of the difference.
fn guessed(coin: impl Fn(i32) -> f64, difference: &[f64]) -> f64 {
    let zero = difference.len() as i32 / 2;
    let possible = difference.iter().enumerate().filter(|(_, p)| **p > 0.0);
    let right = possible.map(|(at, p)| match at as i32 - zero {
        0 => 0.5 * p,
        d if d > 0 => p * (1.0 - coin(d)),
        d => p * coin(d),
    });
    right.sum()
}

/// Limit of a quantity, averaged over even and odd numbers of patients.
fn limit(coin: impl Fn(i32) -> f64, of: impl Fn(&[f64]) -> f64) -> f64 {
    let all = chain(coin, 800);
    (of(&all[799]) + of(&all[800])) / 2.0
}

/// Checks the first 40 allocations of replicate 0, and with strata.
#[test]
fn golden_allocations_are_unchanged() {
    let stratified = r#"randomisation={method="block_urn",balanced_sets=2,stratify_by=["nihss"]}"#;
    let one_to_two = ["arms.allocation_ratio={control=1,experimental=2}", BLOCK_URN];
    let methods: [&[&str]; 6] =
        [&[EFRON], &[BIG_STICK], &[BLOCK_URN], &[stratified], &one_to_two, &[SUFFICIENT]];
    let allocations = methods.map(|set| {
        let mut arms = String::new();
        walk(&scenario(set), 1, 40, |_, _, arm| arms.push(['c', 'e'][arm.index()]));
        arms
    });
    let golden = [
        "eeceeccceeccecceececceeeeeccccceceeeeccc",
        "eeceeccceeccecceeeecceecececcececeececec",
        "eeceeccceeccecceeeccceeececccececeeeeccc",
        "eecececceeccecceececeeceeccccceececeecec",
        "eeceeecceecceceeeeeeeeeececcceceeeeeecec",
        "eeceeccceeccecccecccceeeeeecccceccceecee",
    ];
    assert_eq!(allocations.each_ref().map(String::as_str)[..], golden);
}

/// By symmetry every patient of equal arms gets either arm with probability ½ under every method: each
/// of 420 shares of 20 000 within 4.5 standard errors, which fails by chance for one seed in 350.
#[test]
fn each_arm_is_equally_likely_for_every_patient() {
    let blocks = r#"randomisation={method="permuted_blocks",block_sizes=[2,6]}"#;
    let stratified = r#"randomisation={method="efron",stratify_by=["nihss","occlusion_site"]}"#;
    for set in [EFRON, BIG_STICK, BLOCK_URN, SUFFICIENT, COMPLETE, blocks, stratified] {
        let mut experimental = [0u32; 60];
        walk(&scenario(&[set]), 20_000, 60, |i, _, arm| experimental[i] += arm.index() as u32);
        for (patient, &count) in experimental.iter().enumerate() {
            let share = f64::from(count) / 20_000.0;
            assert!(
                (share - 0.5).abs() < 4.5 * 0.5 / f64::sqrt(20_000.0),
                "{set} {patient}: {share}"
            );
        }
    }
}

/// |d| after 1, 2, 19, 20 and 100 patients, compared with the chain: each of 75 shares of 20 000 within
/// 4.5 standard errors, which fails by chance for one seed in 1 900. Differences with probability 0 in
/// the chain never occur.
#[test]
fn differences_between_the_arms_follow_the_markov_chain() {
    let moments = [1, 2, 19, 20, 100];
    for (set, coin) in [(EFRON, efron as Coin), (BIG_STICK, big_stick), (BLOCK_URN, block_urn)] {
        let expected = chain(coin, 100);
        let mut counts = [[0u32; 101]; 5];
        let mut d = 0i32;
        walk(&scenario(&[set]), 20_000, 100, |i, _, arm| {
            d = if i == 0 { 0 } else { d };
            d += 2 * arm.index() as i32 - 1;
            if let Some(moment) = moments.iter().position(|&after| after == i + 1) {
                counts[moment][d.unsigned_abs() as usize] += 1;
            }
        });
        for (after, counts) in moments.iter().zip(&counts) {
            for (d, &count) in counts.iter().enumerate() {
                let p = size(&expected[*after], d);
                let share = f64::from(count) / 20_000.0;
                let error = f64::sqrt(p * (1.0 - p) / 20_000.0);
                // Beyond a difference of 4 Efron's shares are too small for a normal approximation.
                let reach = if d > 4 { 0.01 } else { 4.5 * error };
                assert!((share - p).abs() <= reach, "{set}, {after} patients, {d}: {share} {p}");
                assert!(p > 0.0 || count == 0, "{set}, {after} patients: {d}");
            }
        }
    }
}

/// Efron 1971: with p = 2/3, P(d = 0) tends to ½ after even numbers of patients and P(|d| = 1) to ¾
/// after odd ones, with P(|d| = j) = (r² − 1)/rʲ⁺¹, r = p/(1 − p), where j has the right parity.
#[test]
fn efrons_coin_has_its_published_limits() {
    let all = chain(efron, 801);
    let (even, odd) = (&all[800], &all[801]);
    assert!((size(even, 0) - 0.5).abs() < 1e-9, "{}", size(even, 0));
    for j in 1..12 {
        let limit = 3.0 / f64::from(1 << (j + 1));
        let here = size(if j % 2 == 0 { even } else { odd }, j);
        assert!((here - limit).abs() < 1e-9, "{j}: {here} {limit}");
    }
    // A quarter of the guesses are of a fair coin, and of the rest two in three are correct: 5/8.
    assert!((limit(efron, |now| guessed(efron, now)) - 0.625).abs() < 1e-9);
}

/// A reflected walk is at either bound b with probability 1/2b. There the arm is certain, so that
/// ½ + 1/4b of the guesses are correct. By detailed balance of an urn with two sets, one allocation in
/// six is certain, and two guesses of three are correct.
#[test]
fn the_big_stick_and_the_block_urn_have_their_limits() {
    for b in 1..=5 {
        let coin = |d: i32| if d.abs() < b { 0.5 } else { f64::from(u8::from(d < 0)) };
        let certain = limit(coin, |now| size(now, b as usize));
        assert!((certain - 0.5 / f64::from(b)).abs() < 1e-9, "{b}: {certain}");
        let right = limit(coin, |now| guessed(coin, now));
        assert!((right - 0.5 - 0.25 / f64::from(b)).abs() < 1e-9, "{b}: {right}");
    }
    let two_sets: Coin = |d| f64::from(2 - d.max(0)) / f64::from(4 - d.abs());
    let certain = limit(two_sets, |now| size(now, 2));
    assert!((certain - 1.0 / 6.0).abs() < 1e-9, "{certain}");
    let right = limit(two_sets, |now| guessed(two_sets, now));
    assert!((right - 2.0 / 3.0).abs() < 1e-9, "{right}");
}

/// The bounds hold within strata and in the whole trial, with unequal and with equal ratios.
#[test]
fn imbalances_never_exceed_their_bounds() {
    let stratify = r#"stratify_by=["nihss","occlusion_site"]"#;
    let stick = format!(r#"randomisation={{method="big_stick",maximum_imbalance=2,{stratify}}}"#);
    let urn = format!(r#"randomisation={{method="block_urn",balanced_sets=2,{stratify}}}"#);
    let ratio = "arms.allocation_ratio={control=4,experimental=6}";
    for (set, [control, experimental]) in
        [(vec![stick.as_str()], [1, 1]), (vec![&urn], [1, 1]), (vec![&urn, ratio], [2, 3])]
    {
        let scenario = scenario(&set);
        let mut counts = [[0u32; 2]; 4];
        let mut reached = false;
        walk(&scenario, 200, PATIENTS, |i, stratum, arm| {
            if i == 0 {
                counts = [[0; 2]; 4];
            }
            // Of nihss, onset and site, the first and the last are balanced.
            let series = &mut counts[stratum / 4 * 2 + stratum % 2];
            series[arm.index()] += 1;
            let sets = (series[0] / control).min(series[1] / experimental);
            let ahead = [series[0] - sets * control, series[1] - sets * experimental];
            assert!(ahead[0] <= 2 * control && ahead[1] <= 2 * experimental, "{set:?} {series:?}");
            reached |= ahead[0] == 2 * control || ahead[1] == 2 * experimental;
        });
        assert!(reached, "{set:?} comes to its bound");
    }
}

fn balance(set: &[&str], replicates: u64) -> AllocationBalance {
    let one_test = ["design.looks={equally_spaced=1}", r#"analyses=[{method="two_proportions"}]"#];
    simulate(&[set, &one_test].concat(), replicates).truths.swap_remove(0).balance
}

/// Predictability compared with the chain, and for blocks with enumeration: 3/4 for a block of two and
/// 17/24 for a block of four. Each within 4 Monte Carlo errors (one seed in 2 500 fails by chance).
#[test]
fn the_share_guessed_correctly_follows_chain_and_enumeration() {
    let four = r#"randomisation={method="permuted_blocks",block_sizes=[4]}"#;
    let chains = [(EFRON, efron as Coin), (BIG_STICK, big_stick), (BLOCK_URN, block_urn)];
    let over_trial = |coin: Coin| {
        let before = &chain(coin, PATIENTS)[..PATIENTS];
        before.iter().map(|now| guessed(coin, now)).sum::<f64>() / PATIENTS as f64
    };
    let chains = chains.map(|(set, coin)| (set, over_trial(coin)));
    for (set, expected) in chains.into_iter().chain([(COMPLETE, 0.5), (four, 17.0 / 24.0)]) {
        let guesses = balance(&[set], 1_000).correct_guesses;
        assert_within(set, guesses.whole_trial, expected, expected, 4.0);
        assert!(guesses.whole_trial.mcse < 1.5e-3);
    }
    let two = balance(&[r#"randomisation={method="permuted_blocks",block_sizes=[2]}"#], 50);
    let guesses = two.correct_guesses.whole_trial;
    assert_eq!((guesses.value, guesses.mcse, guesses.n), (0.75, 0.0, 50));
}

/// Blocks of two within all eight strata: an observer of one stratum guesses three in four correctly,
/// except for the last patient of an odd stratum (four of eight, each costing a quarter of a guess); an
/// observer of the whole trial, who does not know the strata, fewer. Unstratified blocks reverse this.
#[test]
fn an_observer_of_the_balanced_unit_guesses_best() {
    let stratified = r#"randomisation={method="permuted_blocks",block_sizes=[2],stratify_by=["nihss","onset_to_puncture","occlusion_site"]}"#;
    let guesses = balance(&[stratified], 1_000).correct_guesses;
    let expected = 0.75 - 0.25 * 4.0 / PATIENTS as f64;
    assert_within("within strata", guesses.within_strata, expected - 2e-4, expected + 2e-4, 4.0);
    assert!(guesses.whole_trial.value < 0.65, "{guesses:?}");
    let guesses = balance(&[r#"randomisation={method="permuted_blocks",block_sizes=[2]}"#], 500);
    assert!(guesses.correct_guesses.within_strata.value < 0.6, "{guesses:?}");
}

/// With unequal arms a tie is guessed as the larger arm: complete randomisation at 1:2 compared with the
/// chain of the lead e − 2c, within 4 Monte Carlo errors.
#[test]
fn guesses_between_unequal_arms_are_relative_to_the_ratio() {
    let ratio = "arms.allocation_ratio={control=1,experimental=2}";
    let guesses = balance(&[ratio, COMPLETE], 1_000).correct_guesses;
    let mut leads = vec![0.0; 4 * PATIENTS];
    let zero = 2 * PATIENTS + 1;
    leads[zero] = 1.0;
    let mut right = 0.0;
    for _ in 0..PATIENTS {
        let behind: f64 = leads[..=zero].iter().sum();
        right += behind * 2.0 / 3.0 + (1.0 - behind) / 3.0;
        let mut next = vec![0.0; leads.len()];
        for (at, p) in leads.iter().enumerate().filter(|(_, p)| **p > 0.0) {
            next[at + 1] += p * 2.0 / 3.0;
            next[at - 2] += p / 3.0;
        }
        leads = next;
    }
    let expected = right / PATIENTS as f64;
    assert_within("1:2", guesses.whole_trial, expected, expected, 4.0);
}

/// Minimal sufficient balance lies between complete randomisation and minimisation, in balance and
/// in predictability; the differences are ten and more Monte Carlo errors.
#[test]
fn sufficient_balance_lies_between_complete_randomisation_and_minimisation() {
    let [chance, sufficient, minimised] =
        [vec![COMPLETE], vec![SUFFICIENT], vec![]].map(|set| balance(&set, 1_000));
    let differences = |balance: &AllocationBalance| -> Vec<f64> {
        let levels = balance.levels.iter().map(|level| level.arm_difference.mean.value);
        levels.chain([balance.arm_difference.mean.value]).collect()
    };
    let all = differences(&chance).into_iter().zip(differences(&sufficient));
    for ((chance, sufficient), minimised) in all.zip(differences(&minimised)) {
        assert!(chance > 1.2 * sufficient && sufficient > 1.5 * minimised);
    }
    let [chance, sufficient, minimised] =
        [chance, sufficient, minimised].map(|balance| balance.correct_guesses.whole_trial.value);
    assert!(chance + 0.005 < sufficient && sufficient + 0.02 < minimised, "{sufficient}");
}
