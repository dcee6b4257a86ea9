//! Multiple imputation of missing outcomes by a proportional-odds model.
//!
//! Every imputation fits the model to a bootstrap sample of the patients with an outcome, drawn within
//! each arm, and draws the missing outcomes from it. So the imputations differ by the model's own
//! uncertainty too, and are proper (Rubin & Schenker 1986, JASA 81:366; Little & Rubin 2019,
//! Statistical Analysis with Missing Data, section 10.2).

use std::sync::atomic::{AtomicBool, Ordering};

use rand::Rng;

use crate::analysis::imputation::{MultipleImputation, Rubin};
use crate::analysis::{BoundMethod, Counts, KnownOutcomes, Scratch, TestResult};
use crate::num::{logistic, logit};
use crate::outcome::{LEVELS, Mrs};
use crate::randomisation::Arm;
use crate::rng::uniform;

/// Buffers, refilled for every imputation.
#[derive(Debug, Default)]
pub(super) struct Imputer {
    groups: Vec<Counts>,
    resampled: Vec<Counts>,
    /// P(mRS ≤ j) by arm, then group.
    predicted: Vec<[f64; LEVELS]>,
    completed: KnownOutcomes,
    places: Vec<OutcomeCell>,
}

/// The data of a look, and how their missing outcomes are imputed.
#[derive(Debug, Clone, Copy)]
pub(super) struct IncompleteData<'d> {
    pub known: &'d KnownOutcomes,
    pub rule: &'d MultipleImputation,
    /// Flag that ends the imputations early.
    pub cancelled: &'d AtomicBool,
}

/// A group and mRS that patients of an arm have.
#[derive(Debug, Clone, Copy)]
struct OutcomeCell {
    /// Patients of the arm at this place and those before it.
    patients_up_to: f64,
    group: usize,
    mrs: usize,
}

impl Imputer {
    /// Combines the method's analyses of the completed data.
    pub fn analyse(
        &mut self,
        data: IncompleteData<'_>,
        method: &BoundMethod,
        scratch: &mut Scratch,
        rng: &mut impl Rng,
    ) -> TestResult {
        let IncompleteData { known, rule, cancelled } = data;
        rule.grouping.gather_known(known, &mut self.groups);
        // An arm without any known outcome has no model to draw from.
        if known.all.counts.iter().any(|arm| arm.iter().all(|&n| n == 0)) {
            return method.test(known, scratch);
        }
        let left_out = self.groups.iter_mut().zip(&rule.left_out).filter(|(_, out)| **out);
        left_out.for_each(|(group, _)| *group = [[0.0; LEVELS]; 2]);
        let mut rubin = Rubin::default();
        // Without missing outcomes all imputations are alike: one is enough.
        if known.missing.iter().flatten().all(|&patients| patients == 0) {
            rubin.add(&method.test(known, scratch));
            return rubin.combined(method.null_effects());
        }
        for _ in 0..rule.imputations {
            self.resample(rng);
            self.predict(rule, scratch);
            self.complete(rule, known, rng);
            rubin.add(&method.test(&self.completed, scratch));
            // Hundreds of fits may take seconds.
            if cancelled.load(Ordering::Relaxed) {
                break;
            }
        }
        rubin.combined(method.null_effects())
    }

    /// Draws as many patients of each arm as there are, with replacement.
    fn resample(&mut self, rng: &mut impl Rng) {
        self.resampled.clear();
        self.resampled.resize(self.groups.len(), [[0.0; LEVELS]; 2]);
        for arm in 0..2 {
            let mut patients = 0.0;
            self.places.clear();
            for (group, counts) in self.groups.iter().enumerate() {
                for (mrs, &count) in counts[arm].iter().enumerate().filter(|(_, n)| **n > 0.0) {
                    patients += count;
                    self.places.push(OutcomeCell { patients_up_to: patients, group, mrs });
                }
            }
            for _ in 0..patients as usize {
                let at = uniform(rng) * patients;
                let place = self.places.partition_point(|place| place.patients_up_to <= at);
                let OutcomeCell { group, mrs, .. } = self.places[place];
                self.resampled[group][arm][mrs] += 1.0;
            }
        }
    }

    /// Predicts the distribution of the mRS in every arm and group, by the model fitted to the sample; if
    /// it has no fit, by that of the arm in the sample.
    fn predict(&mut self, rule: &MultipleImputation, scratch: &mut Scratch) {
        let fitted = rule.model.fits(&self.resampled, scratch.ordinal());
        self.predicted.clear();
        for arm in [Arm::Control, Arm::Experimental] {
            let shift = if arm == Arm::Experimental { rule.log_odds_experimental } else { 0.0 };
            let observed = shifted(observed_distribution(&self.resampled, arm), shift);
            for group in 0..self.groups.len() {
                self.predicted.push(if fitted {
                    rule.model.predicted(scratch.ordinal(), arm, group, shift)
                } else {
                    observed
                });
            }
        }
    }

    /// Draws the missing outcomes.
    fn complete(&mut self, rule: &MultipleImputation, known: &KnownOutcomes, rng: &mut impl Rng) {
        let Self { groups, predicted, completed, .. } = self;
        completed.clone_from(known);
        for (cell, missing) in known.missing.iter().enumerate() {
            let group = rule.grouping.of_cell()[cell];
            for (arm, &patients) in [Arm::Control, Arm::Experimental].into_iter().zip(missing) {
                let cumulative = &predicted[arm.index() * groups.len() + group];
                for _ in 0..patients {
                    let u = uniform(rng);
                    // Without the last level, whose 1 may have been rounded to less than u.
                    let below = cumulative[..LEVELS - 1].iter().filter(|&&p| u >= p).count();
                    completed.record(arm, cell, Mrs::new(below as u8).expect("one of the levels"));
                }
            }
        }
        completed.missing.iter_mut().for_each(|missing| *missing = [0; 2]);
    }
}

/// Computes P(mRS ≤ j) of an arm in all groups together.
fn observed_distribution(groups: &[Counts], arm: Arm) -> [f64; LEVELS] {
    let mut sum = 0.0;
    let mut cumulative = std::array::from_fn(|mrs| {
        sum += groups.iter().map(|counts| counts[arm.index()][mrs]).sum::<f64>();
        sum
    });
    cumulative.iter_mut().for_each(|below| *below /= sum);
    cumulative
}

/// Raises the log odds of a better outcome.
fn shifted(cumulative: [f64; LEVELS], log_odds: f64) -> [f64; LEVELS] {
    // Not moved by 0: a round trip through log odds would change last bits.
    if log_odds == 0.0 {
        cumulative
    } else {
        cumulative.map(|below| logistic(logit(below) + log_odds))
    }
}
