//! Simulated quantities of a procedure compared with their exact values.

use rescuesim::summary::procedure::ProcedureSummary;
use serde_json::Value;
use statrs::distribution::{Binomial, DiscreteCDF};

/// A simulated quantity with its exact value, as in the JSON.
pub struct Quantity {
    pub path: String,
    pub value: Option<f64>,
    pub mcse: Option<f64>,
    pub n: u64,
    pub exact: Option<f64>,
}

/// Returns every quantity that has an exact value; `path` is the start of their paths.
pub fn checked_quantities(path: &str, procedure: &ProcedureSummary) -> Vec<Quantity> {
    let mut all = Vec::new();
    collect(path, &serde_json::to_value(procedure).expect("plain data"), &mut all);
    all
}

fn collect(path: &str, tree: &Value, out: &mut Vec<Quantity>) {
    match tree {
        Value::Object(fields) if fields.contains_key("exact") => out.push(Quantity {
            path: path.to_owned(),
            value: tree["value"].as_f64(),
            mcse: tree["mcse"].as_f64(),
            n: tree["n"].as_u64().expect("a number of patients"),
            exact: tree["exact"].as_f64(),
        }),
        Value::Object(fields) => {
            fields.iter().for_each(|(key, field)| collect(&format!("{path}.{key}"), field, out));
        }
        Value::Array(items) => {
            let items = items.iter().enumerate();
            items.for_each(|(i, item)| collect(&format!("{path}[{i}]"), item, out));
        }
        _ => {}
    }
}

impl Quantity {
    /// Whether the quantity is a share, and neither a mean number of passes nor minutes.
    pub fn is_share(&self) -> bool {
        !self.path.contains("minutes") && !self.path.ends_with(".passes")
    }

    /// Fails if the quantity differs from its exact value more than chance does with probability 1/`rare`:
    /// a share by its binomial distribution (certain ones must be equal), any other by 4.5 errors.
    #[track_caller]
    pub fn check(&self, rare: f64) {
        let Self { path, value, mcse, n, exact } = self;
        let (Some(value), Some(exact)) = (*value, *exact) else {
            assert_eq!((*value, *exact, *n), (None, None, 0), "{path}");
            return;
        };
        if !self.is_share() {
            let reach = 4.5 * mcse.expect("an error") + 1e-9;
            assert!((value - exact).abs() < reach, "{path}: {value} ± {mcse:?}, exact {exact}");
            return;
        }
        let certain = exact.round();
        if (exact - certain).abs() < 1e-12 {
            assert_eq!(value, certain, "{path}");
            return;
        }
        let count = (value * *n as f64).round() as u64;
        let law = Binomial::new(exact, *n).expect("a share");
        let below = law.cdf(count);
        let above = if count == 0 { 1.0 } else { law.sf(count - 1) };
        assert!(2.0 * below.min(above) > rare, "{path}: {count} of {n}, exact {exact}");
    }
}
