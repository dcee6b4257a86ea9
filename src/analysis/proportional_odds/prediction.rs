//! What a fit says of patients who were not in it.

use super::adjusted::{Model, Terms};
use super::newton::{Ending, Scratch};
use crate::analysis::Counts;
use crate::num::logistic;
use crate::outcome::LEVELS;
use crate::randomisation::Arm;

impl Model {
    /// Fits main effects and treatment, for [`Model::predicted`]. Whether there is a fit; that of
    /// arms that do not overlap is one.
    pub fn fits(&self, data: &[Counts], scratch: &mut Scratch) -> bool {
        self.load(data, scratch, Terms::Main).is_some_and(|treatment| {
            let columns = treatment + 1;
            scratch.climb(columns, columns, treatment..columns) != Ending::Lost
        })
    }

    /// P(mRS ≤ j), j = 0 … 6, in an arm of a group by the last fit, with so many log odds of a
    /// better outcome added. Levels that nobody was in have probability 0.
    pub fn predicted(
        &self,
        scratch: &Scratch,
        (arm, group): (Arm, usize),
        log_odds: f64,
    ) -> [f64; LEVELS] {
        let data = &scratch.data;
        let of_row = self.covariates.row(arm, group).iter().map(|entry| {
            let place = data.kept.iter().position(|&column| column == entry.column);
            place.map_or(0.0, |place| entry.value * scratch.coefficients[place])
        });
        let shift = log_odds + of_row.sum::<f64>();
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
    fn shares_of_the_model_are_given_back() {
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
        let mut scratch = Scratch::default();
        assert!(model.fits(&data, &mut scratch));
        for (group, arm, eta) in [
            (0, Arm::Control, 0.0),
            (0, Arm::Experimental, 0.7),
            (1, Arm::Control, -0.4),
            (1, Arm::Experimental, 0.3),
        ] {
            let predicted = model.predicted(&scratch, (arm, group), -0.2);
            for (ours, expected) in predicted.iter().zip(at(eta - 0.2)) {
                assert!((ours - expected).abs() < 1e-7, "{ours} {expected}");
            }
        }
    }

    #[test]
    fn levels_that_nobody_was_in_are_not_predicted() {
        let counts = [[0.0, 3.0, 0.0, 4.0, 2.0, 0.0, 0.0], [0.0, 5.0, 0.0, 2.0, 1.0, 0.0, 0.0]];
        let model = Model { levels: Levels::ALL, covariates: Covariates::none() };
        let mut scratch = Scratch::default();
        assert!(model.fits(&[counts], &mut scratch));
        let below = model.predicted(&scratch, (Arm::Control, 0), 0.0);
        assert_eq!((below[0], below[4], below[6]), (0.0, 1.0, 1.0));
        assert!(below[1] > 0.0 && below[1] == below[2] && below[3] > below[2]);
    }
}
