//! A separate boundary for an adverse event, at the looks of the trial.
//!
//! It spends an error rate over the patients whose event is known, of whom there are more than
//! patients with an outcome, and does not depend on the trial's other results.

use std::fmt;

use super::boundaries::Boundaries;
use super::efficacy::EfficacyRule;
use super::exact::{ExactDesign, ExactStatistic};
use super::rules::{DesignError, Rules};
use super::sample_size::ArmSizes;
use super::spending::SpendingFunction;
use crate::analysis::two_proportions::ProportionTest;

/// Largest number of patients for which all pairs of counts are enumerated.
// The work grows with the cube of their number.
const MOST_ENUMERATED: u32 = 1000;

/// Bounds on the Z of the absence of an event, so that Z below 0 says that the experimental arm has
/// more of it.
#[derive(Debug, Clone, PartialEq)]
pub struct SafetyBoundary {
    /// Rule of the boundary, as that of an efficacy boundary.
    rules: Rules,
    /// Patients whose event is expected to be known at each look, never fewer than before.
    patients: Vec<u32>,
    /// Looks, from 0, with patients that the look before did not have; the others are not tested.
    tested: Vec<usize>,
    /// Boundaries of those looks, with the sign of an efficacy boundary: Z is that of having the
    /// event.
    boundaries: Boundaries,
}

impl SafetyBoundary {
    /// Computes the boundary for `patients` whose event is expected to be known at each look,
    /// non-decreasing and above 0 at the last.
    ///
    /// # Errors
    /// When the one-sided error rate cannot be spent by these looks.
    pub fn new(
        patients: Vec<u32>,
        function: SpendingFunction,
        alpha_one_sided: f64,
    ) -> Result<Self, DesignError> {
        let tested: Vec<usize> = (0..patients.len())
            .filter(|&k| patients[k] > if k == 0 { 0 } else { patients[k - 1] })
            .collect();
        let maximum = f64::from(*patients.last().expect("there is a final look"));
        let fractions: Vec<f64> =
            tested.iter().map(|&k| f64::from(patients[k]) / maximum).collect();
        let rules = Rules::efficacy_only(alpha_one_sided, EfficacyRule::Spending(function));
        let boundaries = Boundaries::new(&rules, &fractions)?;
        Ok(Self { rules, patients, tested, boundaries })
    }

    /// Returns the patients whose event is expected to be known at each look.
    pub fn patients(&self) -> &[u32] {
        &self.patients
    }

    /// Returns the Z at or below which look `k`, from 0, concludes harm; −∞ if it is not tested.
    pub fn bound(&self, k: usize) -> f64 {
        let tested = self.tested.binary_search(&k);
        tested.map_or(f64::NEG_INFINITY, |position| -self.boundaries.efficacy[position])
    }

    /// Returns the bound of look `k`, from 0, if the event is known in this number of patients instead of the
    /// planned one and earlier looks were as planned: the error rate is spent by patients. `None` if the look
    /// is not tested, or has no more patients than the one before.
    pub fn bound_for(&self, k: usize, patients: u32) -> Option<f64> {
        let position = self.tested.binary_search(&k).ok()?;
        let maximum = f64::from(*self.patients.last()?);
        let planned = self.tested.iter().map(|&look| self.patients[look]);
        let earlier = planned.clone().take(position);
        // Later looks that this one has overtaken are left out, as in a trial that is monitored.
        let later = planned.skip(position + 1).filter(|&later| later > patients);
        let fractions: Vec<f64> = earlier
            .chain([patients])
            .chain(later)
            .map(|patients| f64::from(patients) / maximum)
            .collect();
        let before = if position == 0 { 0.0 } else { fractions[position - 1] };
        if fractions[position] <= before {
            return None;
        }
        Some(-Boundaries::new(&self.rules, &fractions).ok()?.efficacy[position])
    }

    /// Computes P(the bound of look k is the first to be reached) by the normal approximation, if
    /// the mean of Z with all patients is `mean_z`, below 0 for harm.
    pub fn crossing(&self, mean_z: f64) -> Vec<f64> {
        self.at_all_looks(&self.boundaries.stopping(-mean_z).efficacy)
    }

