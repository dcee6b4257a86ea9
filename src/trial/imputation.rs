//! Multiple imputation of missing outcomes by a proportional-odds model.
//!
//! Every imputation fits the model to a bootstrap sample of the patients with an outcome, drawn
//! within each arm, and draws the missing ones from it: so the imputations differ by the model's own
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
    /// Of the patients of an arm: how many come up to and with each group and mRS.
    places: Vec<(f64, usize, usize)>,
}

impl Imputer {
    /// The method's analyses of the completed data, combined; of fewer imputations once `cancelled`.
    pub fn analyse(
        &mut self,
        (method, rule): (&BoundMethod, &MultipleImputation),
        known: &KnownOutcomes,
        scratch: &mut Scratch,
        rng: &mut impl Rng,
        cancelled: &AtomicBool,
    ) -> TestResult {
        rule.grouping.gather_known(known, &mut self.groups);
        // An arm of which nothing is known has no model to be drawn from.
        if known.all.counts.iter().any(|arm| arm.iter().all(|&n| n == 0)) {
            return method.test(known, scratch);
        }
        let left_out = self.groups.iter_mut().zip(&rule.left_out).filter(|(_, out)| **out);
        left_out.for_each(|(group, _)| *group = [[0.0; LEVELS]; 2]);
        let mut rubin = Rubin::default();
        if known.missing.iter().flatten().all(|&patients| patients == 0) {
            rubin.add(&method.test(known, scratch));
            return rubin.combined();
        }
        for _ in 0..rule.imputations {
            self.resample(rng);
            self.predict(rule, scratch);
            self.complete(rule, known, rng);
            rubin.add(&method.test(&self.completed, scratch));
            if cancelled.load(Ordering::Relaxed) {
                break;
            }
        }
        rubin.combined()
    }

    /// As many patients of each arm as there are, drawn with replacement.
    fn resample(&mut self, rng: &mut impl Rng) {
        self.resampled.clear();
        self.resampled.resize(self.groups.len(), [[0.0; LEVELS]; 2]);
        for arm in 0..2 {
            let mut patients = 0.0;
            self.places.clear();
            for (group, counts) in self.groups.iter().enumerate() {
                for (mrs, &count) in counts[arm].iter().enumerate().filter(|(_, n)| **n > 0.0) {
                    patients += count;
                    self.places.push((patients, group, mrs));
                }
            }
            for _ in 0..patients as usize {
                let at = uniform(rng) * patients;
                let place = self.places.partition_point(|(below, ..)| *below <= at);
                let (_, group, mrs) = self.places[place];
                self.resampled[group][arm][mrs] += 1.0;
            }
        }
    }

    /// The distribution of the mRS in every arm and group, by the model fitted to the sample; where
    /// it has no fit, that of the arm in the sample.
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

    fn complete(&mut self, rule: &MultipleImputation, known: &KnownOutcomes, rng: &mut impl Rng) {
        let Self { groups, predicted, completed, .. } = self;
        completed.clone_from(known);
        for (cell, missing) in known.missing.iter().enumerate() {
            let group = rule.grouping.of_cell()[cell];
            for (arm, &patients) in [Arm::Control, Arm::Experimental].into_iter().zip(missing) {
                let cumulative = &predicted[arm.index() * groups.len() + group];
                for _ in 0..patients {
                    let u = uniform(rng);
                    let below = cumulative[..LEVELS - 1].iter().filter(|&&p| u >= p).count();
                    completed.record(arm, cell, Mrs::new(below as u8).expect("one of the levels"));
                }
            }
        }
        completed.missing.iter_mut().for_each(|missing| *missing = [0; 2]);
    }
}

/// P(mRS ≤ j) of an arm in all groups together.
fn observed_distribution(groups: &[Counts], arm: Arm) -> [f64; LEVELS] {
    let mut sum = 0.0;
    let mut cumulative = std::array::from_fn(|mrs| {
        sum += groups.iter().map(|counts| counts[arm.index()][mrs]).sum::<f64>();
        sum
    });
    cumulative.iter_mut().for_each(|below| *below /= sum);
    cumulative
}

/// The distribution whose odds of a better outcome are higher by so many log odds.
fn shifted(cumulative: [f64; LEVELS], log_odds: f64) -> [f64; LEVELS] {
    match log_odds {
        0.0 => cumulative,
        _ => cumulative.map(|below| logistic(logit(below) + log_odds)),
    }
}
