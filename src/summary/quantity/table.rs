//! The catalogue as tables of the documentation.

use super::list::{
    ANALYSIS, ARM, BALANCE, CENTRES, COMPONENT, CUT, DESCRIPTION, GROUP, LEVEL, LOOK, PASS, PRIOR,
    PRIOR_ANALYSIS, PROCEDURE, SAFETY, SAFETY_LOOK, SUBGROUP, TRUTH,
};
use super::{Kind, Quantity};
use crate::summary::NamedQuantity;

/// Describes every field of a result in Markdown, a table for each object of the JSON, and the names of
/// `--precision-of` and `solve --reach`. `scenarios/README.md` has this text.
pub fn fields_as_markdown() -> String {
    let mut out = String::new();
    section(&mut out, "truths[]", TRUTH);
    section(&mut out, "truths[].analyses[]", ANALYSIS);
    section(&mut out, "truths[].analyses[].looks[]", LOOK);
    section(&mut out, "truths[].description", DESCRIPTION);
    section(&mut out, "truths[].description.cuts[]", CUT);
    section(&mut out, "truths[].description.subgroups[]", SUBGROUP);
    section(&mut out, "truths[].safety[]", SAFETY);
    section(&mut out, "truths[].safety[].looks[]", SAFETY_LOOK);
    section(&mut out, "truths[].balance", BALANCE);
    section(&mut out, "truths[].balance.levels[]", LEVEL);
    section(&mut out, "truths[].balance.centres", CENTRES);
    section(&mut out, "prior", PRIOR);
    section(&mut out, "prior.components[]", COMPONENT);
    section(&mut out, "prior.analyses[]", PRIOR_ANALYSIS);
    section(&mut out, "procedure", PROCEDURE);
    section(&mut out, "procedure.arms[]", ARM);
    section(&mut out, "procedure.arms[].groups[]", GROUP);
    section(&mut out, "procedure.arms[].passes[]", PASS);
    out += "| name for `--precision-of` and `solve --reach` | field | of |\n|---|---|---|\n";
    for named in NamedQuantity::all() {
        out += &format!("| `{named}` | `{}` | `{}` |\n", named.field(), named.truth().name());
    }
    out
}

fn section<T>(out: &mut String, object: &str, catalogue: &[Quantity<T>]) {
    let has_columns = catalogue.iter().any(|quantity| quantity.column.is_some());
    *out += &format!("| field of `{object}` | meaning | kind | unit |");
    *out += if has_columns { " column of `sweep.csv` |\n" } else { "\n" };
    *out += if has_columns { "|---|---|---|---|---|\n" } else { "|---|---|---|---|\n" };
    for quantity in catalogue {
        let Quantity { key, label, unit, column, .. } = quantity;
        *out += &format!("| `{key}` | {label} | {} | {unit} |", kind_in_words(quantity.kind()));
        if has_columns {
            let prefix = if object.ends_with("looks[]") { "look_k_" } else { "" };
            *out += &column.map_or(" |".to_owned(), |column| format!(" `{prefix}{column}` |"));
        }
        out.push('\n');
    }
    out.push('\n');
}

fn kind_in_words(kind: Kind) -> &'static str {
    match kind {
        Kind::Simulated => "simulated",
        Kind::Checked => "simulated, exact",
        Kind::Number => "number",
        Kind::Count => "count",
        Kind::Text => "text",
        Kind::List => "list",
    }
}
