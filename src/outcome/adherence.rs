//! Who does not get the treatment of their arm.
//!
//! logit P(departure) = a + the log odds of the patient's factor levels + b·w, where w is the patient's
//! own prognosis among patients of the same arm, stratum, centre and time: the rank of the outcome they
//! are to have, as a standard logistic score scaled to standard deviation 1, above 0 for a better one.
//! The intercept a is such that the stated share departs, of the patients to whom it may happen: all
//! patients of the arm for crossover and refusal, those who do not refuse for failed access. Patients
//! who refuse may be those who are hard to reach, so the two conditions differ where both departures
//! depend on prognosis or factors.

use std::sync::LazyLock;

use super::{LEVELS, MrsDistribution};
use crate::num::quadrature::GaussLegendre;
use crate::num::root::brent;
use crate::num::{logistic, logit};
use crate::outcome::procedural::latent;
use crate::randomisation::Arm;

/// A way to depart from the treatment of one's arm.
#[derive(Debug, Clone, PartialEq)]
pub struct Departure {
    /// Share of the patients to whom it may happen, in [0, 1]; below 1 where it depends on anything.
    /// Failed access may happen to those who do not refuse.
    pub probability: f64,
    /// Log odds per standard deviation of prognosis.
    pub per_prognosis: f64,
    /// Log odds of each stratum.
    pub of_stratum: Vec<f64>,
}

/// Departures of both arms.
#[derive(Debug, Clone, PartialEq)]
pub struct Adherence {
    /// Of control patients, who then get the experimental treatment.
    crossover: Rule,
    /// Of experimental patients, who then get the control treatment.
    refusal: Rule,
    /// Of those who do not refuse, with the same end.
    failed_access: Rule,
    /// Those who depart up to a prognosis, by arm and stratum; none of an arm that departs by chance.
    departed: [Vec<Departed>; 2],
}

/// What was to happen and did not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Received {
    /// The treatment of the arm.
    AsAllocated,
    /// The other arm's.
    Other,
}

impl Received {
    /// The arm whose treatment it is.
    #[inline]
    pub fn arm(self, allocated: Arm) -> Arm {
        match (self, allocated) {
            (Self::AsAllocated, arm) => arm,
            (Self::Other, Arm::Control) => Arm::Experimental,
            (Self::Other, Arm::Experimental) => Arm::Control,
        }
    }
}

/// A departure with its intercepts.
#[derive(Debug, Clone, PartialEq)]
struct Rule {
    /// Log odds of each stratum at an average prognosis; −∞ where nobody departs.
    log_odds: Vec<f64>,
    per_latent: f64,
}

/// The standard deviation of a standard logistic variable, π/√3.
const LOGISTIC_SD: f64 = 1.813_799_364_234_217_8;

/// Beyond this a logistic variable lies with a probability of 1e-17.
const REACH: f64 = 39.0;

/// Nodes per unit of the logistic scale.
const NODES: usize = 40;

impl Adherence {
    /// Solves the intercepts for the shares of the strata.
    pub fn new([crossover, refusal, failed_access]: &[Departure; 3], shares: &[f64]) -> Self {
        let refusal = Rule::new(refusal, shares, None);
        let mut adherence = Self {
            crossover: Rule::new(crossover, shares, None),
            failed_access: Rule::new(failed_access, shares, Some(&refusal)),
            refusal,
            departed: [Vec::new(), Vec::new()],
        };
        adherence.departed = [Arm::Control, Arm::Experimental].map(|arm| {
            let strata = if adherence.is_by_chance(arm) { 0 } else { shares.len() };
            let of_stratum = |stratum| Departed::new(|x| adherence.departs(arm, stratum, x));
            (0..strata).map(of_stratum).collect()
        });
        adherence
    }

    /// P(a patient of the arm and stratum departs); `latent` is that of the outcome they are to have.
    fn departs(&self, arm: Arm, stratum: usize, latent: f64) -> f64 {
        match arm {
            Arm::Control => self.crossover.probability(stratum, latent),
            Arm::Experimental => {
                let stays = 1.0 - self.refusal.probability(stratum, latent);
                1.0 - stays * (1.0 - self.failed_access.probability(stratum, latent))
            }
        }
    }

