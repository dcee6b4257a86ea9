//! The mRS of both arms as a scenario states them: by shares, by a published shape, by an effect.

use super::super::file;
use super::{Checked, Reported, Resolver};
use crate::outcome::{Mrs, MrsDistribution, OutcomeModel};
use crate::population::Population;

impl Resolver<'_> {
    /// Reads the mRS of both arms, over the patients of the `population` and of `centres`, each with its
    /// log odds and share. What does not depend on the population is checked without it too.
    pub(super) fn stated(
        &mut self,
        stated: &file::StatedOutcome,
        population: Option<&Population>,
        centres: &[(f64, f64)],
    ) -> Checked<[MrsDistribution; 2]> {
        let control = match &stated.control {
            file::WrittenControl::Distribution(shares) => {
                self.distribution("outcome.control", *shares, Some(stated.rescale))
            }
            file::WrittenControl::Shaped(shaped) => {
                match shaped.shape.with_rates(shaped.functional_independence, shaped.mortality) {
                    Ok(control) => Ok(control),
                    Err(error) => self.fail("outcome.control.mortality", error.to_string()),
                }
            }
        };
        let arm = ControlArm { mrs: control, rescale: stated.rescale, population, centres };
        let experimental = self.experimental("outcome", &stated.experimental, arm);
        Ok([control?, experimental?])
    }

    /// Reads the mRS of an experimental arm, stated in the table at a path.
    pub(super) fn experimental(
        &mut self,
        table: &str,
        experimental: &file::Experimental,
        control_arm: ControlArm<'_>,
    ) -> Checked<MrsDistribution> {
        let ControlArm { mrs: control, rescale, population, centres } = control_arm;
        match *experimental {
            file::Experimental::Distribution(shares) => {
                let path = format!("{table}.experimental.distribution");
                self.distribution(&path, shares, Some(rescale))
            }
            file::Experimental::CommonOddsRatio(odds_ratio) => {
                control.map(|control| control.shifted(odds_ratio))
            }
            file::Experimental::CommonOddsRatioOfWorse(odds_ratio) => {
                // Publications that count the worse outcomes, such as mRS 3–6, report a benefit below 1.
                control.map(|control| control.shifted(1.0 / odds_ratio))
            }
            file::Experimental::ConditionalCommonOddsRatio(odds_ratio) => {
                let population = population.ok_or(Reported)?;
                control.map(|control| {
                    OutcomeModel::conditionally_shifted(control, odds_ratio, population, centres)
                })
            }
            file::Experimental::FunctionalIndependence(target) => {
                let key = "functional_independence";
                self.shifted_to(control?, EffectAtCut { table, key, cut: Mrs::INDEPENDENT, target })
            }
            file::Experimental::ProbabilityAtMost { mrs, value } => {
                let key = "probability_at_most";
                self.shifted_to(control?, EffectAtCut { table, key, cut: mrs, target: value })
            }
            file::Experimental::RiskDifference { mrs, value } => {
                let (key, control) = ("risk_difference", control?);
                let target = control.at_most(mrs) + value;
                self.shifted_to(control, EffectAtCut { table, key, cut: mrs, target })
            }
            file::Experimental::RiskRatio { mrs, value } => {
                let (key, control) = ("risk_ratio", control?);
                let target = control.at_most(mrs) * value;
                self.shifted_to(control, EffectAtCut { table, key, cut: mrs, target })
            }
        }
    }

    /// Shifts the control arm by the common odds ratio of an effect at a cut.
    fn shifted_to(
        &mut self,
        control: MrsDistribution,
        effect: EffectAtCut<'_>,
    ) -> Checked<MrsDistribution> {
        let EffectAtCut { table, key, cut, target } = effect;
        let path = format!("{table}.experimental.{key}");
        let share = share_name(cut);
        let now = control.at_most(cut);
        // An odds ratio leaves certainty as it is.
        if now <= 0.0 || now >= 1.0 {
            let message = format!(
                "cannot be reached by an odds ratio: the control arm has P({share}) = {now}; allowed: between 0 and 1"
            );
            return self.fail(&path, message);
        }
        if target <= 0.0 || target >= 1.0 {
            let message = format!(
                "gives the experimental arm P({share}) = {target:.4}, with {now:.4} in the control arm; allowed: between 0 and 1"
            );
            return self.fail(&path, message);
        }
        Ok(control.shifted(control.odds_ratio_to(cut, target)))
    }
}

/// The control arm that an experimental arm is stated against.
#[derive(Debug, Clone, Copy)]
pub(super) struct ControlArm<'p> {
    pub mrs: Checked<MrsDistribution>,
    /// Whether rounded shares are divided by their sum.
    pub rescale: bool,
    /// The patients; what does not depend on them is checked without.
    pub population: Option<&'p Population>,
    /// Log odds and share of the patients of the centres.
    pub centres: &'p [(f64, f64)],
}

/// An effect stated at one cut.
struct EffectAtCut<'t> {
    /// Path of the table whose `experimental` states it.
    table: &'t str,
    /// Key of `experimental` that states it.
    key: &'static str,
    cut: Mrs,
    /// P(mRS ≤ cut) in the experimental arm.
    target: f64,
}

/// Returns the name of the share of patients with an mRS of at most `cut`, such as "mRS 0–2".
fn share_name(cut: Mrs) -> String {
    match cut.index() {
        0 => "mRS 0".to_owned(),
        _ => format!("mRS 0–{cut}"),
    }
}
