//! Randomness: the only file that names a generator.
//!
//! Every replicate and purpose has a Xoshiro256++ stream of its own, started from a key that is a
//! one-to-one function of (replicate, purpose) for a given seed. So a draw is a function of (seed,
//! replicate, purpose, position) alone: any replicate can be run on its own, and the number of draws
//! made for one purpose never shifts those of another. Patient i of a replicate reads position i of
//! each stream, whatever the design, the arm or the analysis.

use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

/// The seed of a run, from which all its streams are derived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seed(pub u64);

/// The number of a simulated trial, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Replicate(pub u64);

/// The purpose of a stream. The numbers are part of every result: append, never renumber.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Purpose {
    /// Gaps between arrivals.
    Arrival = 0,
    /// Stratum at baseline.
    Baseline = 1,
    /// Allocation to an arm.
    Allocation = 2,
    /// Day of the outcome assessment within its window.
    FollowUp = 3,
    /// Latent quantile of the mRS.
    Outcome = 4,
    /// Missing outcomes.
    Dropout = 5,
    /// Effect drawn from the prior.
    Effect = 6,
    /// Keys of the patients' procedures; see [`PatientDraws`].
    Procedure = 7,
    /// The allocation run again, for re-randomisation tests.
    Rerandomisation = 8,
    /// The early mRS, given the mRS at 90 days.
    EarlyOutcome = 9,
    /// Imputed outcomes.
    Imputation = 10,
    /// Non-adherence to the allocated treatment.
    Adherence = 11,
    /// Keys of the centres; see [`PatientDraws`].
    Centre = 12,
    /// The centre that a patient is recruited at.
    CentreOfPatient = 13,
    /// Keys of the patients' adverse events; see [`PatientDraws`].
    Safety = 14,
}

// Size of a replicate's block of keys: more than there are purposes, so that later ones fit without
// changing the streams of the first.
const PURPOSES: u64 = 64;

/// A stream of random bits, which can be kept to be continued later.
pub type Stream = Xoshiro256PlusPlus;

/// The streams of one seed.
#[derive(Debug, Clone, Copy)]
pub struct Streams {
    offset: u64,
}

impl Streams {
    /// Derives the streams of a seed.
    pub fn new(seed: Seed) -> Self {
        Self { offset: mix(seed.0) }
    }

    /// Returns the stream of one replicate and purpose, from its beginning.
    #[inline]
    pub fn stream(self, replicate: Replicate, purpose: Purpose) -> Stream {
        // Wraps only beyond 2⁵⁸ replicates, far more than a run may have.
        let number = replicate.0.wrapping_mul(PURPOSES).wrapping_add(purpose as u64);
        // Mixed, because the generator's own expansion of neighbouring keys would share words.
        Xoshiro256PlusPlus::seed_from_u64(mix(self.offset.wrapping_add(number)))
    }
}

