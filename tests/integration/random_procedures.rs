//! Valid procedures of every kind run, agree with the enumeration, and obey the laws of procedures.
//!
//! Every case has a different seed: 60 cases of about 100 shares, each of which fails by chance
//! with probability 1e-9, so one run in 160 000.

use proptest::prelude::*;
use rescuesim::outcome::Mrs;
use rescuesim::randomisation::Arm;
use rescuesim::scenario::{Scenario, Truth};

use crate::checked::checked_quantities;
use crate::util::{angel_reboot, simulate_scenario};

const RARE: f64 = 1e-9;

fn probability() -> impl Strategy<Value = f64> {
    prop_oneof![5 => 0.0..1.0f64, 1 => Just(0.0), 1 => Just(1.0)]
}

fn by_pass() -> impl Strategy<Value = String> {
    prop::collection::vec(probability(), 1..6).prop_map(|list| format!("{list:?}"))
}

fn pass_success() -> impl Strategy<Value = String> {
    prop_oneof![
        (0.0..1.0f64).prop_map(|p| p.to_string()),
        by_pass(),
        (0.01..0.99f64, 0.2..2.0f64)
            .prop_map(|(first, ratio)| format!("{{first={first},odds_ratio_per_pass={ratio}}}")),
    ]
}

/// At most three passes before randomisation.
fn randomised_after() -> impl Strategy<Value = String> {
    prop_oneof![
        (0u32..4).prop_map(|passes| passes.to_string()),
        (0u32..3, 0.01..0.99f64).prop_map(|(passes, share)| format!(
            "{{passes=[{passes},3],shares=[{share},{}]}}",
            1.0 - share
        )),
    ]
}