    /// Computes [`SafetyBoundary::crossing`] by enumeration of the patients expected at each look,
    /// at rates of the event in control and experimental arm; `None` for a trial too large for it.
    pub fn exact_crossing(
        &self,
        test: ProportionTest,
        share_experimental: f64,
        rates: [f64; 2],
    ) -> Option<Vec<f64>> {
        let patients: Vec<u32> = self.tested.iter().map(|&k| self.patients[k]).collect();
        let bounds: Vec<f64> = self.boundaries.efficacy.iter().map(|z| -z).collect();
        let crossing = enumerated(&patients, share_experimental, test, rates, &bounds)?;
        Some(self.at_all_looks(&crossing))
    }

    /// Inserts 0 for looks that are not tested.
    fn at_all_looks(&self, at_tested: &[f64]) -> Vec<f64> {
        let mut out = vec![0.0; self.patients.len()];
        self.tested.iter().zip(at_tested).for_each(|(&k, p)| out[k] = *p);
        out
    }
}

/// Describes how the boundary spends its error rate, without a full stop.
impl fmt::Display for SafetyBoundary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, one-sided alpha {}", self.rules.efficacy, self.rules.alpha_one_sided)
    }
}

/// Computes P(Z of the event's absence is first at or below a bound) by number of patients in both
/// arms; `None` if there are too many to enumerate, or an arm has none.
pub fn enumerated(
    patients: &[u32],
    share_experimental: f64,
    test: ProportionTest,
    rates: [f64; 2],
    bounds: &[f64],
) -> Option<Vec<f64>> {
    if *patients.last()? > MOST_ENUMERATED {
        return None;
    }
    let sizes: Vec<ArmSizes> = patients
        .iter()
        .map(|&total| {
            let experimental = (f64::from(total) * share_experimental).round() as u32;
            ArmSizes { control: total - experimental, experimental }
        })
        .collect();
    // Fewer events in the experimental arm stop nothing.
    let never = vec![f64::INFINITY; sizes.len()];
    let exact = ExactDesign::new(&sizes, ExactStatistic::Of(test), &never, bounds).ok()?;
    // Absence of the event is the success, so that harm has a low Z.
    Some(exact.probabilities(rates.map(|rate| 1.0 - rate)).lower)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pocock(patients: &[u32]) -> SafetyBoundary {
        SafetyBoundary::new(patients.to_vec(), SpendingFunction::LanDeMetsPocock, 0.025)
            .expect("pocock spends at any looks")
    }

    #[test]
    fn boundary_is_crossed_without_harm_with_its_error_rate() {
        for patients in [vec![348], vec![180, 297, 348], vec![10, 348, 348]] {
            let boundary = pocock(&patients);
            let total: f64 = boundary.crossing(0.0).iter().sum();
            assert!((total - 0.025).abs() < 1e-8, "{patients:?} {total}");
        }
    }

    #[test]
    fn bounds_are_the_mirror_image_of_efficacy_bounds_at_the_same_information() {
        let boundary = pocock(&[104, 208, 312]);
        let rules =
            Rules::efficacy_only(0.025, EfficacyRule::Spending(SpendingFunction::LanDeMetsPocock));
        let efficacy = Boundaries::new(&rules, &[1.0 / 3.0, 2.0 / 3.0, 1.0]).expect("pocock");
        for k in 0..3 {
            assert!((boundary.bound(k) + efficacy.efficacy[k]).abs() < 1e-12);
        }
        assert!(boundary.crossing(-3.0).iter().sum::<f64>() > 0.7);
        assert!(boundary.crossing(3.0).iter().sum::<f64>() < 1e-3);
    }

    /// The bound for observed patients is that of a boundary planned with them.
    #[test]
    fn bounds_for_observed_patients_are_those_planned_for_them() {
        let boundary = pocock(&[104, 208, 312]);
        assert_eq!(boundary.bound_for(1, 208), Some(boundary.bound(1)));
        let late = pocock(&[104, 250, 312]);
        assert_eq!(boundary.bound_for(1, 250), Some(late.bound(1)));
        // Beyond all patients the look is the last and spends all that is left.
        let overtaken = boundary.bound_for(1, 320).expect("it has new patients");
        assert!(overtaken > late.bound(1) && overtaken < 0.0);
        assert_eq!(boundary.bound_for(1, 104), None);
        assert_eq!(pocock(&[200, 348, 348]).bound_for(2, 348), None);
    }

    #[test]
    fn looks_without_new_patients_are_not_tested() {
        let boundary = pocock(&[200, 348, 348]);
        assert!(boundary.bound(0) < 0.0 && boundary.bound(1) < 0.0);
        assert_eq!(boundary.bound(2), f64::NEG_INFINITY);
    }
}
