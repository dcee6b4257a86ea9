//! Hints on what a value or a key that is not allowed was probably meant as.

use toml_edit::{Item, TableLike};

use super::item::{elements, float_text, number, whole_number, words};
use super::meant_number::MeantNumber;
use super::schema::{ListShape, NumberShape, TableShape, ValueShape};
use super::slips::ratio;
use crate::num::percent_as_fraction;

/// Returns a hint on what a value that a key does not allow may have been meant as; empty without an idea.
pub(super) fn hint(item: &Item, text: &str, shape: &ValueShape) -> String {
    meant_value(item, text, shape)
        .map_or_else(String::new, |meant| format!(" (did you mean {meant}?)"))
}

fn meant_value(item: &Item, text: &str, shape: &ValueShape) -> Option<String> {
    if let Some(range) = shape.number() {
        return match (words(item), number(item)) {
            (Some(words), _) => {
                let meant = MeantNumber::of(&words)?;
                let fits = range.allows(meant.value());
                fits.then(|| format!("{meant}, without quotes"))
            }
            (None, Some(value)) => meant_in_range(item, text, value, range),
            (None, None) => None,
        };
    }
    match shape {
        ValueShape::Table(table) => ratio_as_table(&words(item)?, table),
        ValueShape::Alternatives(keys) => {
            let mut fitting = keys.iter().filter(|key| is_plausible(item, text, &key.shape));
            let key = fitting.next()?;
            let written = written(item, text)?;
            fitting.next().is_none().then(|| format!("`{{ {} = {written} }}`", key.name))
        }
        ValueShape::Tagged { tag, variants } => {
            let name = item.as_str()?;
            let is_variant = variants.iter().any(|(known, _)| known == name);
            is_variant.then(|| format!("`{{ {tag} = \"{name}\" }}`"))
        }
        ValueShape::AnyOf(shapes) => shapes.iter().find_map(|shape| meant_value(item, text, shape)),
        ValueShape::Boolean
        | ValueShape::Text { .. }
        | ValueShape::Number(_)
        | ValueShape::Name(_)
        | ValueShape::List(_) => None,
    }
}

/// Returns a number within the range that the value may stand for: a percentage, or thousands with a point.
fn meant_in_range(item: &Item, text: &str, value: f64, range: &NumberShape) -> Option<String> {
    if range.whole && whole_number(item, text).is_none() {
        let written = float_text(item, text);
        let (whole, decimals) = written.split_once('.')?;
        let meant = format!("{whole}{decimals}");
        // 1.250 is 1250 where a point separates thousands; 1.25 is not a whole number in any notation.
        let fits = decimals.len() == 3 && range.allows(meant.parse().ok()?);
        return fits.then_some(meant);
    }
    let most = range.most.as_ref()?.as_f64()?;
    // Below 1 a value is a fraction already, only one out of range: 0.9 hardly means 0.009.
    let is_percentage = most <= 1.0 && value >= 1.0 && range.allows(percent_as_fraction(value));
    is_percentage.then(|| percent_as_fraction(value).to_string())
}

/// Returns whether a value could be the one of an alternative.
fn is_plausible(item: &Item, text: &str, shape: &ValueShape) -> bool {
    match shape {
        ValueShape::Number(range) => {
            let is_kind = !range.whole || whole_number(item, text).is_some();
            is_kind && number(item).is_some_and(|value| range.allows(value))
        }
        ValueShape::List(list) => {
            let count = elements(item).count();
            let is_length = count >= list.least && list.most.is_none_or(|most| count <= most);
            item.is_array()
                && is_length
                && elements(item).all(|item| is_plausible(item, text, &list.items))
        }
        ValueShape::Boolean
        | ValueShape::Text { .. }
        | ValueShape::Name(_)
        | ValueShape::Table(_)
        | ValueShape::Alternatives(_)
        | ValueShape::Tagged { .. }
        | ValueShape::AnyOf(_) => false,
    }
}

