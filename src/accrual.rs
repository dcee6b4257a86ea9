//! The calendar: arrivals of patients and the days on which their outcomes become known.
//!
//! Time is in days from the opening of the trial; a month is 30.4375 days.

use crate::num::log::ln_normal;
use crate::rng::uniform;
use rand::Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Days in a month (365.25 / 12).
pub const DAYS_PER_MONTH: f64 = 30.4375;

/// Poisson arrivals, at a rate that may rise linearly from zero when the trial opens.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Accrual {
    days_per_patient: f64,
    ramp_up_days: f64,
}

impl Accrual {
    /// Plans arrivals at the full rate `per_month` > 0, which is reached after `ramp_up_months` ≥ 0.
    pub fn new(per_month: f64, ramp_up_months: f64) -> Self {
        Self {
            days_per_patient: DAYS_PER_MONTH / per_month,
            ramp_up_days: ramp_up_months * DAYS_PER_MONTH,
        }
    }

    /// Returns the full rate.
    pub fn per_month(&self) -> f64 {
        DAYS_PER_MONTH / self.days_per_patient
    }

    /// Replaces `days` by the arrival days of `patients` patients, in order: unit exponential gaps
    /// of cumulative intensity, converted to calendar time by the inverse of the intensity.
    pub fn arrivals(&self, patients: u32, rng: &mut impl Rng, days: &mut Vec<f64>) {
        days.clear();
        self.arrivals_after(0.0, patients, rng, days);
    }

    /// Appends the arrival days of `patients` more patients, in order, to those up to a cumulative
    /// intensity, and returns the intensity at the last of them.
    pub fn arrivals_after(
        &self,
        mut intensity: f64,
        patients: u32,
        rng: &mut impl Rng,
        days: &mut Vec<f64>,
    ) -> f64 {
        let before = days.len();
        unit_gaps(patients, rng, days);
        for day in &mut days[before..] {
            intensity += *day;
            *day = self.expected_day(intensity);
        }
        intensity
    }

    /// Returns the day by which the expected number of arrivals is `patients`.
    pub fn expected_day(&self, patients: f64) -> f64 {
        let full = patients * self.days_per_patient;
        // During the ramp the intensity is a square of time, after it a straight line that is behind by
        // half of the ramp.
        if full >= 0.5 * self.ramp_up_days {
            full + 0.5 * self.ramp_up_days
        } else {
            self.day_in_ramp(full)
        }
    }

    // Never inlined: the compiler would take the root for every patient, to avoid a branch that is easily
    // predicted.
    #[inline(never)]
    fn day_in_ramp(&self, full: f64) -> f64 {
        (2.0 * self.ramp_up_days * full).sqrt()
    }
}

/// Appends unit exponential gaps of cumulative intensity between `patients` arrivals to `gaps`.
pub(crate) fn unit_gaps(patients: u32, rng: &mut impl Rng, gaps: &mut Vec<f64>) {
    let before = gaps.len();
    // Above 0 and up to 1, as 0 has no logarithm.
    gaps.extend((0..patients).map(|_| 1.0 - uniform(rng)));
    // A loop of its own, apart from the sum of the gaps: the compiler vectorises the logarithms.
    gaps[before..].iter_mut().for_each(|gap| *gap = -ln_normal(*gap));
}

/// The time of the outcome assessment: uniform over `days` ± `window_days` after randomisation.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct FollowUp {
    /// Days from randomisation to the outcome.
    #[schemars(range(min = 0.0, max = 36525.0))]
    pub days: f64,
    /// Assessment window, ± days; at most `days`.
    #[schemars(range(min = 0.0, max = 36525.0))]
    pub window_days: f64,
}

impl Default for FollowUp {
    fn default() -> Self {
        Self { days: 90.0, window_days: 14.0 }
    }
}

impl FollowUp {
    /// Draws the day on which a patient's outcome becomes known, from one uniform number.
    #[inline]
    pub fn outcome_day(&self, arrival_day: f64, rng: &mut impl Rng) -> f64 {
        arrival_day + self.days + self.window_days * (2.0 * uniform(rng) - 1.0)
    }

    /// Returns the first day on which the outcome can be known.
    pub fn opens(&self, arrival_day: f64) -> f64 {
        arrival_day + self.days - self.window_days
    }

    /// Returns the last day on which the outcome can be known.
    pub fn closes(&self, arrival_day: f64) -> f64 {
        arrival_day + self.days + self.window_days
    }
}

/// Columns of the patients in the order of arrival.
#[derive(Debug, Clone, Copy)]
pub struct OutcomeCalendar<'a> {
    /// Day of arrival.
    pub arrival_days: &'a [f64],
    /// Day on which the outcome becomes known, +∞ if never.
    pub outcome_days: &'a [f64],
    /// Number of patients up to and including this one whose outcome becomes known.
    pub known_so_far: &'a [u32],
}

