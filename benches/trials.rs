//! Throughput of one replicate and its parts: `cargo bench --bench trials`.
//!
//! The hand-written loop draws the patients of ANGEL-REBOOT, minimises, counts and tests, under one
//! truth. It is the lower bound with which the simulator is compared.

use divan::Bencher;
use rescuesim::analysis::proportional_odds::adjusted::{Covariates, FitScratch, Levels, Model};
use rescuesim::analysis::proportional_odds::unadjusted;
use rescuesim::analysis::two_proportions::ProportionTest;
use rescuesim::analysis::{Counts, OutcomeTable, two_proportions};
use rescuesim::design::characteristics::{DesignCharacteristics, Question};
use rescuesim::design::comparison::{Comparison, TwoProportions};
use rescuesim::design::exact::{ExactDesign, ExactStatistic};
use rescuesim::design::sample_size::{ArmSizes, Rounding};
use rescuesim::design::{Boundaries, EfficacyRule, FutilityRule, Rules, SpendingFunction};
use rescuesim::engine::Accumulator;
use rescuesim::outcome::Mrs;
use rescuesim::population::Population;
use rescuesim::randomisation::{AllocationState, RandomisationMethod};
use rescuesim::rng::{Purpose, Replicate, Seed, Streams};
use rescuesim::scenario::Scenario;
use rescuesim::scenario::shipped::SCENARIOS;
use rescuesim::summary::Tally;
use rescuesim::summary::checkpoint::{Checkpoint, JobTotal, RunId, Task};
use rescuesim::trial::{ReplicateResult, Simulator};

mod bare_loop;

fn main() {
    divan::main();
}

fn angel_reboot(set: &[&str]) -> Scenario {
    let set: Vec<String> = set.iter().map(|&text| text.to_owned()).collect();
    Scenario::load("angel-reboot".as_ref(), &set).expect("the shipped scenario is valid")
}

/// One replicate, under two truths.
#[divan::bench_group(sample_size = 1000)]
mod replicate {
    use super::{
        Bencher, ReplicateResult, SCENARIOS, Scenario, Simulator, angel_reboot, bare_loop,
    };

    const TWO_PROPORTIONS: &str = r#"analyses=[{method="two_proportions"}]"#;

    fn simulate(bencher: Bencher, scenario: Scenario) {
        let mut simulator = Simulator::new(&scenario);
        let (mut replicate, mut result) = (0, ReplicateResult::default());
        bencher.bench_local(|| {
            replicate += 1;
            simulator.run_into(replicate..u64::MAX, &mut result);
            result.trials.len()
        });
    }

    #[divan::bench]
    fn bare_loop_one_truth(bencher: Bencher) {
        let mut trial = bare_loop::BareTrial::new(20211219);
        bencher.bench_local(|| trial.run());
    }

    #[divan::bench]
    fn two_proportions(bencher: Bencher) {
        simulate(bencher, angel_reboot(&[TWO_PROPORTIONS]));
    }

    /// The group-sequential counterpart of the next bench, with as many patients as that has at most.
    #[divan::bench]
    fn icarus_of_498(bencher: Bencher) {
        let set = ["sample_size.randomised=498", "design.looks={analysed=[148,498]}"];
        let text = SCENARIOS.iter().find(|shipped| shipped.name == "icarus").expect("shipped").text;
        let start = text.find("[adaptation.size]").expect("it re-estimates");
        let end = start + text[start..].find("[[analyses]]").expect("it has analyses");
        let plain = format!("{}{}", &text[..start], &text[end..]);
        simulate(bencher, Scenario::parse(&plain, &set.map(str::to_owned)).expect("valid"));
    }

    /// Sizes from 296 to 498, re-estimated.
    #[divan::bench]
    fn icarus_reestimated(bencher: Bencher) {
        simulate(bencher, Scenario::load("icarus".as_ref(), &[]).expect("shipped"));
    }

    #[divan::bench]
    fn wald_at_every_look(bencher: Bencher) {
        simulate(bencher, angel_reboot(&["analyses[1].test=wald"]));
    }

    /// Score test, and Wald test adjusted for the three minimised factors.
    #[divan::bench]
    fn score_and_adjusted_wald_at_every_look(bencher: Bencher) {
        let analyses = r#"analyses=[{method="proportional_odds"}, {name="adjusted", method="proportional_odds", test="wald", adjust_for=["nihss","onset_to_puncture","occlusion_site"]}]"#;
        simulate(bencher, angel_reboot(&[analyses]));
    }

