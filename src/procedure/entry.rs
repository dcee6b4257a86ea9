//! Entry into the trial: screened patients with persistent occlusion, and the passes they have had.

use super::difficulty::Class;

/// Passes and difficulty with which a patient enters the trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// Passes before randomisation, all without lasting success.
    pub passes: u8,
    /// Class of difficulty.
    pub class: u8,
}

/// Error: no occlusion persists after a number of passes, so no patient can be randomised then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoPersistentOcclusion {
    /// Passes after which patients were to be randomised.
    pub passes: usize,
}

/// Distribution of entries among the randomised patients.
#[derive(Debug, Clone)]
pub(super) struct Entries {
    /// Patients by the number of passes, in increasing order.
    after: Vec<EnteringAfter>,
    screening_yield: f64,
}

/// Patients randomised after the same number of passes.
#[derive(Debug, Clone)]
struct EnteringAfter {
    passes: u8,
    /// Share of the randomised patients.
    share: f64,
    /// Share of the randomised patients with at most as many passes.
    cumulative: f64,
    /// P(class) among these patients.
    classes: Vec<f64>,
    /// P(class ≤ i) without the last, which is 1.
    cumulative_classes: Vec<f64>,
}

impl Entries {
    /// Computes the entries from different numbers of passes after which patients are randomised,
    /// with their shares among the randomised.
    ///
    /// # Errors
    /// When no occlusion persists after one of these numbers of passes.
    pub fn new(classes: &[Class], after: &[(usize, f64)]) -> Result<Self, NoPersistentOcclusion> {
        let mut shares = after.to_vec();
        // In increasing order a larger draw never means fewer passes, so that a change of the
        // shares moves few patients.
        shares.sort_by_key(|(passes, _)| *passes);
        let mut cumulative = 0.0;
        let mut screened = 0.0;
        let mut after = Vec::with_capacity(shares.len());
        for (passes, share) in shares {
            // The harder a vessel is to open, the more often its occlusion persists.
            let persistent: Vec<f64> = classes
                .iter()
                .map(|class| {
                    let lasting = class.lasting[..passes].iter();
                    class.weight * lasting.map(|p| 1.0 - p).product::<f64>()
                })
                .collect();
            let reached: f64 = persistent.iter().sum();
            if reached <= 0.0 {
                return Err(NoPersistentOcclusion { passes });
            }
            // Of 1/reached screened patients one is randomised.
            screened += share / reached;
            cumulative += share;
            let classes: Vec<f64> = persistent.iter().map(|p| p / reached).collect();
            let mut sum = 0.0;
            let mut cumulative_classes = Vec::with_capacity(classes.len());
            for probability in &classes {
                sum += probability;
                cumulative_classes.push(sum);
            }
            // Without the last, rounding errors of the sum cannot leave a draw without a class.
            cumulative_classes.pop();
            let passes = passes as u8;
            after.push(EnteringAfter { passes, share, cumulative, classes, cumulative_classes });
        }
        Ok(Self { after, screening_yield: 1.0 / screened })
    }

    /// Iterates over entries with their probabilities.
    pub fn iter(&self) -> impl Iterator<Item = (Entry, f64)> {
        self.after.iter().flat_map(|after| {
            after.classes.iter().enumerate().map(|(class, probability)| {
                let entry = Entry { passes: after.passes, class: class as u8 };
                (entry, after.share * probability)
            })
        })
    }

    /// Returns the share of the screened patients who are randomised.
    pub fn screening_yield(&self) -> f64 {
        self.screening_yield
    }

    /// Draws an entry by inverse CDF, from a draw for the passes and one for the difficulty, each
    /// made only if there is a choice.
    ///
    /// A patient who is randomised after other passes keeps the rank of the difficulty.
    #[inline]
    pub fn pick(&self, passes: impl Fn() -> f64, difficulty: impl Fn() -> f64) -> Entry {
        let after = match &self.after[..] {
            [only] => only,
            several => {
                let u = passes();
                // Counted without a branch, as a draw cannot be predicted.
                let below = several[..several.len() - 1].iter();
                let rank: usize = below.map(|after| usize::from(u >= after.cumulative)).sum();
                &several[rank]
            }
        };
        let class = if after.cumulative_classes.is_empty() {
            0
        } else {
            let u = difficulty();
            after.cumulative_classes.partition_point(|&below| u >= below)
        };
        Entry { passes: after.passes, class: class as u8 }
    }
}