/// At most ten passes including those before randomisation; practice ends with a certain stent.
fn strategy() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(r#"{rule="rescue_now"}"#.to_owned()),
        (0u32..8).prop_map(|more| format!(r#"{{rule="continue_then_rescue",more_passes={more}}}"#)),
        (0u32..8).prop_map(|more| format!(r#"{{rule="continue_then_stop",more_passes={more}}}"#)),
        prop::collection::vec(probability(), 0..6).prop_map(|mut list| {
            list.push(1.0);
            format!(r#"{{rule="practice",rescue_after_pass={list:?}}}"#)
        }),
    ]
}

fn plan() -> impl Strategy<Value = String> {
    (strategy(), prop_oneof![2 => Just(0.0), 1 => probability()])
        .prop_map(|(strategy, crossover)| format!("{{strategy={strategy},crossover={crossover}}}"))
}

fn log_odds() -> impl Strategy<Value = f64> {
    prop_oneof![3 => -3.0..3.0f64, 1 => Just(0.0)]
}

/// Optional keys.
fn details() -> impl Strategy<Value = String> {
    let rescue = (by_pass(), probability(), log_odds(), log_odds()).prop_map(
        |(success, failed, intercept, per_pass)| {
            format!(
                "rescue={{success={success},failed_access={failed},\
                 patency={{intercept={intercept},per_pass={per_pass}}}}}"
            )
        },
    );
    let haemorrhage = (log_odds(), log_odds(), log_odds(), probability()).prop_map(
        |(intercept, per_pass, stenting, fatality)| {
            format!(
                r#",haemorrhage={{definition="any",intercept={intercept},per_pass={per_pass},stenting={stenting},fatality={fatality}}}"#
            )
        },
    );
    let perforation = prop::array::uniform3(probability()).prop_map(|[thrombectomy, stenting, fatality]| {
        format!(",perforation={{thrombectomy={thrombectomy},stenting={stenting},fatality={fatality}}}")
    });
    let difficulty = prop::array::uniform3(log_odds()).prop_map(|[pass_success, rescue_choice, outcome]| {
        format!(",difficulty={{pass_success={pass_success},rescue_choice={rescue_choice},outcome={outcome}}}")
    });
    let minutes = (0.0..60.0f64, 0.0..1.0f64).prop_map(|(base, log_sd)| {
        format!(",minutes={{base={base},per_pass=10,stenting=15,log_sd={log_sd}}}")
    });
    let or_none = |keys: BoxedStrategy<String>| prop_oneof![keys, Just(String::new())];
    let optional = (
        or_none(haemorrhage.boxed()),
        or_none(perforation.boxed()),
        or_none(difficulty.boxed()),
        or_none(minutes.boxed()),
        or_none((4u32..11).prop_map(|most| format!(",max_passes={most}")).boxed()),
        or_none((0u32..6).prop_map(|until| format!(",early_until={until}")).boxed()),
    );
    (rescue, optional).prop_map(|(rescue, (a, b, c, d, e, f))| rescue + &a + &b + &c + &d + &e + &f)
}

/// Overrides of ANGEL-REBOOT.
fn settings() -> impl Strategy<Value = Vec<String>> {
    let procedure = (randomised_after(), pass_success(), by_pass(), plan(), plan(), details())
        .prop_map(|(after, success, reocclusion, control, experimental, details)| {
            format!(
                "procedure={{randomised_after={after},pass_success={success},\
                 reocclusion={reocclusion},control={control},experimental={experimental},{details}}}"
            )
        });
    let outcome = prop::array::uniform6(log_odds()).prop_map(
        |[intercept, per_pass, open, stenting, haemorrhage, perforation]| {
            format!(
                "outcome={{shape=[4.7,7.4,12.9,16.0,24.9,14.1,20.0],intercept={intercept},\
                 per_pass={per_pass},open_vessel={open},stenting={stenting},\
                 haemorrhage={haemorrhage},perforation={perforation}}}"
            )
        },
    );
    (procedure, outcome, log_odds(), any::<u32>()).prop_map(|(procedure, outcome, factor, seed)| {
        vec![
            procedure,
            outcome,
            format!("factors[0].log_odds=[0,{factor:?}]"),
            "accrual={screened_per_month=100}".to_owned(),
            format!("run.seed={seed}"),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn every_valid_procedure_agrees_with_the_enumeration(settings in settings()) {
        // Passes may open all vessels before randomisation; other refusals are not expected.
        let scenario = match Scenario::parse(&angel_reboot(), &settings) {
            Ok(scenario) => scenario,
            Err(rejection) => {
                let message = rejection.summary();
                prop_assert!(message.contains("some patients have a persistent occlusion"), "{}", message);
                return Ok(());
            }
        };
        let result = simulate_scenario(&scenario, 40);
        let procedure = result.procedure.expect("it exists");
        // A rare group may have none of 14 000 patients; then it has no quantities.
        for quantity in checked_quantities("", &procedure).iter().filter(|f| f.is_share() && f.n > 0) {
            quantity.check(RARE);
        }

        let model = scenario.procedural().expect("it exists");
        let marginals = |truth| *scenario.marginal(truth).expect("it exists");
        let [control, experimental] = marginals(Truth::Alternative);
        let difference = experimental.at_most(Mrs::INDEPENDENT) - control.at_most(Mrs::INDEPENDENT);
        let parts: f64 = model.decomposition().iter().sum();
        prop_assert!((parts - difference).abs() < 1e-9, "{} {}", parts, difference);
        let adhering = model.without_crossover().expected(Arm::Control).mrs();
        prop_assert_eq!(marginals(Truth::Null), [adhering.expect("it has patients"); 2]);
        let share = procedure.screening_yield;
        prop_assert!(share > 0.0 && share <= 1.0 + 1e-12, "{}", share);
        for arm in &procedure.arms {
            let ends: f64 = arm.passes.iter().flat_map(|pass| {
                [pass.reperfused.exact, pass.stented.exact, pass.unopened.exact]
            }).sum();
            prop_assert!((ends - 1.0).abs() < 1e-9, "{}", ends);
            let attempted: f64 = arm.passes.iter().map(|pass| pass.attempted.exact).sum();
            let passes = arm.groups[0].measures["passes"].exact;
            prop_assert!(attempted <= passes + 1e-9, "{} {}", attempted, passes);
        }
    }
}