    /// Stated-outcome counterpart of early-vs-late, whose difference in time is the cost of the procedure.
    #[divan::bench]
    fn early_vs_late_with_stated_outcomes(bencher: Bencher) {
        let twin = Scenario::load("benches/early_vs_late_stated.toml".as_ref(), &[]);
        simulate(bencher, twin.expect("the scenario is valid"));
    }

    /// Trials with a margin, and without one by the same test.
    const MARGINS: [&str; 6] = [
        r#"analyses=[{method="two_proportions"}]"#,
        r#"analyses=[{method="two_proportions",hypothesis={type="non_inferiority",margin={risk_difference=-0.1}}}]"#,
        r#"analyses=[{method="two_proportions",test="wald"}]"#,
        r#"analyses=[{method="two_proportions",test="wald",hypothesis={type="non_inferiority",margin={risk_difference=-0.1}}}]"#,
        r#"analyses=[{method="proportional_odds",test="wald"}]"#,
        r#"analyses=[{method="proportional_odds",test="wald",hypothesis={type="non_inferiority",margin={common_odds_ratio=0.8}}}]"#,
    ];

    #[divan::bench(args = MARGINS)]
    fn with_and_without_margin(bencher: Bencher, analyses: &str) {
        simulate(bencher, angel_reboot(&[analyses]));
    }

    /// Trials that decide by boundaries of Z, and by probabilities after the same analyses: two proportions,
    /// Wald's test of the shift (flat, normal and heavy-tailed prior), mean utilities. Neither stops early
    /// for futility often, so that both have nearly as many looks.
    const DECISIONS: [&str; 8] = [
        "two_proportions",
        "two_proportions, bayesian",
        "proportional_odds",
        "proportional_odds, bayesian, flat prior",
        "proportional_odds, bayesian, normal prior",
        "proportional_odds, bayesian, t prior",
        "utility_weighted",
        "utility_weighted, bayesian",
    ];

    fn deciding(name: &str) -> Scenario {
        let method = name.split(',').next().expect("a name");
        let analysis = match method {
            "proportional_odds" => "test=\"wald\"",
            "utility_weighted" => "utilities=[10,9.1,7.6,6.5,3.3,0,0]",
            _ => "test=\"pooled_z\"",
        };
        let prior = if name.contains("t prior") {
            ",prior={components=[{log_odds_ratio={mean=0.0,sd=0.35,degrees_of_freedom=4}}]}"
        } else if name.contains("normal prior") {
            ",prior={components=[{log_odds_ratio={mean=0.0,sd=0.35}}]}"
        } else {
            ""
        };
        let rules = if name.contains("bayesian") {
            format!(
                "decisions=\"bayesian\",bayesian={{success={{posterior_at_least=0.99}},\
                 futility={{predictive_below=0.05}}{prior}}}"
            )
        } else {
            "alpha_one_sided=0.025,efficacy={rule=\"pocock\"},\
             futility={rule=\"predictive_power\",at_most=0.05}"
                .to_owned()
        };
        angel_reboot(&[
            &format!("analyses=[{{method=\"{method}\",{analysis}}}]"),
            &format!("design={{looks={{analysed=[104,208,312]}},{rules}}}"),
        ])
    }

    #[divan::bench(args = DECISIONS)]
    fn deciding_by_z_or_probability(bencher: Bencher, name: &str) {
        simulate(bencher, deciding(name));
    }

    /// Every shipped scenario, unchanged.
    #[divan::bench(args = SCENARIOS.map(|shipped| shipped.name), sample_size = 100)]
    fn shipped(bencher: Bencher, name: &str) {
        let scenario = Scenario::load(name.as_ref(), &[]);
        simulate(bencher, scenario.expect("the shipped scenario is valid"));
    }
}

/// Totals over replicates of the shipped ANGEL-REBOOT.
mod tally {
    use super::{
        Accumulator, Bencher, Checkpoint, JobTotal, Replicate, RunId, Simulator, Tally, Task,
        angel_reboot,
    };

    const REPLICATES: u64 = 1000;

    fn full(scenario: &rescuesim::scenario::Scenario) -> Tally {
        let mut simulator = Simulator::new(scenario);
        let mut tally = Tally::new(scenario);
        for replicate in 0..REPLICATES {
            tally.add(&[simulator.run(Replicate(replicate))]);
        }
        tally
    }

    #[divan::bench]
    fn add(bencher: Bencher) {
        let scenario = angel_reboot(&[]);
        let results = [Simulator::new(&scenario).run(Replicate(0))];
        let mut tally = full(&scenario);
        bencher.bench_local(|| tally.add(&results));
    }