    /// Whether departures of the arm have nothing to do with prognosis.
    fn is_by_chance(&self, arm: Arm) -> bool {
        match arm {
            Arm::Control => self.crossover.is_by_chance(),
            Arm::Experimental => self.refusal.is_by_chance() && self.failed_access.is_by_chance(),
        }
    }

    /// What a patient receives; `quantile` is that of the outcome they are to have, and the two draws
    /// are uniform in [0, 1).
    #[inline]
    pub fn draw(&self, (arm, stratum): (Arm, usize), quantile: f64, draws: [f64; 2]) -> Received {
        let latent = latent(quantile);
        let departs = match arm {
            Arm::Control => draws[0] < self.crossover.probability(stratum, latent),
            Arm::Experimental => {
                draws[0] < self.refusal.probability(stratum, latent)
                    || draws[1] < self.failed_access.probability(stratum, latent)
            }
        };
        if departs { Received::Other } else { Received::AsAllocated }
    }

    /// P(mRS = j and received treatment), by treatment received, of patients of an arm and stratum;
    /// `mrs` are the distributions under control and experimental treatment.
    pub fn expected(
        &self,
        (arm, stratum): (Arm, usize),
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
                let departs = |latent: f64| self.departs(arm, stratum, latent);
                let depart = departed.by_level(&mrs[arm.index()], departs);
                let all = mrs[arm.index()].probabilities();
                // Where all depart, rounding may leave fewer than none.
                out[arm.index()] = std::array::from_fn(|j| (all[j] - depart[j]).max(0.0));
                out[other.index()] = departed.by_level(&mrs[other.index()], departs);
            }
        }
        out
    }
}

impl Rule {
    /// Solves the intercept such that the stated share departs, of all patients or of those to whom
    /// nothing happened `before`.
    fn new(departure: &Departure, shares: &[f64], before: Option<&Self>) -> Self {
        let Departure { probability, per_prognosis, of_stratum } = departure;
        // A small quantile is a good outcome.
        let per_latent = -per_prognosis / LOGISTIC_SD;
        let rule = |intercept: f64| Self {
            log_odds: of_stratum.iter().map(|log_odds| log_odds + intercept).collect(),
            per_latent,
        };
        if *probability == 0.0 {
            return rule(f64::NEG_INFINITY);
        }
        let start = logit(*probability);
        if rule(start).is_by_chance() && of_stratum.iter().all(|log_odds| *log_odds == 0.0) {
            return rule(start);
        }
        // Where everybody is as likely to remain, those who do are like all patients.
        let before = before.filter(|before| !before.is_alike());
        let largest = of_stratum.iter().map(|log_odds| log_odds.abs()).fold(0.0, f64::max);
        let reach = largest + REACH * per_latent.abs() + 1.0;
        // Strata with the same log odds depart alike.
        let mut alike: Vec<(usize, f64)> = Vec::new();
        for (stratum, share) in shares.iter().enumerate() {
            let log_odds = |stratum: usize| {
                (of_stratum[stratum], before.map(|before| before.log_odds[stratum]))
            };
            let is_alike = |(other, _): &&mut (usize, f64)| log_odds(*other) == log_odds(stratum);
            match alike.iter_mut().find(is_alike) {
                Some((_, sum)) => *sum += share,
                None => alike.push((stratum, *share)),
            }
        }
        let remaining = before.map_or(1.0, |_| in_all(&alike, |s, x| remains(before, s, x)));
        let miss = |intercept: f64| {
            let rule = rule(intercept);
            let departed = in_all(&alike, |s, x| remains(before, s, x) * rule.probability(s, x));
            departed - probability * remaining
        };
        let intercept = brent(miss, start - reach, start + reach);
        rule(intercept.expect("so far away nobody departs, or everybody does"))
    }

    /// Whether it is as likely for every patient.
    fn is_alike(&self) -> bool {
        self.is_by_chance() && self.log_odds.iter().all(|log_odds| *log_odds == self.log_odds[0])
    }

    /// Whether it has nothing to do with prognosis.
    fn is_by_chance(&self) -> bool {
        self.per_latent == 0.0
    }

    #[inline]
    fn probability(&self, stratum: usize, latent: f64) -> f64 {
        logistic(self.log_odds[stratum] + self.per_latent * latent)
    }
}

/// P(a patient of a stratum at a latent prognosis does not depart by an earlier rule); 1 without one.
fn remains(before: Option<&Rule>, stratum: usize, latent: f64) -> f64 {
    before.map_or(1.0, |before| 1.0 - before.probability(stratum, latent))
}

