//! Values of a scenario's keys, and every combination of them.

use std::fmt;

/// Points of a grid at most.
pub const MOST_POINTS: u128 = 10_000;

/// Digits of a number in a range at most, before and after the point together.
const MOST_DIGITS: usize = 18;

/// A key and the values it takes, one after another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Axis {
    /// Key path in the scenario.
    pub key: String,
    /// As it was written, for messages.
    text: String,
    values: Values,
}

/// Values as TOML.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Values {
    List(Vec<String>),
    /// `first`, `first + step` … in units of 10^−decimals.
    Range {
        first: i128,
        step: i128,
        count: u128,
        decimals: usize,
        whole: bool,
    },
}

/// Why there is no such grid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GridError {
    /// Not a key with values.
    #[error(
        "--over {0}: expected a key with a range or a list, as in missing.dropout=0..0.2:0.05 or sample_size.randomised=[300,348,400]"
    )]
    NoAxis(String),
    /// The range is none.
    #[error("--over {text}: {reason}")]
    Range {
        /// As written.
        text: String,
        /// What is wrong with it, and what is allowed.
        reason: String,
    },
    /// The list is none.
    #[error(
        "--over {text}: the list is not valid TOML: {reason}; text in it needs quotes, as in [\"minimisation\", \"complete\"]"
    )]
    List {
        /// As written.
        text: String,
        /// What the parser says.
        reason: String,
    },
    /// A list of nothing.
    #[error("--over {0}: the list is empty; allowed: one value or more")]
    Empty(String),
    /// A value twice.
    #[error("--over {text}: {value} is there twice; allowed: once")]
    Twice {
        /// As written.
        text: String,
        /// The value.
        value: String,
    },
    /// A key twice.
    #[error("--over {0} is given twice; allowed: once for each key")]
    Repeated(String),
    /// Too many combinations.
    #[error("the grid has {points} points ({counts}); allowed: at most {MOST_POINTS}")]
    TooMany {
        /// All combinations.
        points: u128,
        /// Values of each key, multiplied.
        counts: String,
    },
}

impl Axis {
    /// Reads `key=a..b:step`, both ends included, or `key=[…]`, a TOML array of any values.
    ///
    /// # Errors
    /// When it is neither, when the step is not above 0 or does not land on the end, when a list is
    /// empty or has a value twice.
    pub fn parse(text: &str) -> Result<Self, GridError> {
        let no_axis = || GridError::NoAxis(text.to_owned());
        let (key, written) = text.split_once('=').ok_or_else(no_axis)?;
        let (key, written) = (key.trim().to_owned(), written.trim());
        let values = if written.starts_with('[') {
            list(text, written)?
        } else {
            let (ends, step) = written.rsplit_once(':').ok_or_else(no_axis)?;
            let (first, last) = ends.split_once("..").ok_or_else(no_axis)?;
            let of_range = |reason| GridError::Range { text: text.to_owned(), reason };
            range([first, last, step].map(str::trim)).map_err(of_range)?
        };
        if key.is_empty() {
            return Err(no_axis());
        }
        Ok(Self { key, text: text.to_owned(), values })
    }

    /// Number of values.
    pub fn count(&self) -> u128 {
        match &self.values {
            Values::List(values) => values.len() as u128,
            Values::Range { count, .. } => *count,
        }
    }

    /// A value as TOML, by its place.
    pub fn value(&self, place: usize) -> String {
        match &self.values {
            Values::List(values) => values[place].clone(),
            Values::Range { first, step, decimals, whole, .. } => {
                in_decimals(first + place as i128 * step, *decimals, *whole)
            }
        }
    }

    /// Whether every value is a number.
    pub fn is_numeric(&self) -> bool {
        match &self.values {
            Values::List(values) => values.iter().all(|value| value.parse::<f64>().is_ok()),
            Values::Range { .. } => true,
        }
    }
}

/// As it was written.
impl fmt::Display for Axis {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}

fn list(text: &str, written: &str) -> Result<Values, GridError> {
    let table: Result<toml::Table, _> = format!("values = {written}").parse();
    let table = table.map_err(|error| GridError::List {
        text: text.to_owned(),
        reason: error.message().to_owned(),
    })?;
    let values = table["values"].as_array().into_iter().flatten();
    let values: Vec<String> = values.map(toml::Value::to_string).collect();
    if values.is_empty() {
        return Err(GridError::Empty(text.to_owned()));
    }
    let mut sorted = values.clone();
    sorted.sort();
    match sorted.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(GridError::Twice { text: text.to_owned(), value: pair[0].clone() }),
        None => Ok(Values::List(values)),
    }
}