    #[divan::bench]
    fn merge(bencher: Bencher) {
        let scenario = angel_reboot(&[]);
        let (mut total, tally) = (full(&scenario), full(&scenario));
        let clone = || tally.clone();
        bencher.with_inputs(clone).bench_local_values(|tally| total.merge(tally));
    }

    fn checkpoint() -> Checkpoint {
        let scenario = angel_reboot(&[]);
        let run = RunId::new(&[&scenario], Some(REPLICATES), Task::run(), String::new());
        let empty = Tally::new(&scenario);
        let mut job = JobTotal::begun(0, &[&scenario], Vec::new(), 0, &empty);
        job.advance(&full(&scenario), REPLICATES);
        Checkpoint { run, jobs: vec![job] }
    }

    #[divan::bench]
    fn write_checkpoint(bencher: Bencher) {
        let checkpoint = checkpoint();
        bencher.bench_local(|| checkpoint.to_json());
    }

    #[divan::bench]
    fn read_checkpoint(bencher: Bencher) {
        let text = checkpoint().to_json();
        let scenario = angel_reboot(&[]);
        bencher.bench_local(|| {
            let read = Checkpoint::read(&text).expect("it was just written");
            read.jobs[0].restored(&[&scenario], Tally::new(&scenario)).expect("it was just written")
        });
    }
}

