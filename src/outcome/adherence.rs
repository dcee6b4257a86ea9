//! Non-adherence: patients who do not receive the treatment of their arm.
//!
//! logit P(departure) = a + the log odds of the patient's factor levels + b·w, where w is the
//! patient's own prognosis among patients of the same arm, stratum, centre and time: the rank of
//! their later outcome as a standard logistic score, scaled to standard deviation 1, above 0 for a
//! better one. The intercept a is such that the stated share departs, of the patients to whom it
//! may happen: all patients of the arm for crossover and refusal, patients who do not refuse for
//! failed access. Refusal and failed access may select the same patients, so the two denominators
//! differ if both departures depend on prognosis or factors.

use std::sync::LazyLock;

use super::{LEVELS, MrsDistribution};
use crate::num::quadrature::GaussLegendre;
use crate::num::root::brent;
use crate::num::{logistic, logit};
use crate::outcome::procedural::latent;
use crate::randomisation::Arm;

/// Departure from the treatment of the arm: crossover, refusal or failed access.
#[derive(Debug, Clone, PartialEq)]
pub struct Departure {
    /// Share of the patients to whom it may happen, in [0, 1]; below 1 if it depends on prognosis
    /// or factors. Failed access may happen to patients who do not refuse.
    pub probability: f64,
    /// Log odds per standard deviation of prognosis.
    pub per_prognosis: f64,
    /// Log odds of each stratum.
    pub of_stratum: Vec<f64>,
}

/// Departures of both arms.
#[derive(Debug, Clone, PartialEq)]
pub struct Adherence {
    /// Crossover of control patients, who then receive the experimental treatment.
    crossover: DepartureRule,
    /// Refusal by experimental patients, who then receive the control treatment.
    refusal: DepartureRule,
    /// Failed access among experimental patients who do not refuse; they too receive the control
    /// treatment.
    failed_access: DepartureRule,
    /// Probability of departing up to a prognosis, by arm and stratum; empty for an arm whose
    /// departures do not depend on prognosis.
    departed: [Vec<Departed>; 2],
}

/// Treatment that a patient received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Received {
    /// Treatment of the patient's arm.
    AsAllocated,
    /// Treatment of the other arm.
    Other,
}

impl Received {
    /// Returns the arm whose treatment it is.
    #[inline]
    pub fn arm(self, allocated: Arm) -> Arm {
        match (self, allocated) {
            (Self::AsAllocated, arm) => arm,
            (Self::Other, Arm::Control) => Arm::Experimental,
            (Self::Other, Arm::Experimental) => Arm::Control,
        }
    }
}

/// Probability of a departure, with the intercept solved for.
#[derive(Debug, Clone, PartialEq)]
struct DepartureRule {
    /// Log odds of each stratum at an average prognosis; −∞ if no patient departs.
    log_odds: Vec<f64>,
    per_latent: f64,
}

/// Standard deviation of a standard logistic variable, π/√3.
const LOGISTIC_SD: f64 = 1.813_799_364_234_217_8;

/// Largest logistic score that is integrated over, in either direction.
// The probability beyond is 1e-17.
const REACH: f64 = 39.0;

/// Quadrature nodes per unit of the logistic scale.
const NODES: usize = 40;

impl Adherence {
    /// Solves the intercepts of crossover, refusal and failed access for the shares of the strata.
    pub fn new(departures: &[Departure; 3], shares: &[f64]) -> Self {
        let [crossover, refusal, failed_access] = departures;
        let refusal = DepartureRule::new(refusal, shares, None);
        let mut adherence = Self {
            crossover: DepartureRule::new(crossover, shares, None),
            failed_access: DepartureRule::new(failed_access, shares, Some(&refusal)),
            refusal,
            departed: [Vec::new(), Vec::new()],
        };
        adherence.departed = [Arm::Control, Arm::Experimental].map(|arm| {
            // Departures that do not depend on prognosis need no integral.
            let strata = if adherence.is_by_chance(arm) { 0 } else { shares.len() };
            (0..strata)
                .map(|stratum| Departed::new(|latent| adherence.departs(arm, stratum, latent)))
                .collect()
        });
        adherence
    }