/// From first, last and step, in whole units of the finest decimal, so that nothing is rounded.
fn range(words: [&str; 3]) -> Result<Values, String> {
    let numbers = words.map(decimal);
    if let Some(place) = numbers.iter().position(Option::is_none) {
        let word = words[place];
        return Err(format!(
            "`{word}` is no number; allowed: decimals of at most {MOST_DIGITS} digits"
        ));
    }
    let numbers = numbers.map(|number| number.expect("looked at before"));
    let decimals = numbers.iter().map(|(_, decimals)| *decimals).max().unwrap_or(0);
    let units = |(digits, own): (i128, usize)| digits * 10i128.pow((decimals - own) as u32);
    let [first, last, step] = numbers.map(units);
    let whole = decimals == 0 && !words.iter().any(|word| word.contains('.'));
    let shown = |units| in_decimals(units, decimals, whole);
    if step <= 0 {
        return Err(format!("the step is {}; allowed: a step above 0", words[2]));
    }
    if last < first {
        let (a, b) = (words[0], words[1]);
        return Err(format!("{b} is less than {a}; allowed: an end no less than the beginning"));
    }
    let steps = (last - first) / step;
    if (last - first) % step != 0 {
        let (before, after) = (first + steps * step, first + (steps + 1) * step);
        return Err(format!(
            "steps of {} from {} do not land on {}, but on {} and {}; allowed: an end that they land on",
            words[2],
            words[0],
            words[1],
            shown(before),
            shown(after)
        ));
    }
    let count = steps.unsigned_abs() + 1;
    Ok(Values::Range { first, step, count, decimals, whole })
}

/// Digits and decimals of a number such as −12.50 or 1e3.
fn decimal(word: &str) -> Option<(i128, usize)> {
    let (number, exponent) = word.split_once(['e', 'E']).unwrap_or((word, "0"));
    let exponent: i32 = exponent.parse().ok()?;
    let unsigned = number.strip_prefix(['-', '+']).unwrap_or(number);
    let (before, after) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let digits = [before, after].concat();
    let is_number = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
    let decimals = after.len() as i32 - exponent;
    if !is_number || digits.len() as i32 + exponent.max(0) > MOST_DIGITS as i32 {
        return None;
    }
    if decimals > MOST_DIGITS as i32 {
        return None;
    }
    let digits: i128 = digits.parse().ok()?;
    let sign = if number.starts_with('-') { -1 } else { 1 };
    let padded = digits * 10i128.pow((-decimals).max(0) as u32);
    Some((sign * padded, decimals.max(0) as usize))
}

/// A number of units of 10^−decimals as TOML: whole, or with a point and no idle zeros.
fn in_decimals(units: i128, decimals: usize, whole: bool) -> String {
    if whole {
        return units.to_string();
    }
    let sign = if units < 0 { "-" } else { "" };
    let digits = format!("{:0>width$}", units.unsigned_abs(), width = decimals + 1);
    let (before, after) = digits.split_at(digits.len() - decimals);
    let after = after.trim_end_matches('0');
    format!("{sign}{before}.{}", if after.is_empty() { "0" } else { after })
}

/// Every combination of the values of some keys, the first key slowest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grid {
    axes: Vec<Axis>,
}

impl Grid {
    /// Of keys in this order.
    ///
    /// # Errors
    /// When a key is there twice, or there are more than [`MOST_POINTS`] combinations.
    pub fn new(axes: Vec<Axis>) -> Result<Self, GridError> {
        for (i, axis) in axes.iter().enumerate() {
            if axes[..i].iter().any(|before| before.key == axis.key) {
                return Err(GridError::Repeated(axis.key.clone()));
            }
        }
        let points = axes.iter().fold(1u128, |points, axis| points.saturating_mul(axis.count()));
        if points > MOST_POINTS {
            let counts: Vec<String> = axes.iter().map(|axis| axis.count().to_string()).collect();
            return Err(GridError::TooMany { points, counts: counts.join(" × ") });
        }
        Ok(Self { axes })
    }

    /// Keys with their values.
    pub fn axes(&self) -> &[Axis] {
        &self.axes
    }

    /// Number of points.
    pub fn len(&self) -> usize {
        self.axes.iter().map(|axis| axis.count() as usize).product()
    }

    /// Whether there is no point, which cannot be.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The values of a point, as TOML, key by key.
    pub fn point(&self, mut number: usize) -> Vec<String> {
        let mut values: Vec<String> = Vec::with_capacity(self.axes.len());
        for axis in self.axes.iter().rev() {
            let count = axis.count() as usize;
            values.push(axis.value(number % count));
            number /= count;
        }
        values.reverse();
        values
    }