/// Finds the day on which the `n`-th outcome becomes known (n ≥ 1); `None` if fewer ever do. `buffer`
/// is scratch space.
pub fn day_of_nth_outcome(
    n: u32,
    follow_up: &FollowUp,
    patients: OutcomeCalendar<'_>,
    buffer: &mut Vec<f64>,
) -> Option<f64> {
    let OutcomeCalendar { arrival_days, outcome_days, known_so_far } = patients;
    // The window of the n-th patient to arrive among those with an outcome contains the day: n patients
    // have had theirs by its end, and only those before it can have had theirs by its beginning. So only
    // patients whose windows overlap it are compared.
    let pivot = *arrival_days.get(known_so_far.partition_point(|&known| known < n))?;
    let (from, to) = (follow_up.opens(pivot), follow_up.closes(pivot));
    let first = arrival_days.partition_point(|&day| follow_up.closes(day) < from);
    let last = arrival_days.partition_point(|&day| follow_up.opens(day) <= to);
    buffer.clear();
    let mut before = if first > 0 { known_so_far[first - 1] } else { 0 };
    for &day in &outcome_days[first..last] {
        before += u32::from(day < from);
        if from <= day && day <= to {
            buffer.push(day);
        }
    }
    let rank = (n - 1 - before) as usize;
    let (_, &mut day, _) = buffer.select_nth_unstable_by(rank, f64::total_cmp);
    Some(day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{Purpose, Replicate, Seed, Streams};
    use proptest::prelude::*;

    fn arrivals(accrual: Accrual, patients: u32, replicate: u64) -> Vec<f64> {
        let mut rng = Streams::new(Seed(5)).stream(Replicate(replicate), Purpose::Arrival);
        let mut days = Vec::new();
        accrual.arrivals(patients, &mut rng, &mut days);
        days
    }

    /// Gaps are exponential: Kolmogorov's D below 2.23 / √n but for one seed in ten thousand.
    #[test]
    fn gaps_are_exponential_with_the_stated_rate() {
        let n = 20_000;
        let days = arrivals(Accrual::new(22.39, 0.0), n, 0);
        let mut gaps: Vec<f64> =
            std::iter::once(days[0]).chain(days.windows(2).map(|w| w[1] - w[0])).collect();
        gaps.sort_by(f64::total_cmp);
        let rate = 22.39 / DAYS_PER_MONTH;
        let distance = gaps
            .iter()
            .enumerate()
            .map(|(i, gap)| (1.0 - libm::exp(-rate * gap) - (i as f64 + 0.5) / f64::from(n)).abs())
            .fold(0.0, f64::max);
        assert!(distance < 2.23 / f64::from(n).sqrt(), "{distance}");
    }

    /// In the ramp the expected number by month t is rate·t²/(2·ramp), after it rate·(t − ramp/2).
    /// Each mean of 4 000 counts within 4.5 standard errors (one seed in 70 000 for both).
    #[test]
    fn ramp_up_halves_the_arrivals_of_its_months() {
        let accrual = Accrual::new(20.0, 6.0);
        for (month, expected) in [(3.0, 15.0), (10.0, 140.0)] {
            let replicates = 4_000;
            let total: usize = (0..replicates)
                .map(|r| {
                    let days = arrivals(accrual, 300, r);
                    days.partition_point(|&day| day <= month * DAYS_PER_MONTH)
                })
                .sum();
            let mean = total as f64 / replicates as f64;
            let error = (expected / replicates as f64).sqrt();
            assert!((mean - expected).abs() < 4.5 * error, "{month}: {mean}");
        }
    }

    proptest! {
        #[test]
        fn nth_outcome_is_the_nth_smallest_day(
            seed in any::<u64>(),
            patients in 1u32..120,
            window_days in 0.0..90.0f64,
            per_month in 0.5..2000.0f64,
            lost in 0.0..0.5f64,
        ) {
            let follow_up = FollowUp { days: 90.0, window_days };
            let streams = Streams::new(Seed(seed));
            let mut arrival = Vec::new();
            Accrual::new(per_month, 1.0).arrivals(
                patients, &mut streams.stream(Replicate(0), Purpose::Arrival), &mut arrival);
            let mut rng = streams.stream(Replicate(0), Purpose::FollowUp);
            let mut dropout = streams.stream(Replicate(0), Purpose::Dropout);
            let mut outcome = |&day: &f64| {
                let due = follow_up.outcome_day(day, &mut rng);
                if uniform(&mut dropout) < lost { f64::INFINITY } else { due }
            };
            let outcome: Vec<f64> = arrival.iter().map(&mut outcome).collect();
            let mut sorted: Vec<f64> =
                outcome.iter().copied().filter(|day| day.is_finite()).collect();
            sorted.sort_by(f64::total_cmp);
            let mut known = 0;
            let mut count = |day: &f64| { known += u32::from(day.is_finite()); known };
            let known: Vec<u32> = outcome.iter().map(&mut count).collect();
            let columns = OutcomeCalendar {
                arrival_days: &arrival,
                outcome_days: &outcome,
                known_so_far: &known,
            };
            let mut buffer = Vec::new();
            for n in 1..=patients + 1 {
                let found = day_of_nth_outcome(n, &follow_up, columns, &mut buffer);
                prop_assert_eq!(found, sorted.get(n as usize - 1).copied());
            }
        }
    }
}