/// Scrambles 64 bits one to one: the finaliser of SplitMix64 (Steele, Lea & Flood 2014).
fn mix(key: u64) -> u64 {
    let key = (key ^ (key >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let key = (key ^ (key >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    key ^ (key >> 31)
}

/// Draws a uniform number from {0, 1, …, 2⁵³ − 1} / 2⁵³, which lies in [0, 1).
#[inline]
pub fn uniform(rng: &mut impl Rng) -> f64 {
    unit(rng.next_u64())
}

/// Numbered draws of one patient or of one centre. Each is computed from its number, so that a strategy
/// or a rejection sampler may use any of them without shifting the others.
///
/// Draw `n` is the n-th of the SplitMix64 stream that starts from the key.
#[derive(Debug, Clone, Copy)]
pub struct PatientDraws(u64);

impl PatientDraws {
    /// Reads the key of the next patient, or centre, from a stream of keys.
    #[inline]
    pub fn new(rng: &mut impl Rng) -> Self {
        Self(rng.next_u64())
    }

    /// Returns the uniform draw number `n`, from {0, 1, …, 2⁵³ − 1} / 2⁵³.
    #[inline]
    pub fn uniform(self, n: u64) -> f64 {
        // 2⁶⁴ over the golden ratio: the increment of SplitMix64.
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        unit(mix(self.0.wrapping_add((n + 1).wrapping_mul(STEP))))
    }
}

/// Converts the upper 53 bits to a fraction of 1.
#[inline]
fn unit(bits: u64) -> f64 {
    // The upper ones, as an f64 holds 53 and the lowest bits of Xoshiro256++ are its weakest.
    const SCALE: f64 = 1.0 / (1u64 << 53) as f64;
    (bits >> 11) as f64 * SCALE
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(seed: u64, replicate: u64, purpose: Purpose) -> [u64; 2] {
        let mut stream = Streams::new(Seed(seed)).stream(Replicate(replicate), purpose);
        [stream.next_u64(), stream.next_u64()]
    }

    /// A change here changes every result. The values are those of a second implementation, in
    /// Python, of SplitMix64 and Xoshiro256++.
    #[test]
    fn streams_are_pinned() {
        let golden = [
            (1, 0, Purpose::Arrival, [14534695347946561087, 8071997691874813235]),
            (1, 0, Purpose::Outcome, [8737604721788958982, 6584979373353361793]),
            (1, 1, Purpose::Arrival, [3714769368509054719, 13653110873710342670]),
            (1, 2, Purpose::Effect, [17439022233259212332, 6986853560351802124]),
            (20211219, 99_999, Purpose::Dropout, [16170350484924889115, 8095653235703200466]),
        ];
        for (seed, replicate, purpose, draws) in golden {
            assert_eq!(first(seed, replicate, purpose), draws, "{seed} {replicate} {purpose:?}");
        }
    }

    /// The first draws of SplitMix64 from key 0 are published with the generator.
    #[test]
    fn numbered_draws_are_those_of_splitmix64() {
        let draws = PatientDraws(0);
        for (n, bits) in [0xe220_a839_7b1d_cdafu64, 0x6e78_9e6a_a1b9_65f4, 0x06c4_5d18_8009_454f]
            .into_iter()
            .enumerate()
        {
            assert_eq!(draws.uniform(n as u64), unit(bits));
        }
    }

    #[test]
    fn uniforms_fill_the_unit_interval_evenly() {
        // 64 cells of 64 000 draws: χ² with 63 degrees of freedom is below 113.5 but for one seed
        // in ten thousand.
        let mut stream = Streams::new(Seed(7)).stream(Replicate(3), Purpose::Baseline);
        let mut cells = [0u32; 64];
        for _ in 0..64_000 {
            let u = uniform(&mut stream);
            assert!((0.0..1.0).contains(&u));
            cells[(u * 64.0) as usize] += 1;
        }
        let chi_square: f64 = cells.iter().map(|&n| (f64::from(n) - 1000.0).powi(2) / 1000.0).sum();
        assert!(chi_square < 113.5, "{chi_square}");
    }

    /// Draws 3 and 18 of 64 000 patients fill an 8 × 8 grid evenly: χ² with 63 degrees of freedom is
    /// below 113.5 but for one seed in ten thousand.
    #[test]
    fn draws_of_different_numbers_are_independent() {
        let mut keys = Streams::new(Seed(7)).stream(Replicate(3), Purpose::Procedure);
        let mut cells = [0u32; 64];
        for _ in 0..64_000 {
            let draws = PatientDraws::new(&mut keys);
            let [row, column] = [3, 18].map(|n| (draws.uniform(n) * 8.0) as usize);
            cells[8 * row + column] += 1;
        }
        let chi_square: f64 = cells.iter().map(|&n| (f64::from(n) - 1000.0).powi(2) / 1000.0).sum();
        assert!(chi_square < 113.5, "{chi_square}");
    }
}
