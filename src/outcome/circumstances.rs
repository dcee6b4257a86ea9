//! What the outcome depends on besides the patient: the centre, and the time of randomisation.

use crate::num::quadrature::{GaussLegendre, normal_nodes};

/// A change of the log odds of a better outcome over calendar time, in both arms alike.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Drift {
    /// Log odds per day.
    pub per_day: f64,
    /// The day on which the stated outcomes hold.
    pub stated_day: f64,
}

/// Quantiles of the expected days of arrival that stand for all of them.
const DAYS: usize = 6;

impl Drift {
    /// Log odds added for a patient who arrives on this day.
    #[inline]
    pub fn log_odds(&self, arrival_day: f64) -> f64 {
        self.per_day * (arrival_day - self.stated_day)
    }
}

/// Log odds of a better outcome that patients of a stratum have beside what they bring, each with its
/// share among the patients planned.
#[derive(Debug, Clone, PartialEq)]
pub struct Circumstances {
    /// (log odds, share) of centre and time together.
    pub all: Vec<(f64, f64)>,
}

impl Circumstances {
    /// Normal effects of centres with this standard deviation.
    pub fn of_centres(outcome_sd: f64) -> Self {
        Self { all: normal_nodes(outcome_sd) }
    }

    /// The same with a drift; `expected_day` gives the day by which so many patients are expected.
    pub fn over_time(
        self,
        drift: &Drift,
        (patients, expected_day): (u32, impl Fn(f64) -> f64),
    ) -> Self {
        let patients = f64::from(patients);
        let days = GaussLegendre::new(DAYS);
        let of_day = |(rank, width): (f64, f64)| {
            let of_time = drift.log_odds(expected_day(rank));
            let centres = self.all.iter();
            centres.map(move |(of_centre, share)| (of_centre + of_time, share * width / patients))
        };
        Self { all: days.on(0.0, patients).flat_map(of_day).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// At one patient a day the mean drift of 100 patients is that of day 50, and its spread that of
    /// 100/√12 days.
    #[test]
    fn time_is_averaged_over_the_patients_planned() {
        let drift = Drift { per_day: 0.01, stated_day: 20.0 };
        let both = Circumstances::of_centres(0.4).over_time(&drift, (100, |patients| patients));
        let mean = |of: &dyn Fn(f64) -> f64| -> f64 {
            both.all.iter().map(|&(b, share)| share * of(b)).sum()
        };
        assert!((mean(&|_| 1.0) - 1.0).abs() < 1e-12);
        assert!((mean(&|b| b) - 0.3).abs() < 1e-12);
        let variance = mean(&|b| (b - 0.3) * (b - 0.3));
        assert!((variance - (0.16 + 1.0 / 12.0)).abs() < 1e-8, "{variance}");
    }
}
