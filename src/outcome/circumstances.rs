//! Circumstances that the outcome depends on besides the patient: centre and time of randomisation.

use crate::num::quadrature::{GaussLegendre, normal_nodes};

/// Change of the log odds of a better outcome over calendar time, equal in both arms.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Drift {
    /// Log odds per day.
    pub per_day: f64,
    /// Day on which the stated outcomes hold.
    pub stated_day: f64,
}

/// Quadrature nodes that represent the expected days of arrival.
const DAYS: usize = 6;

impl Drift {
    /// Returns the log odds added for a patient who arrives on this day.
    #[inline]
    pub fn log_odds(&self, arrival_day: f64) -> f64 {
        self.per_day * (arrival_day - self.stated_day)
    }
}

/// Distribution of the log odds of a better outcome that centre and time add to those of a stratum,
/// among the planned patients.
#[derive(Debug, Clone, PartialEq)]
pub struct Circumstances {
    /// Log odds of centre and time together, each with its share.
    pub all: Vec<(f64, f64)>,
}

impl Circumstances {
    /// Constructs normal effects of centres with this standard deviation.
    pub fn of_centres(outcome_sd: f64) -> Self {
        Self { all: normal_nodes(outcome_sd) }
    }

    /// Adds a drift over the arrival of `patients`; `expected_day` returns the day by which a
    /// number of patients is expected.
    pub fn over_time(
        self,
        drift: &Drift,
        patients: u32,
        expected_day: impl Fn(f64) -> f64,
    ) -> Self {
        let patients = f64::from(patients);
        let mut all = Vec::with_capacity(DAYS * self.all.len());
        // Over ranks instead of days: whatever the accrual, a patient has each rank with the same
        // probability.
        for (rank, width) in GaussLegendre::new(DAYS).on(0.0, patients) {
            let of_time = drift.log_odds(expected_day(rank));
            for (of_centre, share) in &self.all {
                all.push((of_centre + of_time, share * width / patients));
            }
        }
        Self { all }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// At one patient a day the mean drift of 100 patients is that of day 50, and its spread that
    /// of 100/√12 days.
    #[test]
    fn drift_is_averaged_over_the_planned_patients() {
        let drift = Drift { per_day: 0.01, stated_day: 20.0 };
        let both = Circumstances::of_centres(0.4).over_time(&drift, 100, |patients| patients);
        let mean = |of: &dyn Fn(f64) -> f64| -> f64 {
            both.all.iter().map(|&(b, share)| share * of(b)).sum()
        };
        assert!((mean(&|_| 1.0) - 1.0).abs() < 1e-12);
        assert!((mean(&|b| b) - 0.3).abs() < 1e-12);
        let variance = mean(&|b| (b - 0.3) * (b - 0.3));
        assert!((variance - (0.16 + 1.0 / 12.0)).abs() < 1e-8, "{variance}");
    }
}
