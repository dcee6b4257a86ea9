//! The interim results that a decision table shows.

use super::PromisingZone;

/// Steps of the decision table within the promising zone.
const STEPS: u32 = 8;

/// Largest |Z| of a row: no result is further from 0.
const FARTHEST: f64 = 8.0;

impl PromisingZone {
    /// Returns the interim Z of a decision table, increasing: where the rule changes, steps within the
    /// zone, and a result on either side of it.
    pub fn table_points(&self) -> Vec<f64> {
        let changes: Vec<f64> = self.changes().into_iter().filter(|z| z.abs() < FARTHEST).collect();
        let Some(&first) = changes.first() else { return Vec::new() };
        // A bound below is a change of the rule, but no end of the zone.
        let zone = changes.iter().copied().filter(|z| *z != self.lower());
        let begins = zone.clone().next().unwrap_or(first);
        let ends = zone.filter(|z| *z < self.bounds().interim).fold(begins, f64::max);
        let steps =
            (1..STEPS).map(|step| begins + f64::from(step) / f64::from(STEPS) * (ends - begins));
        let mut points: Vec<f64> = changes.iter().copied().chain(steps).collect();
        points.push(begins - 0.2);
        points.push(ends + 0.2);
        points.sort_by(f64::total_cmp);
        points.dedup_by(|a, b| (*a - *b).abs() < 1e-9);
        points
    }
}
