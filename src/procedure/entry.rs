//! Who is randomised, and after how many passes: those of the screened who are still unresolved.

use super::difficulty::Class;

/// How a patient enters the trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// Passes already made, all without lasting success.
    pub passes: u8,
    /// Class of difficulty.
    pub class: u8,
}

/// Nobody can be randomised after so many passes: everyone is resolved by then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NobodyUnresolved {
    /// Passes after which patients were to be randomised.
    pub passes: usize,
}

/// The distribution of entries among the randomised.
#[derive(Debug, Clone)]
pub(super) struct Entries {
    /// By the number of passes, in increasing order.
    after: Vec<After>,
    screening_yield: f64,
}

/// Patients randomised after the same number of passes.
#[derive(Debug, Clone)]
struct After {
    passes: u8,
    /// Their share of the randomised, and that of those with no more passes.
    share: f64,
    cumulative: f64,
    /// P(class) among them, and P(class ≤ i) without the last, which is 1.
    classes: Vec<f64>,
    cumulative_classes: Vec<f64>,
}

impl Entries {
    /// `after` has different numbers of passes after which patients are randomised, with their
    /// shares among the randomised. The harder a vessel, the likelier it is still unresolved.
    pub fn new(classes: &[Class], after: &[(usize, f64)]) -> Result<Self, NobodyUnresolved> {
        let mut shares = after.to_vec();
        shares.sort_by_key(|(passes, _)| *passes);
        let mut cumulative = 0.0;
        let mut screened = 0.0;
        let mut after = Vec::with_capacity(shares.len());
        for (passes, share) in shares {
            let unresolved = |class: &Class| {
                let lasting = class.lasting[..passes].iter();
                class.weight * lasting.map(|p| 1.0 - p).product::<f64>()
            };
            let reached: f64 = classes.iter().map(unresolved).sum();
            if reached <= 0.0 {
                return Err(NobodyUnresolved { passes });
            }
            // Of 1/reached screened patients one is randomised.
            screened += share / reached;
            cumulative += share;
            let classes: Vec<f64> = classes.iter().map(|c| unresolved(c) / reached).collect();
            let mut sum = 0.0;
            let mut cumulative_classes: Vec<f64> = classes
                .iter()
                .map(|probability| {
                    sum += probability;
                    sum
                })
                .collect();
            cumulative_classes.pop();
            let passes = passes as u8;
            after.push(After { passes, share, cumulative, classes, cumulative_classes });
        }
        Ok(Self { after, screening_yield: 1.0 / screened })
    }

    /// Entries with their probabilities.
    pub fn iter(&self) -> impl Iterator<Item = (Entry, f64)> {
        self.after.iter().flat_map(|after| {
            after.classes.iter().enumerate().map(|(class, probability)| {
                let entry = Entry { passes: after.passes, class: class as u8 };
                (entry, after.share * probability)
            })
        })
    }

    /// Share of the screened who are randomised.
    pub fn screening_yield(&self) -> f64 {
        self.screening_yield
    }

    /// An entry by inverse CDF, from a draw for the passes and one for the difficulty: a patient
    /// who is randomised after other passes keeps the rank of the difficulty. Draws are made only
    /// where there is a choice.
    #[inline]
    pub fn pick(&self, passes: impl Fn() -> f64, difficulty: impl Fn() -> f64) -> Entry {
        let after = match &self.after[..] {
            [only] => only,
            several => {
                let u = passes();
                // Without a branch, as there is nothing to predict.
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