    /// The same as overrides of the scenario, `key=value`.
    pub fn overrides(&self, number: usize) -> Vec<String> {
        let pairs = self.axes.iter().zip(self.point(number));
        pairs.map(|(axis, value)| format!("{}={value}", axis.key)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str) -> Vec<String> {
        let axis = Axis::parse(text).expect("it is one");
        (0..axis.count() as usize).map(|place| axis.value(place)).collect()
    }

    #[test]
    fn both_ends_are_in_and_decimals_are_exact() {
        assert_eq!(values("k=0.25..0.325:0.025"), ["0.25", "0.275", "0.3", "0.325"]);
        assert_eq!(values("k=300..348:24"), ["300", "324", "348"]);
        assert_eq!(values("k = -0.1 .. 0.1 : 0.1"), ["-0.1", "0.0", "0.1"]);
        assert_eq!(values("k=1e3..3e3:1e3"), ["1000", "2000", "3000"]);
        assert_eq!(values("k=5e-3..0.006:1e-3"), ["0.005", "0.006"]);
        assert_eq!(values("k=1.0..2:0.5"), ["1.0", "1.5", "2.0"]);
        assert_eq!(values("k=7..7:1"), ["7"]);
        assert_eq!(Axis::parse("k=0..1:1e-12").expect("it is one").count(), 1_000_000_000_001);
    }

    #[test]
    fn lists_hold_any_values() {
        assert_eq!(
            values(r#"k=["minimisation", "complete"]"#),
            [r#""minimisation""#, r#""complete""#]
        );
        assert_eq!(values("k=[300, 0.5, true]"), ["300", "0.5", "true"]);
        let tables = values(r#"k=[{ rule = "pocock" }, { rule = "kim_demets", rho = 2.0 }]"#);
        assert_eq!(tables[1], r#"{ rho = 2.0, rule = "kim_demets" }"#);
        assert!(!Axis::parse("k=[1, true]").expect("it is one").is_numeric());
        assert!(Axis::parse("k=[1, 2.5]").expect("it is one").is_numeric());
    }

    #[test]
    fn what_is_no_axis_is_told() {
        for (text, says) in [
            ("k", "expected a key with a range or a list"),
            ("=1..2:1", "expected a key"),
            ("k=1..2", "expected a key with a range"),
            ("k=1:2", "expected a key with a range"),
            ("k=a..2:1", "`a` is no number"),
            ("k=1..2:", "`` is no number"),
            ("k=1..2:0", "the step is 0; allowed: a step above 0"),
            ("k=1..2:-0.5", "the step is -0.5"),
            ("k=2..1:0.5", "1 is less than 2"),
            ("k=0.25..0.46:0.025", "do not land on 0.46, but on 0.45 and 0.475"),
            ("k=0..1234567890123456789:1", "at most 18 digits"),
            ("k=0..1:1e-30", "at most 18 digits"),
            ("k=[]", "the list is empty"),
            ("k=[1,1]", "1 is there twice"),
            ("k=[minimisation]", "text in it needs quotes"),
            ("k=[1, 2", "not valid TOML"),
        ] {
            let error = Axis::parse(text).expect_err(text).to_string();
            assert!(error.contains(says), "{text} should say {says:?} and says {error}");
        }
    }

    #[test]
    fn points_are_every_combination_in_the_order_given() {
        let axes =
            ["a=1..2:1", "b=[\"x\",\"y\"]"].map(|text| Axis::parse(text).expect("it is one"));
        let grid = Grid::new(axes.to_vec()).expect("it is small");
        let points: Vec<Vec<String>> = (0..grid.len()).map(|i| grid.overrides(i)).collect();
        let expected =
            [["a=1", "b=\"x\""], ["a=1", "b=\"y\""], ["a=2", "b=\"x\""], ["a=2", "b=\"y\""]];
        assert_eq!(points, expected);
        let of = |texts: &[&str]| {
            let axes = texts.iter().map(|text| Axis::parse(text).expect("it is one"));
            Grid::new(axes.collect()).map(|grid| grid.len()).map_err(|error| error.to_string())
        };
        assert_eq!(of(&["a=1..100:1", "b=1..100:1"]), Ok(10_000));
        let many = of(&["a=1..1000:1", "b=1..1000:1"]).expect_err("too many");
        assert_eq!(many, "the grid has 1000000 points (1000 × 1000); allowed: at most 10000");
        assert!(of(&["a=1..2:1", "a=[3]"]).expect_err("twice").contains("--over a is given twice"));
        // Nothing of this is ever built.
        assert!(of(&["a=0..1:1e-18", "b=0..1:1e-18", "c=0..1:1e-18"]).is_err());
    }
}
