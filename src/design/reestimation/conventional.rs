//! The zone in which the conventional statistic keeps the type I error.

use super::{PromisingZone, StageSizes};
use crate::num::root::brent;

impl PromisingZone {
    /// Computes the least conditional power at which a promising zone with this target may begin so
    /// that the conventional statistic keeps the type I error (Chen, DeMets & Lan 2004, Stat Med
    /// 23:1023; table 1 of Mehta & Pocock).
    ///
    /// The bound that the conventional statistic would need after Z = z and the size that follows is
    /// b(z) = (z√n₁ + √(n − n₁)·A)/√n; it is at most the final bound from there on.
    pub fn least_for_conventional(&self) -> f64 {
        let Some(ends) = self.z_at(self.limits.target).filter(|ends| *ends > 0.0) else {
            return 0.0;
        };
        // At the end of the zone the size is as planned, and the bound is the final one.
        let steps = 4000;
        let mut above = ends;
        for step in 1..steps {
            // From the end of the zone down: the first crossing met is where it may begin,
            // whatever the excess is below.
            let z = ends * (1.0 - f64::from(step) / f64::from(steps));
            if self.excess(z) > 1e-9 {
                let change = brent(|z| self.excess(z), z, above).unwrap_or(z);
                return self.conditional_power(change);
            }
            above = z;
        }
        0.0
    }

    /// Returns by how much the bound that the conventional statistic needs exceeds the final one, if the
    /// size is re-estimated after Z = `z`.
    fn excess(&self, z: f64) -> f64 {
        let StageSizes { interim, planned, maximum } = self.sizes;
        let size = self.unlimited(z).clamp(planned, maximum);
        let score = z * interim.sqrt() + (size - interim).sqrt() * self.second_stage_bound(z);
        score / size.sqrt() - self.bounds.last
    }
}
