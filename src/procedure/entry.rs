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
    /// Entries with their probabilities.
    entries: Vec<(Entry, f64)>,
    /// P(entry ≤ i), without the last, which is 1.
    cumulative: Vec<f64>,
    screening_yield: f64,
}

impl Entries {
    /// `after` has the passes after which patients are randomised, with their shares among the
    /// randomised. The harder a vessel, the likelier it is still unresolved.
    pub fn new(classes: &[Class], after: &[(usize, f64)]) -> Result<Self, NobodyUnresolved> {
        let mut entries = Vec::new();
        let mut screened = 0.0;
        for &(passes, share) in after {
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
            entries.extend(classes.iter().enumerate().map(|(i, class)| {
                let entry = Entry { passes: passes as u8, class: i as u8 };
                (entry, share * unresolved(class) / reached)
            }));
        }
        let mut sum = 0.0;
        let mut cumulative = Vec::with_capacity(entries.len());
        for (_, probability) in &entries {
            sum += probability;
            cumulative.push(sum);
        }
        cumulative.pop();
        Ok(Self { entries, cumulative, screening_yield: 1.0 / screened })
    }

    /// Entries with their probabilities.
    pub fn iter(&self) -> impl Iterator<Item = (Entry, f64)> {
        self.entries.iter().copied()
    }

    /// Share of the screened who are randomised.
    pub fn screening_yield(&self) -> f64 {
        self.screening_yield
    }

    /// An entry by inverse CDF; the draw is made only where there is a choice.
    #[inline]
    pub fn pick(&self, uniform: impl Fn() -> f64) -> Entry {
        if self.cumulative.is_empty() {
            return self.entries[0].0;
        }
        let u = uniform();
        self.entries[self.cumulative.partition_point(|&below| u >= below)].0
    }
}
