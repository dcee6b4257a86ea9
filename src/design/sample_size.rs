//! Rounding of an exact sample size to whole patients per look and arm.

use serde::Serialize;

/// Convention by which an exact sample size becomes whole patients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rounding {
    /// Each arm's maximum is rounded up; an interim look has its share of that, rounded up.
    PerArm,
    /// Each arm's patients between one look and the next are rounded up, so that every look has
    /// whole patients in each arm, and no look has fewer than planned.
    PerArmAndLook,
    /// All patients of a look are rounded up, and split between the arms to the nearest patient.
    Total,
}

/// Patients in each arm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ArmSizes {
    /// Patients in the control arm.
    pub control: u32,
    /// Patients in the experimental arm.
    pub experimental: u32,
}

impl ArmSizes {
    /// Returns the patients in both arms.
    pub fn total(self) -> u32 {
        self.control + self.experimental
    }

    /// Returns the share of all patients in the experimental arm.
    pub fn share_experimental(self) -> f64 {
        f64::from(self.experimental) / f64::from(self.total())
    }

    /// Returns the patients to randomise so that these remain in each arm when a share of each,
    /// control first and in \[0, 1), drops out: analysed / (1 − dropout), rounded up.
    pub fn randomised(self, dropout: [f64; 2]) -> Self {
        Self {
            control: whole(f64::from(self.control) / (1.0 - dropout[0])),
            experimental: whole(f64::from(self.experimental) / (1.0 - dropout[1])),
        }
    }
}

impl Rounding {
    /// Returns cumulative sizes at each look.
    ///
    /// `total` is the exact number of patients at the last look, above 0 and at most 10⁹;
    /// `share_experimental` in (0, 1); `fractions` increase to 1. Tiny totals may leave two looks
    /// with the same patients.
    pub fn sizes(self, total: f64, share_experimental: f64, fractions: &[f64]) -> Vec<ArmSizes> {
        let arms = [total * (1.0 - share_experimental), total * share_experimental];
        let maxima = arms.map(|arm| f64::from(whole(arm)));
        let mut sizes = Vec::with_capacity(fractions.len());
        let (mut fraction_before, mut sum) = (0.0, [0, 0]);
        for &fraction in fractions {
            let [control, experimental] = match self {
                Self::PerArm => maxima.map(|maximum| whole(fraction * maximum)),
                Self::PerArmAndLook => {
                    let step = fraction - fraction_before;
                    fraction_before = fraction;
                    sum = [0, 1].map(|arm: usize| sum[arm] + whole(step * arms[arm]));
                    sum
                }
                Self::Total => {
                    let all = whole(fraction * total);
                    let experimental = (f64::from(all) * share_experimental).round() as u32;
                    [all - experimental, experimental]
                }
            };
            sizes.push(ArmSizes { control, experimental });
        }
        sizes
    }
}

/// Returns the number rounded up to whole patients.
fn whole(patients: f64) -> u32 {
    // A whole number that rounding errors put just above itself must gain no patient.
    (patients - 1e-9).ceil() as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn arms(sizes: &[ArmSizes]) -> Vec<(u32, u32)> {
        sizes.iter().map(|size| (size.control, size.experimental)).collect()
    }

    fn thirds() -> Vec<f64> {
        (1..=3).map(|k| f64::from(k) / 3.0).collect()
    }

    /// 25 % v 40 %, three looks of Lan–DeMets O'Brien–Fleming type: 307.62 patients are 51.27 per
    /// arm and look.
    #[test]
    fn conventions_round_the_size_of_angel_reboot_differently() {
        let sizes = |rounding: Rounding| arms(&rounding.sizes(307.623990366, 0.5, &thirds()));
        assert_eq!(sizes(Rounding::PerArmAndLook), [(52, 52), (104, 104), (156, 156)]);
        assert_eq!(sizes(Rounding::PerArm), [(52, 52), (103, 103), (154, 154)]);
        assert_eq!(sizes(Rounding::Total), [(51, 52), (103, 103), (154, 154)]);
        let unequal = Rounding::PerArmAndLook.sizes(300.0, 2.0 / 3.0, &[0.501, 0.75, 1.0]);
        assert_eq!(arms(&unequal), [(51, 101), (76, 151), (101, 201)]);
    }

    #[test]
    fn whole_numbers_gain_no_patient() {
        for rounding in [Rounding::PerArm, Rounding::PerArmAndLook, Rounding::Total] {
            let sizes = rounding.sizes(312.0 * (1.0 + 1e-15), 0.5, &thirds());
            assert_eq!(arms(&sizes), [(52, 52), (104, 104), (156, 156)], "{rounding:?}");
            let tenth = 0.1 + 0.2;
            let sizes = rounding.sizes(1000.0, tenth, &[0.1 * 3.0, 1.0]);
            assert_eq!(arms(&sizes), [(210, 90), (700, 300)], "{rounding:?}");
        }
    }

    #[test]
    fn dropout_is_made_up_for_in_each_arm() {
        let analysed = ArmSizes { control: 156, experimental: 156 };
        let randomised = analysed.randomised([0.1, 0.1]);
        assert_eq!((randomised.control, randomised.experimental), (174, 174));
        assert_eq!(analysed.randomised([0.0, 0.0]), analysed);
        let whole = ArmSizes { control: 90, experimental: 72 }.randomised([0.1, 0.2]);
        assert_eq!((whole.control, whole.experimental), (100, 90));
    }

    proptest! {
        #[test]
        fn sizes_never_fall_and_reach_the_total(
            total in 1.0..1e5f64,
            share in 0.1..0.9f64,
            first in 0.05..0.5f64,
            second in 0.5..0.95f64,
        ) {
            let fractions = [first, second, 1.0];
            for rounding in [Rounding::PerArm, Rounding::PerArmAndLook, Rounding::Total] {
                let sizes = rounding.sizes(total, share, &fractions);
                for pair in sizes.windows(2) {
                    prop_assert!(pair[0].control <= pair[1].control);
                    prop_assert!(pair[0].experimental <= pair[1].experimental);
                }
                let last = f64::from(sizes[2].total());
                prop_assert!(last >= total - 1e-8 && last < total + 6.0);
                for (size, fraction) in sizes.iter().zip(fractions) {
                    prop_assert!(f64::from(size.total()) >= fraction * total - 1e-8);
                }
            }
        }
    }
}
