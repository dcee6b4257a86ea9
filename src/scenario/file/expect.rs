//! What a design is expected to do, so that `check --expect` can test it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Expected quantities, each a comparison such as ">= 0.8", of one analysis. They change no result.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Expect")]
pub struct WrittenExpect {
    /// Name of the analysis that the quantities are of; the primary analysis by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub analysis: Option<String>,
    /// Power, such as ">= 0.8".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub power: Option<String>,
    /// One-sided type I error, such as "<= 0.027".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub type_i_error: Option<String>,
    /// Power averaged over the prior; needs `prior`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assurance: Option<String>,
    /// P(efficacy at an interim look).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub early_efficacy: Option<String>,
    /// P(efficacy at the final look).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub final_efficacy: Option<String>,
    /// P(efficacy at each look), from the first; "" at a look without an expectation.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    pub efficacy_at: Vec<String>,
    /// P(stopped for futility under the assumed effect), such as "<= 0.05".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub futility: Option<String>,
    /// P(harm under the assumed effect).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub harm: Option<String>,
    /// P(stopped by adverse events under the assumed effect); needs a boundary for them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub safety: Option<String>,
    /// P(the 95 % confidence interval contains the true value).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coverage: Option<String>,
    /// Expected number of patients randomised, such as "<= 320".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_n: Option<String>,
    /// Months from the opening of the trial to the decision on average, such as "<= 36".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub months: Option<String>,
    /// The same as `months`, by the name that `--precision-of` has for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration: Option<String>,
    /// Mean estimate, on the scale of the analysis.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimate: Option<String>,
    /// P(the rule of `success` is satisfied); needs `success`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub success: Option<String>,
    /// P(at least one analysis of the rule rejects); needs `success`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub any_rejection: Option<String>,
    /// P(every analysis of the rule rejects); needs `success`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub all_rejections: Option<String>,
    /// P(the rule rejects a true null hypothesis under no effect), such as "<= 0.027"; needs `success`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub familywise_error: Option<String>,
}

/// One comparison as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WrittenComparison<'e> {
    /// Key in the table; with the position of an element of an array.
    pub key: &'static str,
    /// Position in an array, from 0.
    pub index: Option<usize>,
    /// The comparison.
    pub text: &'e str,
}

impl WrittenExpect {
    /// Lists the comparisons that are given.
    pub fn comparisons(&self) -> Vec<WrittenComparison<'_>> {
        // Destructured, so that a quantity that is not listed does not compile.
        let Self {
            analysis: _,
            power,
            type_i_error,
            assurance,
            early_efficacy,
            final_efficacy,
            efficacy_at,
            futility,
            harm,
            safety,
            coverage,
            expected_n,
            months,
            duration,
            estimate,
            success,
            any_rejection,
            all_rejections,
            familywise_error,
        } = self;
        let single = [
            ("power", power),
            ("type_i_error", type_i_error),
            ("assurance", assurance),
            ("early_efficacy", early_efficacy),
            ("final_efficacy", final_efficacy),
            ("futility", futility),
            ("harm", harm),
            ("safety", safety),
            ("coverage", coverage),
            ("expected_n", expected_n),
            ("months", months),
            ("duration", duration),
            ("estimate", estimate),
            ("success", success),
            ("any_rejection", any_rejection),
            ("all_rejections", all_rejections),
            ("familywise_error", familywise_error),
        ];
        let single = single.into_iter().filter_map(|(key, text)| {
            Some(WrittenComparison { key, index: None, text: text.as_deref()? })
        });
        let looks = efficacy_at.iter().enumerate().filter(|(_, text)| !text.trim().is_empty());
        let looks = looks.map(|(look, text)| WrittenComparison {
            key: "efficacy_at",
            index: Some(look),
            text,
        });
        single.chain(looks).collect()
    }
}