    /// Returns P(a patient of the arm and stratum departs); `latent` is the score of their later
    /// outcome.
    fn departs(&self, arm: Arm, stratum: usize, latent: f64) -> f64 {
        match arm {
            Arm::Control => self.crossover.probability(stratum, latent),
            Arm::Experimental => {
                let stays = 1.0 - self.refusal.probability(stratum, latent);
                1.0 - stays * (1.0 - self.failed_access.probability(stratum, latent))
            }
        }
    }

    /// Returns whether departures of the arm do not depend on prognosis.
    fn is_by_chance(&self, arm: Arm) -> bool {
        match arm {
            Arm::Control => self.crossover.is_by_chance(),
            Arm::Experimental => self.refusal.is_by_chance() && self.failed_access.is_by_chance(),
        }
    }

    /// Draws the treatment that a patient receives; `quantile` is that of their later outcome, and
    /// the two draws are uniform in [0, 1).
    #[inline]
    pub fn draw(&self, arm: Arm, stratum: usize, quantile: f64, draws: [f64; 2]) -> Received {
        let latent = latent(quantile);
        // The caller makes both draws for every patient, so that the arm does not shift the draws
        // of later ones.
        let departs = match arm {
            Arm::Control => draws[0] < self.crossover.probability(stratum, latent),
            Arm::Experimental => {
                draws[0] < self.refusal.probability(stratum, latent)
                    || draws[1] < self.failed_access.probability(stratum, latent)
            }
        };
        if departs { Received::Other } else { Received::AsAllocated }
    }

    /// Computes P(mRS = j and received treatment), by received treatment, of patients of an arm and
    /// stratum; `mrs` holds the distributions under control and experimental treatment.
    pub fn expected(
        &self,
        arm: Arm,
        stratum: usize,
        mrs: &[MrsDistribution; 2],
    ) -> [[f64; LEVELS]; 2] {
        let other = Received::Other.arm(arm);
        let mut out = [[0.0; LEVELS]; 2];
        match self.departed[arm.index()].get(stratum) {
            None => {
                let share = self.departs(arm, stratum, 0.0);
                out[arm.index()] = mrs[arm.index()].probabilities().map(|p| p * (1.0 - share));
                out[other.index()] = mrs[other.index()].probabilities().map(|p| p * share);
            }
            Some(departed) => {
                let [own, others] = [arm, other].map(|treatment| {
                    departed.by_level(&mrs[treatment.index()], |latent| {
                        self.departs(arm, stratum, latent)
                    })
                });
                let all = mrs[arm.index()].probabilities();
                // If all depart, rounding may make the rest negative.
                out[arm.index()] = std::array::from_fn(|j| (all[j] - own[j]).max(0.0));
                out[other.index()] = others;
            }
        }
        out
    }
}

impl DepartureRule {
    /// Solves the intercept such that the stated share departs, of all patients or of those who
    /// remain after an earlier departure `before`.
    fn new(departure: &Departure, shares: &[f64], before: Option<&Self>) -> Self {
        let Departure { probability, per_prognosis, of_stratum } = departure;
        // A small quantile is a good outcome.
        let per_latent = -per_prognosis / LOGISTIC_SD;
        if *probability == 0.0 {
            return Self::with_intercept(f64::NEG_INFINITY, of_stratum, per_latent);
        }
        let start = logit(*probability);
        // Nothing to solve, and the stated share is kept to the last bit.
        if per_latent == 0.0 && of_stratum.iter().all(|log_odds| *log_odds == 0.0) {
            return Self::with_intercept(start, of_stratum, per_latent);
        }
        // If all patients are equally likely to remain, those who do are like all patients.
        let before = before.filter(|before| !before.is_alike());
        let largest = of_stratum.iter().map(|log_odds| log_odds.abs()).fold(0.0, f64::max);
        let reach = largest + REACH * per_latent.abs() + 1.0;
        let alike = alike_strata(of_stratum, shares, before);
        let remaining = before.map_or(1.0, |_| in_all(&alike, |s, x| remains(before, s, x)));
        let intercept = brent(
            |intercept| {
                let rule = Self::with_intercept(intercept, of_stratum, per_latent);
                let departed =
                    in_all(&alike, |s, x| remains(before, s, x) * rule.probability(s, x));
                departed - probability * remaining
            },
            start - reach,
            start + reach,
        )
        .expect("so far away no patients depart, or all do");
        Self::with_intercept(intercept, of_stratum, per_latent)
    }

