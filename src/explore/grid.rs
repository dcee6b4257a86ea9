//! Values of a scenario's keys, and every combination of them.

use std::fmt;

use crate::scenario::problems::repeats;
use crate::scenario::{KeyPath, Set, TomlValue};

/// The most points of a grid.
pub const MOST_POINTS: u128 = 10_000;

/// The most digits of a number in a range, before and after the point together. Products of two such
/// numbers are well within 128 bits.
const MOST_DIGITS: usize = 18;

/// A key and the values it takes, one after another.
#[derive(Debug, Clone)]
pub struct GridAxis {
    /// Place of the key in the scenario.
    path: KeyPath,
    /// The axis as written, for messages.
    text: String,
    values: AxisValues,
}

/// The values of an axis.
#[derive(Debug, Clone)]
enum AxisValues {
    List(Vec<TomlValue>),
    Range(Decimals),
}

/// Decimal numbers at equal steps, in whole units of 10^−`decimals`, so that nothing is rounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Decimals {
    first: i128,
    step: i128,
    count: u128,
    decimals: usize,
    /// Whether they are whole numbers to TOML.
    whole: bool,
}

/// A grid that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GridError {
    /// The text is not a key with values.
    #[error(
        "--over {0}: expected a key with a range or a list, as in missing.dropout=0..0.2:0.05 or sample_size.randomised=[300,348,400]"
    )]
    NoAxis(String),
    /// The range has no values, or is not a multiple of its step.
    #[error("--over {text}: {reason}")]
    Range {
        /// The axis as written.
        text: String,
        /// The problem, and what is allowed.
        reason: String,
    },
    /// The list is not TOML.
    #[error(
        "--over {text}: the list is not valid TOML: {reason}; text in it needs quotes, as in [\"minimisation\", \"complete\"]"
    )]
    List {
        /// The axis as written.
        text: String,
        /// The message of the parser.
        reason: String,
    },
    /// The list has no values.
    #[error("--over {0}: the list is empty; allowed: one value or more")]
    Empty(String),
    /// The list has a value twice.
    #[error("--over {text}: the list {}", repeats(.value, "value"))]
    RepeatedValue {
        /// The axis as written.
        text: String,
        /// The value.
        value: String,
    },
    /// A key has two axes.
    #[error("--over {}", repeats(.0, "key"))]
    RepeatedKey(String),
    /// There are too many combinations.
    #[error("the grid has {points} points ({counts}); allowed: at most {MOST_POINTS}")]
    TooMany {
        /// All combinations.
        points: u128,
        /// Values of each key, multiplied.
        counts: String,
    },
}

impl GridAxis {
    /// Reads `key=a..b:step`, both ends included, or `key=[…]`, a TOML array of any values.
    ///
    /// # Errors
    /// When it is neither, when the step is not above 0 or the range not a multiple of it, when a list is
    /// empty or has a value twice.
    pub fn parse(text: &str) -> Result<Self, GridError> {
        Self::split(text).unwrap_or_else(|| Err(GridError::NoAxis(text.to_owned())))
    }

    /// Reads an axis; `None` if the text is not a key path and values.
    fn split(text: &str) -> Option<Result<Self, GridError>> {
        let (key, written) = text.split_once('=')?;
        let path: KeyPath = key.trim().parse().ok()?;
        let written = written.trim();
        let values = if written.starts_with('[') {
            list(text, written)
        } else {
            let (ends, step) = written.rsplit_once(':')?;
            let (first, last) = ends.split_once("..")?;
            match Decimals::parse(first.trim(), last.trim(), step.trim()) {
                Ok(range) => Ok(AxisValues::Range(range)),
                Err(reason) => Err(GridError::Range { text: text.to_owned(), reason }),
            }
        };
        Some(values.map(|values| Self { path, text: text.to_owned(), values }))
    }

    /// Returns the place of the key in the scenario.
    pub fn path(&self) -> &KeyPath {
        &self.path
    }