/// Returns a value as it is written, if it is short.
fn written(item: &Item, text: &str) -> Option<String> {
    let Item::Value(value) = item else { return None };
    let written = match value.span().and_then(|span| text.get(span)) {
        Some(written) => written.to_owned(),
        None => value.to_string().trim().to_owned(),
    };
    // A hint that repeats a table of many lines would hide the message.
    (written.len() <= 60 && !written.contains('\n')).then_some(written)
}

fn ratio_as_table(words: &str, table: &TableShape) -> Option<String> {
    let (control, experimental) = ratio(words)?;
    let has_both = table.key("control").is_some() && table.key("experimental").is_some();
    has_both.then(|| format!("`{{ control = {control}, experimental = {experimental} }}`"))
}

/// Returns a hint on an array of a wrong length, whose decimal commas may have made two elements of each.
pub(super) fn length_hint(item: &Item, list: &ListShape) -> String {
    let digits: Option<Vec<i64>> = elements(item).map(Item::as_integer).collect();
    match digits {
        Some(digits) if Some(digits.len()) == list.most.map(|most| 2 * most) && list.least > 0 => {
            let numbers: Vec<String> =
                digits.chunks(2).take(2).map(|pair| format!("{}.{}", pair[0], pair[1])).collect();
            format!(" (decimal commas? did you mean [{}, …]?)", numbers.join(", "))
        }
        Some(_) | None => String::new(),
    }
}

/// Returns a hint on a key that is not known, but by which a number is meant that another key has in
/// another form; `table` is the table that it is in.
pub(super) fn key_hint(key: &str, item: &Item, table: &dyn TableLike) -> Option<String> {
    match key {
        "odds_ratio" | "or" | "OR" => {
            let mean = libm::log(number(item).filter(|&ratio| ratio > 0.0)?);
            let sd = interval(table).map_or_else(
                || "(ln of the upper limit − ln of the lower limit) / 3.92".to_owned(),
                // A 95 % interval has a width of 2 · 1.96 standard errors.
                |[low, high]| format!("{:.3}", (libm::log(high) - libm::log(low)) / 3.92),
            );
            Some(format!(
                "; a prior is a distribution of the log odds ratio: write \
                 `log_odds_ratio = {{ mean = {mean:.3}, sd = {sd} }}`"
            ))
        }
        "per_arm" | "n_per_arm" => {
            let per_arm = item.as_integer()?;
            Some(format!(
                "; `randomised` is the total of both arms, {} with equal arms",
                per_arm.checked_mul(2)?
            ))
        }
        "levels" | "merge_5_and_6" => levels_hint(table.get("method")?.as_str()?),
        "phi" | "φ" if table.get("rule")?.as_str() == Some("kim_demets") => {
            Some(" (did you mean `rho`?)".to_owned())
        }
        _ => None,
    }
}

/// Says why a method has no key for merged levels; `None` for other methods.
fn levels_hint(method: &str) -> Option<String> {
    let hint = match method {
        "utility_weighted" => {
            "; levels with equal `utilities` are merged already, as the test depends on these alone"
        }
        "sliding_dichotomy" => "; success and failure are the levels, as `cuts` divide them",
        "two_proportions" | "logistic" | "modified_poisson" | "cochran_mantel_haenszel" => {
            "; success and failure are the levels, as `cut` divides them"
        }
        _ => return None,
    };
    Some(hint.to_owned())
}

/// Returns the limits of a 95 % confidence interval that a table has for an odds ratio.
fn interval(table: &dyn TableLike) -> Option<[f64; 2]> {
    let of = |key: &str| table.get(key).and_then(number);
    let pairs = [("low", "high"), ("lower", "upper"), ("from", "to")];
    let pair = pairs.iter().find_map(|(low, high)| Some([of(low)?, of(high)?]));
    let array = ["interval", "ci", "ci95", "confidence_interval"].iter().find_map(|key| {
        let limits: Option<Vec<f64>> = elements(table.get(key)?).map(number).collect();
        limits?.try_into().ok()
    });
    pair.or(array).filter(|&[low, high]| 0.0 < low && low < high)
}