    fn with_intercept(intercept: f64, of_stratum: &[f64], per_latent: f64) -> Self {
        let log_odds = of_stratum.iter().map(|log_odds| log_odds + intercept).collect();
        Self { log_odds, per_latent }
    }

    /// Returns whether the departure is equally likely for every patient.
    fn is_alike(&self) -> bool {
        self.is_by_chance() && self.log_odds.iter().all(|log_odds| *log_odds == self.log_odds[0])
    }

    /// Returns whether the departure does not depend on prognosis.
    fn is_by_chance(&self) -> bool {
        self.per_latent == 0.0
    }

    #[inline]
    fn probability(&self, stratum: usize, latent: f64) -> f64 {
        logistic(self.log_odds[stratum] + self.per_latent * latent)
    }
}

/// Returns P(a patient of a stratum at a latent score does not depart by an earlier rule); 1
/// without one.
fn remains(before: Option<&DepartureRule>, stratum: usize, latent: f64) -> f64 {
    before.map_or(1.0, |before| 1.0 - before.probability(stratum, latent))
}

/// Strata with the same log odds of every departure.
#[derive(Debug, Clone, Copy)]
struct AlikeStrata {
    /// One of the strata.
    stratum: usize,
    /// Share of all of them.
    share: f64,
}

/// Groups strata in which departures are equally likely, each of which needs an integral only once.
fn alike_strata(
    of_stratum: &[f64],
    shares: &[f64],
    before: Option<&DepartureRule>,
) -> Vec<AlikeStrata> {
    let mut alike: Vec<AlikeStrata> = Vec::new();
    for (stratum, &share) in shares.iter().enumerate() {
        let found = alike.iter_mut().find(|other| {
            of_stratum[other.stratum] == of_stratum[stratum]
                && before.is_none_or(|it| it.log_odds[other.stratum] == it.log_odds[stratum])
        });
        match found {
            Some(other) => other.share += share,
            None => alike.push(AlikeStrata { stratum, share }),
        }
    }
    alike
}

/// Averages, over all patients, a probability that depends on stratum and latent score.
fn in_all(strata: &[AlikeStrata], part: impl Fn(usize, f64) -> f64) -> f64 {
    strata
        .iter()
        .map(|&AlikeStrata { stratum, share }| {
            share * mass(-REACH, REACH, |latent| part(stratum, latent))
        })
        .sum()
}

/// P(a patient of an arm and stratum departs and has a latent score below −[`REACH`] + k), for k =
/// 0, 1, ….
// For any distribution of the outcome, the departed of a level are differences of these, plus the
// parts of a unit at its ends; so a drawn effect costs two short integrals per level.
#[derive(Debug, Clone, PartialEq)]
struct Departed(Vec<f64>);

impl Departed {
    fn new(departs: impl Fn(f64) -> f64) -> Self {
        let units = (2.0 * REACH) as usize;
        let mut below = vec![0.0; units + 1];
        for k in 0..units {
            let from = k as f64 - REACH;
            below[k + 1] = below[k] + mass(from, from + 1.0, &departs);
        }
        Self(below)
    }