    /// Returns the key as columns and messages name it.
    pub fn key(&self) -> String {
        self.path.to_string()
    }

    /// Returns the number of values.
    pub fn count(&self) -> u128 {
        match &self.values {
            AxisValues::List(values) => values.len() as u128,
            AxisValues::Range(range) => range.count,
        }
    }

    /// Returns a value by its position, from 0.
    fn value(&self, position: usize) -> TomlValue {
        match &self.values {
            AxisValues::List(values) => values[position].clone(),
            AxisValues::Range(range) => {
                // From the text, so that 0.1 + 0.2 is written 0.3.
                let number = range.text(position as i128);
                number.parse().expect("a decimal number is a value of TOML")
            }
        }
    }

    /// Returns whether every value is a number.
    pub fn is_numeric(&self) -> bool {
        match &self.values {
            AxisValues::List(values) => {
                values.iter().all(|value| value.is_integer() || value.is_float())
            }
            AxisValues::Range(_) => true,
        }
    }
}

/// Formats the axis as it was written.
impl fmt::Display for GridAxis {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}

fn list(text: &str, written: &str) -> Result<AxisValues, GridError> {
    let values =
        Set::list(written).map_err(|reason| GridError::List { text: text.to_owned(), reason })?;
    if values.is_empty() {
        return Err(GridError::Empty(text.to_owned()));
    }
    // A value that is there twice would be simulated twice, and give two rows of one name.
    let mut sorted: Vec<String> = values.iter().map(TomlValue::to_string).collect();
    sorted.sort();
    match sorted.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => {
            Err(GridError::RepeatedValue { text: text.to_owned(), value: pair[0].clone() })
        }
        None => Ok(AxisValues::List(values)),
    }
}

impl Decimals {
    /// Reads the ends and the step of a range.
    fn parse(first: &str, last: &str, step: &str) -> Result<Self, String> {
        let numbers = [decimal(first)?, decimal(last)?, decimal(step)?];
        let decimals = numbers.iter().map(|number| number.decimals).max().unwrap_or(0);
        // 1..2:1 are whole numbers to TOML, which some keys require, and 1.0..2:1 are not.
        let whole = decimals == 0 && ![first, last, step].iter().any(|word| word.contains('.'));
        let [first_unit, last_unit, step_unit] =
            numbers.map(|number| number.digits * 10i128.pow((decimals - number.decimals) as u32));
        if step_unit <= 0 {
            return Err(format!("the step is {step}; allowed: a step above 0"));
        }
        if last_unit < first_unit {
            return Err(format!(
                "{last} is less than {first}; allowed: an end no less than the beginning"
            ));
        }
        let steps = (last_unit - first_unit) / step_unit;
        // Both ends are included.
        let count = steps.unsigned_abs() + 1;
        let range = Self { first: first_unit, step: step_unit, count, decimals, whole };
        if (last_unit - first_unit) % step_unit != 0 {
            return Err(format!(
                "{first}..{last} is not a multiple of {step}; allowed: another end, the nearest are {} and {}",
                range.text(steps),
                range.text(steps + 1)
            ));
        }
        Ok(range)
    }

    /// Returns a number by its position: whole, or with a point and no zeros at the end but one.
    fn text(&self, position: i128) -> String {
        let units = self.first + position * self.step;
        if self.whole {
            return units.to_string();
        }
        let sign = if units < 0 { "-" } else { "" };
        let digits = format!("{:0>width$}", units.unsigned_abs(), width = self.decimals + 1);
        let (before, after) = digits.split_at(digits.len() - self.decimals);
        let after = after.trim_end_matches('0');
        format!("{sign}{before}.{}", if after.is_empty() { "0" } else { after })
    }
}

/// A number in units of 10^−`decimals`.
#[derive(Debug, Clone, Copy)]
struct Decimal {
    digits: i128,
    decimals: usize,
}

