//! `rescuesim explain`: keys, quantities and terms.

use crate::util::{json, output, refused, rescuesim, too_wide};

#[test]
fn a_key_is_explained_with_what_is_allowed_and_an_example() {
    let text = output(rescuesim().args(["explain", "missing.dropout"]));
    for part in [
        "missing.dropout (key of a scenario)\n",
        "\nAllowed: a number from 0 to 0.99, or a table\n",
        "\nUnit: probability, from 0 to 1\n",
        "\nDefault: 0.0\n",
        "\nExample: missing.dropout = 0.10 (in angel-reboot)\n",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    assert_eq!(too_wide(&text), Vec::<&str>::new());
}

#[test]
fn a_table_is_explained_with_its_variants_and_keys() {
    let text = output(rescuesim().args(["explain", "design.futility"]));
    for part in [
        "\n  conditional_power\n      Stop when the conditional power is at or below a bound.\n",
        "\n  design.futility.at_most (rule: conditional_power, predictive_power)\n",
        "\n  design.futility.bounds (rule: p)\n",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    // Indices and the name of an element do not matter.
    let of_element = output(rescuesim().args(["explain", "analyses[shift].test"]));
    assert_eq!(of_element, output(rescuesim().args(["explain", "analyses.test"])));
    // The beginning of a path lists the keys below.
    let list = output(rescuesim().args(["explain", "design.fut"]));
    assert!(list.contains("  design.futility_looks\n"), "{list}");
}

#[test]
fn a_term_and_a_quantity_of_one_name_are_both_explained() {
    let text = output(rescuesim().args(["explain", "Overrun"]));
    assert!(text.starts_with("overrun (term)\nPatients who are randomised but whose outcome"));
    let value = json(rescuesim().args(["explain", "power"]));
    assert_eq!(value["term"]["name"], "power");
    assert_eq!(value["quantities"][0]["field"], "rejection");
    let keys: Vec<_> =
        value["keys"].as_array().expect("keys").iter().map(|key| &key["key"]).collect();
    assert_eq!(keys, ["adaptation.size.power", "design.futility.power", "expect.power"]);
    // Words need no quotes.
    let words = output(rescuesim().args(["explain", "information", "fraction"]));
    assert!(words.starts_with("information fraction (term)\n"), "{words}");
}

#[test]
fn other_names_of_a_method_are_explained_as_the_method() {
    for (name, starts) in [
        ("Wilcoxon-Mann-Whitney", "wilcoxon (value of a key)\n"),
        ("log-binomial", "modified_poisson (value of a key)\n"),
        ("power family", "kim_demets (value of a key)\n"),
        ("stratified blocks", "permuted blocks (term)\n"),
        ("stochastic minimisation", "minimisation (term)\n"),
    ] {
        let text = output(rescuesim().args(["explain", name]));
        assert!(text.starts_with(starts), "{name}\n{text}");
    }
    let errors = refused(rescuesim().args(["explain", "generalised", "odds", "ratio"]));
    for part in ["several methods", "`win_odds`, ties split", "`win_ratio`, ties left out"] {
        assert!(errors.contains(part), "{errors}");
    }
}

#[test]
fn without_a_name_the_topics_are_listed() {
    let text = output(rescuesim().arg("explain"));
    for part in ["overrun", "Keys of a scenario\naccrual", "type-i-error"] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    assert_eq!(too_wide(&text), Vec::<&str>::new());
    let all = json(rescuesim().arg("explain"));
    assert!(all["keys"].as_array().is_some_and(|keys| keys.len() > 150));
}

#[test]
fn an_unknown_name_is_refused_with_suggestions() {
    let errors = refused(rescuesim().args(["explain", "missing.droput"]));
    assert!(errors.contains("`missing.droput` is neither a key of a scenario, nor"), "{errors}");
    assert!(errors.contains("did you mean `missing.dropout`"), "{errors}");
}
