//! Allocation in words.

use crate::randomisation::Imbalance;
use crate::scenario::file::Randomisation;

impl Randomisation {
    /// Method and parameters, in a line or two without a full stop.
    pub fn describe(&self) -> String {
        match self {
            Self::Complete {} => "complete randomisation".to_owned(),
            Self::PermutedBlocks { block_sizes, stratify_by } => {
                let sizes: Vec<String> = block_sizes.iter().map(u32::to_string).collect();
                format!("permuted blocks of {}{}", sizes.join(" or "), within(stratify_by))
            }
            Self::Efron { biased_coin_p, stratify_by } => {
                format!("Efron's biased coin with p = {biased_coin_p}{}", within(stratify_by))
            }
            Self::BigStick { maximum_imbalance, stratify_by } => {
                let within = within(stratify_by);
                format!("the big stick, a difference of {maximum_imbalance} at most{within}")
            }
            Self::BlockUrn { balanced_sets, stratify_by } => {
                format!("the block urn of {balanced_sets} balanced sets{}", within(stratify_by))
            }
            Self::MinimalSufficientBalance { factors, p_threshold, biased_coin_p, burn_in } => {
                let after = match burn_in {
                    0 => String::new(),
                    patients => format!(" after {patients} patients"),
                };
                format!(
                    "minimal sufficient balance on {}, votes at p < {p_threshold}, biased coin with \
                     p = {biased_coin_p}{after}",
                    on(factors.as_deref())
                )
            }
            Self::Minimisation { factors, weights, imbalance, biased_coin_p, .. } => {
                let weights = match weights {
                    Some(weights) => {
                        let weights: Vec<String> = weights.iter().map(f64::to_string).collect();
                        format!("weights {}", weights.join(", "))
                    }
                    None => "equal weights".to_owned(),
                };
                let measure = match imbalance {
                    Imbalance::Range => "range",
                    Imbalance::Variance => "variance",
                    Imbalance::StandardDeviation => "standard deviation",
                };
                format!(
                    "minimisation on {} by the {measure}, {weights}, biased coin with p = {biased_coin_p}",
                    on(factors.as_deref())
                )
            }
        }
    }
}

fn within(factors: &[String]) -> String {
    if factors.is_empty() { String::new() } else { format!(" within {}", factors.join(" × ")) }
}

fn on(factors: Option<&[String]>) -> String {
    factors.map_or("all factors".to_owned(), |factors| factors.join(", "))
}