/// Reads a number such as −12.50 or 1e3.
fn decimal(word: &str) -> Result<Decimal, String> {
    exact_decimal(word).ok_or_else(|| {
        format!("`{word}` is not a number; allowed: decimals of at most {MOST_DIGITS} digits")
    })
}

fn exact_decimal(word: &str) -> Option<Decimal> {
    let (number, exponent) = word.split_once(['e', 'E']).unwrap_or((word, "0"));
    // Far beyond the digits that are allowed, and far from the ends of an i32.
    let exponent = exponent.parse::<i32>().ok().filter(|exponent| exponent.abs() < 1_000)?;
    let unsigned = number.strip_prefix(['-', '+']).unwrap_or(number);
    let (before, after) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let digits = [before, after].concat();
    if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let decimals = after.len() as i32 - exponent;
    let most = MOST_DIGITS as i32;
    if digits.len() as i32 + exponent.max(0) > most || decimals > most {
        return None;
    }
    let sign = if number.starts_with('-') { -1 } else { 1 };
    let padded = digits.parse::<i128>().ok()? * 10i128.pow((-decimals).max(0) as u32);
    Some(Decimal { digits: sign * padded, decimals: decimals.max(0) as usize })
}

/// Every combination of the values of some keys, the first key slowest.
#[derive(Debug, Clone)]
pub struct ParameterGrid {
    axes: Vec<GridAxis>,
}

impl ParameterGrid {
    /// Combines keys in this order.
    ///
    /// # Errors
    /// When a key is there twice, or there are more than [`MOST_POINTS`] combinations.
    pub fn new(axes: Vec<GridAxis>) -> Result<Self, GridError> {
        for (i, axis) in axes.iter().enumerate() {
            if axes[..i].iter().any(|before| before.path == axis.path) {
                return Err(GridError::RepeatedKey(axis.key()));
            }
        }
        // A range can have 10³⁶ values, so that two of them overflow 128 bits.
        let points = axes.iter().fold(1u128, |points, axis| points.saturating_mul(axis.count()));
        // Before any point is built: a range can have more values than there is memory.
        if points > MOST_POINTS {
            let counts: Vec<String> = axes.iter().map(|axis| axis.count().to_string()).collect();
            return Err(GridError::TooMany { points, counts: counts.join(" × ") });
        }
        Ok(Self { axes })
    }

    /// Returns the keys with their values.
    pub fn axes(&self) -> &[GridAxis] {
        &self.axes
    }

    /// Returns the number of points.
    pub fn len(&self) -> usize {
        self.axes.iter().map(|axis| axis.count() as usize).product()
    }

    /// Returns whether there is no point, which cannot be.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the values of a point, by its number, as they are set in the scenario.
    pub fn sets(&self, mut number: usize) -> Vec<Set> {
        let mut sets: Vec<Set> = Vec::with_capacity(self.axes.len());
        for axis in self.axes.iter().rev() {
            let count = axis.count() as usize;
            sets.push(Set::new(axis.path.clone(), axis.value(number % count)));
            number /= count;
        }
        sets.reverse();
        sets
    }

    /// Returns the values of a point as TOML, key by key.
    pub fn point(&self, number: usize) -> Vec<String> {
        self.sets(number).iter().map(Set::value_text).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str) -> Vec<String> {
        let axis = GridAxis::parse(text).expect("it is one");
        (0..axis.count() as usize).map(|place| axis.value(place).to_string()).collect()
    }

