//! Non-inferiority by intention to treat and per protocol in the same trials, 10 % of each arm getting the
//! other treatment whatever the outcome: the designs XO-* of `tests/reference/noninferiority.csv`, of
//! 1 000 000 trials each.
//!
//! Seeds are fixed. 16 probabilities are compared at 3.5 combined standard errors: with fresh seeds one of
//! them would fail by chance in one of 134 runs.

use rescuesim::scenario::Scenario;
use rescuesim::scenario::Truth::{self, Alternative, Null};
use rescuesim::summary::{McEstimate, OperatingCharacteristics, SuccessSummary};

use crate::util::{Results, Row, rows, shipped_text, simulate_scenario};

const REPLICATES: u64 = 20_000;

/// A trial with 10 % crossover whose power and type I error are two designs of the reference.
struct Crossover {
    /// Name of the design; that at the margin ends in `-margin`.
    name: &'static str,
    /// Control mRS 0 to 6, percent.
    control: &'static str,
    method: &'static str,
    margin: &'static str,
    rows: Vec<Row>,
}

impl Crossover {
    fn all() -> [Self; 2] {
        let rows = rows(&shipped_text("tests/reference/noninferiority.csv"));
        let new = |name, control, method, margin| Self {
            name,
            control,
            method,
            margin,
            rows: rows.clone(),
        };
        [
            new(
                "XO-cor",
                "[10, 17, 19, 17, 16, 6, 15]",
                "method = \"proportional_odds\"",
                "common_odds_ratio",
            ),
            // The reference has two outcomes, of which the first has 43 %; how the rest is divided has no effect.
            new(
                "XO-rd",
                "[13, 14, 16, 17, 16, 8, 16]",
                "method = \"two_proportions\"\ncut = 2\ntest = \"wald\"",
                "risk_difference",
            ),
        ]
    }

    #[track_caller]
    fn find(&self, truth: Truth, quantity: &str, source: &str) -> &Row {
        let design = match truth {
            Alternative => self.name.to_owned(),
            Null => format!("{}-margin", self.name),
            Truth::Prior | Truth::Configuration { .. } => panic!("the reference has two truths"),
        };
        let mut found = self.rows.iter().filter(|row| {
            row["design"] == design && row["quantity"] == quantity && row["source"] == source
        });
        found.next().unwrap_or_else(|| panic!("{design} has no {quantity}"))
    }

    fn scenario(&self, rule: &str) -> Scenario {
        let Self { control, method, margin, .. } = self;
        let input = |quantity| &self.find(Alternative, quantity, "input")["value"];
        let text = format!(
            "title = \"{name}\"\n\
             sample_size = {{ randomised = {n} }}\n\
             accrual = {{ per_month = 20 }}\n\
             arms = {{ control = \"c\", experimental = \"e\" }}\n\
             randomisation = {{ method = \"permuted_blocks\", block_sizes = [2] }}\n\
             outcome = {{ control = {control}, experimental = {{ common_odds_ratio = 1.0 }} }}\n\
             [adherence]\n\
             control_crossover = {{ probability = {xc} }}\n\
             experimental_refusal = {{ probability = {xe} }}\n\
             [design]\n\
             alpha_one_sided = {alpha}\n\
             looks = {{ equally_spaced = 1 }}\n\
             efficacy = {{ rule = \"none\" }}\n\
             [hypothesis]\n\
             type = \"non_inferiority\"\n\
             margin = {{ {margin} = {limit} }}\n\
             [success]\nrule = \"{rule}\"\nanalyses = [\"all\", \"protocol\"]\n\
             [[analyses]]\nname = \"all\"\n{method}\n\
             [[analyses]]\nname = \"protocol\"\n{method}\npopulation = \"per_protocol\"\n",
            name = self.name,
            n = input("n"),
            xc = input("xc"),
            xe = input("xe"),
            alpha = input("alpha"),
            limit = input("margin"),
        );
        Scenario::parse(&text, &[]).unwrap_or_else(|rejection| panic!("{rejection}\n{text}"))
    }

    /// Fails unless an estimate is within 3.5 combined standard errors of the reference.
    #[track_caller]
    fn assert_agrees(&self, truth: Truth, quantity: &str, found: McEstimate) {
        let row = self.find(truth, quantity, "simulation");
        let [expected, se] = ["value", "se"].map(|key| row[key].parse::<f64>().expect("a number"));
        let error = libm::hypot(se, found.mcse);
        assert!(
            (found.value - expected).abs() <= 3.5 * error,
            "{} {truth:?} {quantity}: {} ± {}, expected {expected}",
            self.name,
            found.value,
            found.mcse
        );
    }
}

fn rule(result: &OperatingCharacteristics, truth: Truth) -> &SuccessSummary {
    result.under(truth).success.as_ref().expect("there is a rule")
}

/// Intention to treat is diluted towards equality and exceeds its level at the margin, which needing both
/// sets of patients prevents.
#[test]
fn both_sets_of_patients_show_non_inferiority_as_often_as_in_the_reference() {
    for crossover in Crossover::all() {
        let co_primary = simulate_scenario(&crossover.scenario("co_primary"), REPLICATES);
        let any = simulate_scenario(&crossover.scenario("any"), REPLICATES);
        for truth in [Alternative, Null] {
            let alone = |name| co_primary.analysis(truth, name).rejection;
            crossover.assert_agrees(truth, "itt", alone("all"));
            crossover.assert_agrees(truth, "pp", alone("protocol"));
            let (both, either) = (rule(&co_primary, truth), rule(&any, truth));
            crossover.assert_agrees(truth, "both", both.success);
            crossover.assert_agrees(truth, "either", either.success);
            // With one look both rules see the same trials.
            assert_eq!(both.success, either.all_rejections);
            assert!(both.success.value < alone("protocol").value);
        }
        let level = |name| co_primary.analysis(Null, name).rejection.value;
        assert!(level("all") > 0.07 && rule(&co_primary, Null).success.value < 0.029);
    }
}