/// Part of all patients, from that of the patients of a stratum at a latent prognosis; strata that are
/// alike stand once, with the share of all of them.
fn in_all(strata: &[(usize, f64)], part: impl Fn(usize, f64) -> f64) -> f64 {
    let of_stratum = |s: usize| mass(-REACH, REACH, |latent| part(s, latent));
    strata.iter().map(|&(stratum, share)| share * of_stratum(stratum)).sum()
}

/// P(a patient of an arm and stratum departs and has a latent score below −[`REACH`] + k), for k = 0,
/// 1, …: whatever the levels of the outcome are, those who depart in each are differences of these, but
/// for the parts of a unit at its ends.
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

    /// P(departs with a latent score below `latent`).
    fn below(&self, latent: f64, departs: impl Fn(f64) -> f64) -> f64 {
        let Self(below) = self;
        let latent = latent.clamp(-REACH, REACH);
        let unit = (latent + REACH).floor();
        below[unit as usize] + mass(unit - REACH, latent, departs)
    }

    /// P(departs with each level of a distribution).
    fn by_level(&self, mrs: &MrsDistribution, departs: impl Fn(f64) -> f64) -> [f64; LEVELS] {
        let cumulative = mrs.cumulative();
        let mut before = 0.0;
        std::array::from_fn(|level| {
            let end = cumulative.get(level).map_or(REACH, |&p| logit(p));
            let below = self.below(end, &departs).max(before);
            let here = below - before;
            before = below;
            here
        })
    }
}

/// ∫ part(x) f(x) dx with the density of the standard logistic distribution.
fn mass(low: f64, high: f64, part: impl Fn(f64) -> f64) -> f64 {
    if high <= low {
        return 0.0;
    }
    // Unit by unit, so that neither the density's peak nor a steep part is passed over.
    let pieces = (high - low).ceil();
    static RULE: LazyLock<GaussLegendre> = LazyLock::new(|| GaussLegendre::new(NODES));
    let width = (high - low) / pieces;
    let piece = |k: usize| {
        let from = low + k as f64 * width;
        RULE.on(from, from + width)
            .map(|(x, weight)| {
                let p = logistic(x);
                weight * p * logistic(-x) * part(x)
            })
            .sum::<f64>()
    };
    (0..pieces as usize).map(piece).sum()
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
            let expected = adherence.expected((arm, stratum), &distributions());
            for (sum, p) in out.iter_mut().flatten().zip(expected.iter().flatten()) {
                *sum += share * p;
            }
        }
        out
    }

    /// Those of a level who depart are the integral over the level's own part of the latent scale,
    /// whether its ends fall in one unit or far apart.
    #[test]
    fn the_departed_of_a_level_are_its_own_integral() {
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
    fn the_stated_shares_depart() {
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

    /// Both go with prognosis and factors, alike or in opposite directions, or refusal alone by
    /// factors. Stated shares r of all and a of those who do not refuse leave (1 − r)(1 − a) with the
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

    /// Crossover of a tenth, whatever the prognosis: 0.9·25 % + 0.1·40 % = 26.5 %.
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

    /// Those of a poor prognosis cross over: among them the experimental treatment looks worse than it
    /// is.
    #[test]
    fn departures_by_prognosis_are_selective() {
        let none = departure(0.0, 0.0, 0.0);
        let crossover = departure(0.2, -2.0, 0.0);
        let adherence = Adherence::new(&[crossover, none.clone(), none], &SHARES);
        let [stays, crosses] = totals(&adherence, Arm::Control);
        let good = |mrs: &[f64; LEVELS]| mrs[..3].iter().sum::<f64>() / mrs.iter().sum::<f64>();
        assert!(
            good(&stays) > 0.29 && good(&crosses) < 0.20,
            "{} {}",
            good(&stays),
            good(&crosses)
        );
        let quantiles = [0.01, 0.99].map(|quantile| {
            let received = |u: f64| {
                let received = adherence.draw((Arm::Control, 0), quantile, [u, 0.0]);
                received == Received::Other
            };
            (0..1000).filter(|&i| received(f64::from(i) / 1000.0)).count()
        });
        assert!(quantiles[0] < 20 && quantiles[1] > 600, "{quantiles:?}");
    }
}