    #[test]
    fn a_range_has_both_ends_and_exact_decimals() {
        assert_eq!(values("k=0.25..0.325:0.025"), ["0.25", "0.275", "0.3", "0.325"]);
        assert_eq!(values("k=300..348:24"), ["300", "324", "348"]);
        assert_eq!(values("k = -0.1 .. 0.1 : 0.1"), ["-0.1", "0.0", "0.1"]);
        assert_eq!(values("k=1e3..3e3:1e3"), ["1000", "2000", "3000"]);
        assert_eq!(values("k=5e-3..0.006:1e-3"), ["0.005", "0.006"]);
        assert_eq!(values("k=1.0..2:0.5"), ["1.0", "1.5", "2.0"]);
        assert_eq!(values("k=7..7:1"), ["7"]);
        assert_eq!(GridAxis::parse("k=0..1:1e-12").expect("it is one").count(), 1_000_000_000_001);
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
        assert!(!GridAxis::parse("k=[1, true]").expect("it is one").is_numeric());
        assert!(GridAxis::parse("k=[1, 2.5]").expect("it is one").is_numeric());
    }

    #[test]
    fn a_text_that_is_no_axis_is_refused_with_the_reason() {
        for (text, says) in [
            ("k", "expected a key with a range or a list"),
            ("=1..2:1", "expected a key"),
            ("k=1..2", "expected a key with a range"),
            ("k=1:2", "expected a key with a range"),
            ("k=a..2:1", "`a` is not a number"),
            ("k=1..2:", "`` is not a number"),
            ("k=1..2:0", "the step is 0; allowed: a step above 0"),
            ("k=1..2:-0.5", "the step is -0.5"),
            ("k=2..1:0.5", "1 is less than 2"),
            ("k=0.25..0.46:0.025", "the nearest are 0.45 and 0.475"),
            ("k=0..1234567890123456789:1", "at most 18 digits"),
            ("k=0..1:1e-30", "at most 18 digits"),
            ("k=[]", "the list is empty"),
            ("k=[1,1]", "the list repeats 1; allowed: each value once"),
            ("k=[0.5,0.50]", "the list repeats 0.5"),
            ("k=[{a=1,b=[{c=2,d=3}]},{b=[{d=3,c=2}],a=1}]", "the list repeats"),
            ("k=0..1e17:7e-18", "the nearest are 99999999999999999.99"),
            ("k..a=1..2:1", "expected a key"),
            ("k=[minimisation]", "text in it needs quotes"),
            ("k=[1, 2", "not valid TOML"),
        ] {
            let error = GridAxis::parse(text).expect_err(text).to_string();
            assert!(error.contains(says), "{text} should say {says:?} and says {error}");
        }
    }

    #[test]
    fn a_grid_has_every_combination_with_the_first_key_slowest() {
        let axes =
            ["a=1..2:1", "b=[\"x\",\"y\"]"].map(|text| GridAxis::parse(text).expect("it is one"));
        let grid = ParameterGrid::new(axes.to_vec()).expect("it is small");
        let points: Vec<Vec<String>> =
            (0..grid.len()).map(|i| grid.sets(i).iter().map(Set::to_string).collect()).collect();
        let expected =
            [["a=1", "b=\"x\""], ["a=1", "b=\"y\""], ["a=2", "b=\"x\""], ["a=2", "b=\"y\""]];
        assert_eq!(points, expected);
        let of = |texts: &[&str]| {
            let axes = texts.iter().map(|text| GridAxis::parse(text).expect("it is one"));
            ParameterGrid::new(axes.collect())
                .map(|grid| grid.len())
                .map_err(|error| error.to_string())
        };
        assert_eq!(of(&["a=1..100:1", "b=1..100:1"]), Ok(10_000));
        let many = of(&["a=1..1000:1", "b=1..1000:1"]).expect_err("too many");
        assert_eq!(many, "the grid has 1000000 points (1000 × 1000); allowed: at most 10000");
        assert!(
            of(&["a=1..2:1", "a=[3]"])
                .expect_err("twice")
                .contains("--over repeats a; allowed: each key once")
        );
        // Nothing of this is ever built.
        assert!(of(&["a=0..1:1e-18", "b=0..1:1e-18", "c=0..1:1e-18"]).is_err());
    }
}