    /// Returns P(departs with a latent score below `latent`).
    fn below(&self, latent: f64, departs: impl Fn(f64) -> f64) -> f64 {
        let Self(below) = self;
        let latent = latent.clamp(-REACH, REACH);
        let unit = (latent + REACH).floor();
        below[unit as usize] + mass(unit - REACH, latent, departs)
    }

    /// Returns P(departs with each level of a distribution).
    fn by_level(&self, mrs: &MrsDistribution, departs: impl Fn(f64) -> f64) -> [f64; LEVELS] {
        let cumulative = mrs.cumulative();
        let mut before = 0.0;
        std::array::from_fn(|level| {
            let end = cumulative.get(level).map_or(REACH, |&p| logit(p));
            // Two integrals of nearly the same range may come in the wrong order by a rounding
            // error.
            let below = self.below(end, &departs).max(before);
            let here = below - before;
            before = below;
            here
        })
    }
}

/// Integrates part(x) f(x) dx from `low` to `high` with the density f of the standard logistic
/// distribution.
fn mass(low: f64, high: f64, part: impl Fn(f64) -> f64) -> f64 {
    if high <= low {
        return 0.0;
    }
    static RULE: LazyLock<GaussLegendre> = LazyLock::new(|| GaussLegendre::new(NODES));
    // Unit by unit, so that the rule misses neither the density's peak nor a steep part.
    let pieces = (high - low).ceil();
    let width = (high - low) / pieces;
    (0..pieces as usize)
        .map(|k| {
            let from = low + k as f64 * width;
            RULE.on(from, from + width)
                .map(|(x, weight)| {
                    let p = logistic(x);
                    weight * p * logistic(-x) * part(x)
                })
                .sum::<f64>()
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHARES: [f64; 2] = [0.6, 0.4];

    fn departure(probability: f64, per_prognosis: f64, second: f64) -> Departure {
        Departure { probability, per_prognosis, of_stratum: vec![0.0, second] }
    }

    fn distributions() -> [MrsDistribution; 2] {
        let control = MrsDistribution::new([4.7, 7.4, 12.9, 16.0, 24.9, 14.1, 20.0]).expect("100");
        [control, control.shifted(2.0)]
    }

    /// Sums of an arm over strata, by treatment received.
    fn totals(adherence: &Adherence, arm: Arm) -> [[f64; LEVELS]; 2] {
        let mut out = [[0.0; LEVELS]; 2];
        for (stratum, share) in SHARES.iter().enumerate() {
            let expected = adherence.expected(arm, stratum, &distributions());
            for (sum, p) in out.iter_mut().flatten().zip(expected.iter().flatten()) {
                *sum += share * p;
            }
        }
        out
    }

    /// The departed of a level are the integral over the level's own part of the latent scale, with
    /// ends in one unit or far apart.
    #[test]
    fn the_departed_of_a_level_are_the_integral_over_the_level() {
        let departures =
            [departure(0.2, -2.0, 0.5), departure(0.1, 3.0, 1.0), departure(0.05, -1.0, 0.0)];
        let adherence = Adherence::new(&departures, &SHARES);
        let mrs =
            MrsDistribution::new([1e-9, 0.3, 0.0, 0.001, 0.6, 0.098_999_999, 0.0]).expect("1");
        for (arm, stratum) in [(Arm::Control, 0), (Arm::Control, 1), (Arm::Experimental, 1)] {
            let departs = |latent: f64| adherence.departs(arm, stratum, latent);
            let found = adherence.departed[arm.index()][stratum].by_level(&mrs, departs);
            let mut low = -REACH;
            for (level, found) in found.into_iter().enumerate() {
                let high = mrs.cumulative().get(level).map_or(REACH, |&p| logit(p));
                let high = high.clamp(-REACH, REACH);
                let expected = mass(low, high, departs);
                assert!((found - expected).abs() < 1e-14, "{level} {found} {expected}");
                low = high;
            }
        }
    }

    #[test]
    fn the_stated_shares_of_the_arms_depart() {
        let departures =
            [departure(0.1, -1.0, 0.5), departure(0.09, 0.8, -0.3), departure(0.05, -0.4, 0.0)];
        let adherence = Adherence::new(&departures, &SHARES);
        let [stays, crosses] = totals(&adherence, Arm::Control).map(|mrs| mrs.iter().sum::<f64>());
        assert!((crosses - 0.1).abs() < 1e-9 && (stays - 0.9).abs() < 1e-9, "{crosses}");
        // Refused by 0.09, and failed access in 0.05 of the others: 1 − 0.91·0.95.
        let [control, treated] =
            totals(&adherence, Arm::Experimental).map(|mrs| mrs.iter().sum::<f64>());
        assert!((control + treated - 1.0).abs() < 1e-9);
        assert!((control - 0.1355).abs() < 1e-9, "{control}");
    }

    /// Both depend on prognosis and factors, in the same or in opposite directions, or on factors
    /// alone. Stated shares r of all and a of those who do not refuse leave (1 − r)(1 − a) with the
    /// treatment of their arm, by the definition of a conditional probability.
    #[test]
    fn access_fails_in_the_stated_share_of_patients_who_do_not_refuse() {
        let none = departure(0.0, 0.0, 0.0);
        for (refusal, access) in [
            (departure(0.08, -2.0, 0.0), departure(0.06, -2.0, 0.0)),
            (departure(0.3, -2.0, 1.0), departure(0.2, 1.5, -1.0)),
            (departure(0.4, 0.0, 3.0), departure(0.25, 0.0, -3.0)),
            (departure(0.4, 0.0, 0.0), departure(0.25, -1.0, 2.0)),
        ] {
            let stays = (1.0 - refusal.probability) * (1.0 - access.probability);
            let adherence = Adherence::new(&[none.clone(), refusal, access], &SHARES);
            let [_, treated] = totals(&adherence, Arm::Experimental);
            let treated: f64 = treated.iter().sum();
            assert!((treated - stays).abs() < 1e-9, "{treated} {stays}");
        }
    }

    /// Crossover of a tenth, independent of prognosis: 0.9·25 % + 0.1·40 % = 26.5 %.
    #[test]
    fn crossover_mixes_the_arms() {
        let none = departure(0.0, 0.0, 0.0);
        let adherence = Adherence::new(&[departure(0.1, 0.0, 0.0), none.clone(), none], &SHARES);
        let mrs = totals(&adherence, Arm::Control);
        let good: f64 = mrs.iter().map(|mrs| mrs[..3].iter().sum::<f64>()).sum();
        assert!((good - 0.265).abs() < 1e-10, "{good}");
        let untouched = totals(&adherence, Arm::Experimental);
        assert!((untouched[1].iter().sum::<f64>() - 1.0).abs() < 1e-10);
    }

    fn share_independent(mrs: &[f64; LEVELS]) -> f64 {
        mrs[..3].iter().sum::<f64>() / mrs.iter().sum::<f64>()
    }

    /// Patients with a poor prognosis cross over: among them the experimental treatment looks worse
    /// than it is.
    #[test]
    fn departures_by_prognosis_are_selective() {
        let none = departure(0.0, 0.0, 0.0);
        let crossover = departure(0.2, -2.0, 0.0);
        let adherence = Adherence::new(&[crossover, none.clone(), none], &SHARES);
        let [stays, crosses] = totals(&adherence, Arm::Control);
        assert!(
            share_independent(&stays) > 0.29 && share_independent(&crosses) < 0.20,
            "{} {}",
            share_independent(&stays),
            share_independent(&crosses)
        );
        let quantiles = [0.01, 0.99].map(|quantile| {
            let received = |u: f64| {
                let received = adherence.draw(Arm::Control, 0, quantile, [u, 0.0]);
                received == Received::Other
            };
            (0..1000).filter(|&i| received(f64::from(i) / 1000.0)).count()
        });
        assert!(quantiles[0] < 20 && quantiles[1] > 600, "{quantiles:?}");
    }
}