/// Allocation of 348 patients by each method.
#[divan::bench(sample_size = 1000, args = ["minimisation_range", "minimisation_variance", "minimisation_2_to_3", "permuted_blocks", "efron", "big_stick", "block_urn", "minimal_sufficient_balance", "complete"])]
fn allocation(bencher: Bencher, method: &str) {
    let set: &[&str] = match method {
        "minimisation_range" => &[],
        "minimisation_variance" => &["randomisation.imbalance=variance"],
        "minimisation_2_to_3" => &["arms.allocation_ratio={control=2,experimental=3}"],
        "permuted_blocks" => &[r#"randomisation={method="permuted_blocks",block_sizes=[2,4]}"#],
        "efron" => &[r#"randomisation={method="efron"}"#],
        "big_stick" => &[r#"randomisation={method="big_stick",maximum_imbalance=3}"#],
        "block_urn" => &[r#"randomisation={method="block_urn",balanced_sets=3}"#],
        "minimal_sufficient_balance" => &[r#"randomisation={method="minimal_sufficient_balance"}"#],
        _ => &[r#"randomisation={method="complete"}"#],
    };
    let scenario = angel_reboot(set);
    let (population, method) = (&scenario.population, &scenario.randomisation);
    bencher.bench_local(|| allocate(population, method));
}

fn allocate(population: &Population, method: &RandomisationMethod) -> usize {
    let streams = Streams::new(Seed(1));
    let mut strata = streams.stream(Replicate(0), Purpose::Baseline);
    let mut coins = streams.stream(Replicate(0), Purpose::Allocation);
    let mut state = AllocationState::default();
    method.reset(&mut state);
    let arms = (0..348).map(|_| {
        let stratum = population.draw(&mut strata) as usize;
        method.allocate(&mut state, stratum, &mut coins).index()
    });
    arms.sum()
}

/// Outcomes of 312 patients, by arm and mRS.
const TABLE: OutcomeTable =
    OutcomeTable { counts: [[7, 12, 20, 25, 39, 22, 31], [14, 20, 29, 28, 33, 15, 17]] };

#[divan::bench_group(sample_size = 1000)]
mod analysis {
    use super::{
        Bencher, Counts, Covariates, FitScratch, Levels, Model, Mrs, ProportionTest, Scenario,
        TABLE, two_proportions, unadjusted,
    };
    use divan::black_box;
    use rescuesim::analysis::{KnownOutcomes, Scratch as MethodScratch};
    use rescuesim::randomisation::Arm;

    /// Distributes the patients of `TABLE` over the strata of the given number of binary factors.
    fn strata(factors: u32) -> (Model, Vec<Counts>) {
        let strata = 1 << factors;
        let row = |stratum: usize| {
            (0..factors).map(|k| if stratum >> k & 1 == 1 { 1.0 } else { 0.0 }).collect()
        };
        let rows: Vec<Vec<f64>> = (0..strata).map(row).collect();
        let mut data = vec![Counts::default(); strata];
        let mut dealt = 0;
        for (arm, counts) in TABLE.counts.iter().enumerate() {
            for (mrs, &count) in counts.iter().enumerate() {
                for _ in 0..count {
                    // Consecutive patients go to strata 5/8 of the list apart; an odd step visits all of them.
                    dealt = (dealt + ((5 * strata / 8) | 1)) % strata;
                    data[dealt][arm][mrs] += 1.0;
                }
            }
        }
        (Model { levels: Levels::ALL, covariates: Covariates::new(&rows) }, data)
    }

    /// Wald test adjusted for a number of binary factors.
    #[divan::bench(args = [0, 1, 3, 5])]
    fn adjusted_wald(bencher: Bencher, factors: u32) {
        let (model, data) = strata(factors);
        let mut scratch = FitScratch::default();
        bencher.bench_local(|| model.fit(black_box(&data), &mut scratch));
    }

    #[divan::bench(args = [0, 3])]
    fn adjusted_score(bencher: Bencher, factors: u32) {
        let (model, data) = strata(factors);
        let mut scratch = FitScratch::default();
        bencher.bench_local(|| model.score(black_box(&data), &mut scratch));
    }

    #[divan::bench(args = [0, 3])]
    fn adjusted_likelihood_ratio(bencher: Bencher, factors: u32) {
        let (model, data) = strata(factors);
        let mut scratch = FitScratch::default();
        bencher.bench_local(|| model.likelihood_ratio(black_box(&data), &mut scratch));
    }

    #[divan::bench]
    fn adjusted_logistic(bencher: Bencher) {
        let (model, data) = strata(3);
        let model = Model { levels: Levels::at_most(Mrs::INDEPENDENT), ..model };
        let mut scratch = FitScratch::default();
        bencher.bench_local(|| model.fit(black_box(&data), &mut scratch));
    }

    /// Wald test adjusted for forty centres and three binary factors: 43 columns with the treatment.
    #[divan::bench(sample_size = 10)]
    fn adjusted_for_centres(bencher: Bencher) {
        let mut rows = Vec::new();
        let mut data = vec![Counts::default(); 320];
        for group in 0..320_usize {
            let mut row: Vec<f64> = (1..40).map(|k| f64::from(group / 8 == k)).collect();
            row.extend((0..3).map(|k| f64::from(group >> k & 1 == 1)));
            rows.push(row);
            for patient in 0..3 {
                data[group][patient % 2][(group * 5 + patient * 3 + group / 7) % 7] += 1.0;
            }
        }
        let model = Model { levels: Levels::ALL, covariates: Covariates::new(&rows) };
        let mut scratch = FitScratch::default();
        bencher.bench_local(|| model.fit(black_box(&data), &mut scratch));
    }

    /// Full result of each analysis of angel-reboot-analyses, by number.
    #[divan::bench(args = 0..all_analyses().analyses.len())]
    fn test(bencher: Bencher, number: usize) {
        let scenario = all_analyses();
        let mut known = KnownOutcomes::default();
        known.reset(scenario.detail);
        for (arm, counts) in [Arm::Control, Arm::Experimental].into_iter().zip(TABLE.counts) {
            for (mrs, count) in Mrs::all().zip(counts) {
                for patient in 0..count as usize {
                    known.record(arm, (5 * patient + 3 * mrs.index()) % scenario.detail.cells, mrs);
                }
            }
        }
        let (method, mut scratch) = (&scenario.analyses[number].method, MethodScratch::default());
        bencher.bench_local(|| method.test(black_box(&known), &mut scratch));
    }

    fn all_analyses() -> Scenario {
        let scenario = Scenario::load("angel-reboot-analyses".as_ref(), &[]);
        scenario.expect("the shipped scenario is valid")
    }

    #[divan::bench]
    fn pooled_z(bencher: Bencher) {
        bencher.bench_local(|| {
            let arms = two_proportions::arms(&black_box(&TABLE).weights(), Mrs::INDEPENDENT);
            two_proportions::z(&arms, ProportionTest::PooledZ)
        });
    }

    #[divan::bench]
    fn score_z(bencher: Bencher) {
        bencher.bench_local(|| unadjusted::score_z(&black_box(&TABLE).weights()));
    }

    #[divan::bench]
    fn maximum_likelihood(bencher: Bencher) {
        bencher.bench_local(|| unadjusted::fit(&black_box(&TABLE).weights()));
    }
}

fn equally_spaced(looks: u32) -> Vec<f64> {
    (1..=looks).map(|k| f64::from(k) / f64::from(looks)).collect()
}

fn obrien_fleming() -> Rules {
    let rule = EfficacyRule::Spending(SpendingFunction::LanDeMetsObrienFleming);
    Rules::efficacy_only(0.025, rule)
}

#[divan::bench_group]
mod boundaries {
    use super::{
        Bencher, Boundaries, FutilityRule, SpendingFunction, equally_spaced, obrien_fleming,
    };

    #[divan::bench(args = [3, 5, 20])]
    fn efficacy(bencher: Bencher, looks: u32) {
        let (rules, fractions) = (obrien_fleming(), equally_spaced(looks));
        bencher.bench_local(|| Boundaries::new(&rules, &fractions));
    }

    /// Boundaries with β-spending futility; binding futility and efficacy depend on each other.
    #[divan::bench(args = [(3, false), (20, false), (3, true), (20, true)])]
    fn with_beta_spending(bencher: Bencher, (looks, binding): (u32, bool)) {
        let mut rules = obrien_fleming();
        let function = SpendingFunction::LanDeMetsObrienFleming;
        rules.futility = FutilityRule::BetaSpending { function, power: 0.8 };
        rules.binding_futility = binding;
        let fractions = equally_spaced(looks);
        bencher.bench_local(|| Boundaries::new(&rules, &fractions));
    }
}

/// 25 % v 40 % with equal looks.
#[divan::bench_group]
mod design {
    use super::{
        ArmSizes, Bencher, Boundaries, Comparison, DesignCharacteristics, ExactDesign,
        ExactStatistic, Question, Rounding, TwoProportions, equally_spaced, obrien_fleming,
    };

    fn found(looks: u32) -> (Question, Boundaries, Vec<ArmSizes>) {
        let stated = TwoProportions::new(0.25, 0.4).expect("inside (0, 1)");
        let question = Question {
            rules: obrien_fleming(),
            information_fractions: equally_spaced(looks),
            comparison: Comparison::TwoProportions(stated),
            share_experimental: 0.5,
            rounding: Rounding::PerArm,
            dropout: [0.0; 2],
            sizes_are_expected: false,
        };
        let boundaries = Boundaries::new(&question.rules, &question.information_fractions);
        let sizes = question.sizes(312.0);
        (question, boundaries.expect("no futility to fail"), sizes)
    }

    /// Exact recursion with 156 patients per arm, under one pair of rates.
    #[divan::bench]
    fn exact_recursion_of_3_looks(bencher: Bencher) {
        let (_, boundaries, sizes) = found(3);
        let (upper, lower) = (boundaries.efficacy.clone(), boundaries.lower());
        bencher.bench_local(|| {
            let exact = ExactDesign::new(&sizes, ExactStatistic::Pooled, &upper, &lower);
            exact.expect("the looks grow").probabilities([0.25, 0.4])
        });
    }

    /// Everything that `rescuesim design` prints, including the largest exact type I error.
    #[divan::bench(args = [3, 20])]
    fn characteristics(bencher: Bencher, looks: u32) {
        let (question, boundaries, sizes) = found(looks);
        bencher.bench_local(|| {
            DesignCharacteristics::new(&question, &boundaries, &sizes, &[0.0, 0.5, 1.0])
        });
    }
}

/// Stage-wise estimates after a trial with three looks, solved and from a table.
mod stagewise {
    use super::{Bencher, Boundaries, EfficacyRule, Rules, SpendingFunction};
    use rescuesim::design::inference::{Monitored, StagewiseTable};

    const FRACTIONS: [f64; 3] = [1.0 / 3.0, 2.0 / 3.0, 1.0];
    const NO_LOWER: [f64; 3] = [f64::NEG_INFINITY; 3];

    fn bounds() -> Vec<f64> {
        let rule = EfficacyRule::Spending(SpendingFunction::LanDeMetsObrienFleming);
        let found = Boundaries::new(&Rules::efficacy_only(0.025, rule), &FRACTIONS);
        found.expect("the protocol has bounds").efficacy
    }

    #[divan::bench(args = [-1.0, 2.0, 5.0])]
    fn estimate(bencher: Bencher, z: f64) {
        let bounds = bounds();
        let monitored = Monitored::new(&FRACTIONS, &NO_LOWER, &bounds);
        bencher.bench_local(|| monitored.stagewise_estimate(2, divan::black_box(z), 0.95));
    }

    #[divan::bench]
    fn table(bencher: Bencher) {
        let bounds = bounds();
        let monitored = Monitored::new(&FRACTIONS, &NO_LOWER, &bounds);
        bencher.bench_local(|| StagewiseTable::new(&monitored, 2, 0.95));
    }

    #[divan::bench]
    fn look_up(bencher: Bencher) {
        let bounds = bounds();
        let monitored = Monitored::new(&FRACTIONS, &NO_LOWER, &bounds);
        let table = StagewiseTable::new(&monitored, 2, 0.95);
        bencher.bench_local(|| table.estimate(divan::black_box(2.0)));
    }
}
