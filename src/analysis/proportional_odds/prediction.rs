//! Predictions of a fit for patients who were not in it.

use super::adjusted::{Model, Terms};
use super::newton::{Convergence, FitScratch};
use crate::analysis::Counts;
use crate::num::logistic;
use crate::outcome::LEVELS;
use crate::randomisation::Arm;

impl Model {
    /// Fits main effects and treatment for [`Model::predicted`], and returns whether the fit succeeded. A
    /// separated fit predicts, too: its probabilities are 0 and 1.
    pub fn fits(&self, data: &[Counts], scratch: &mut FitScratch) -> bool {
        let Some(treatment) = self.load(data, scratch, Terms::Main) else { return false };
        let columns = treatment + 1;
        scratch.climb(columns, columns, treatment..columns) != Convergence::Failed
    }

    /// P(mRS ≤ j), j = 0 … 6, in an arm of a group by the last fit, after adding `log_odds` of a better
    /// outcome. Levels without patients have probability 0.
    pub fn predicted(
        &self,
        scratch: &FitScratch,
        arm: Arm,
        group: usize,
        log_odds: f64,
    ) -> [f64; LEVELS] {
        let data = &scratch.data;
        let row = self.covariates.row(arm, group).iter();
        // A column that was dropped has a coefficient of 0.
        let terms = row.map(|entry| {
            let position = data.kept.iter().position(|&column| column == entry.column);
            position.map_or(0.0, |position| entry.value * scratch.coefficients[position])
        });
        let shift = log_odds + terms.sum::<f64>();
        let mut below = 0.0;
        data.places.map(|place| {
            if let Some(level) = place {
                let cut = scratch.thresholds[..data.cuts].get(level);
                below = cut.map_or(1.0, |threshold| logistic(threshold + shift));
            }
            below
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::covariates::Covariates;
    use super::super::levels::Levels;
    use super::*;

    /// In large numbers from the model the fit gives the shares back, and at β = 0 of two groups
    /// with a single level between them what was seen.
    #[test]
    fn predictions_from_large_samples_are_the_shares_of_the_model() {
        let thresholds = [-2.0, -0.9, -0.1, 0.6, 1.5, 2.2];
        let at = |eta: f64| -> [f64; LEVELS] {
            std::array::from_fn(|j| thresholds.get(j).map_or(1.0, |cut| logistic(cut + eta)))
        };
        let shares = |eta: f64| -> [f64; LEVELS] {
            let below = at(eta);
            std::array::from_fn(|j| below[j] - if j == 0 { 0.0 } else { below[j - 1] })
        };
        let data = [[shares(0.0), shares(0.7)], [shares(-0.4), shares(0.3)]];
        let covariates = Covariates::new(&[vec![0.0], vec![1.0]]);
        let model = Model { levels: Levels::ALL, covariates };
        let mut scratch = FitScratch::default();
        assert!(model.fits(&data, &mut scratch));
        for (group, arm, eta) in [
            (0, Arm::Control, 0.0),
            (0, Arm::Experimental, 0.7),
            (1, Arm::Control, -0.4),
            (1, Arm::Experimental, 0.3),
        ] {
            let predicted = model.predicted(&scratch, arm, group, -0.2);
            for (ours, expected) in predicted.iter().zip(at(eta - 0.2)) {
                assert!((ours - expected).abs() < 1e-7, "{ours} {expected}");
            }
        }
    }

    #[test]
    fn levels_without_patients_have_a_predicted_probability_of_0() {
        let counts = [[0.0, 3.0, 0.0, 4.0, 2.0, 0.0, 0.0], [0.0, 5.0, 0.0, 2.0, 1.0, 0.0, 0.0]];
        let model = Model { levels: Levels::ALL, covariates: Covariates::none() };
        let mut scratch = FitScratch::default();
        assert!(model.fits(&[counts], &mut scratch));
        let below = model.predicted(&scratch, Arm::Control, 0, 0.0);
        assert_eq!((below[0], below[4], below[6]), (0.0, 1.0, 1.0));
        assert!(below[1] > 0.0 && below[1] == below[2] && below[3] > below[2]);
    }
}
