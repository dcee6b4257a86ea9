//! Outcome after a procedure.
//!
//! P(mRS ≤ j) = logistic(δ_j + η) for patients without a fatal complication; fatal ones have mRS 6,
//! which a model with proportional odds could not give. η is the sum of the effects of passes, an
//! open vessel, a stent, complications, baseline factors and latent difficulty; δ_j is the shape of
//! the scale with δ_2 = 0, so that η is the log odds of functional independence.

use super::flow::Flow;
use super::{LEVELS, Mrs, MrsDistribution, shares_between};
use crate::num::log::ln_normal;
use crate::num::{logistic, logit};
use crate::population::Population;
use crate::procedure::{Course, Procedure, State, WeightedState};
use crate::randomisation::Arm;

/// Terms of η, in log odds of a better outcome.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Coefficients {
    /// Value without passes, with a closed vessel, no complication and average difficulty.
    pub intercept: f64,
    /// Effect of every pass.
    pub per_pass: f64,
    /// Effect of a vessel open at follow-up.
    pub open_vessel: f64,
    /// Effect of a stent, open or not.
    pub stenting: f64,
    /// Effect of symptomatic haemorrhage.
    pub haemorrhage: f64,
    /// Effect of perforation or dissection.
    pub perforation: f64,
    /// Loss by one standard deviation of difficulty.
    pub difficulty: f64,
}

/// Returns the logit of a uniform draw from [0, 1), finite for a draw of 0.
///
/// A patient's rank among similar patients is compared with δ_j + η on this scale.
#[inline]
pub fn latent(uniform: f64) -> f64 {
    // Below the smallest draw above 0, 2⁻⁵³, and far enough from it to keep the order of draws.
    let u = uniform.max(1e-18);
    ln_normal(u / (1.0 - u))
}

/// Results of the procedure that the outcome depends on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Exposure {
    pub passes: f64,
    pub open_vessel: bool,
    pub stented: bool,
    pub haemorrhage: bool,
    pub perforation: bool,
}

impl From<State> for Exposure {
    fn from(state: State) -> Self {
        Self {
            passes: f64::from(state.passes),
            open_vessel: state.end.is_open(),
            stented: state.end.is_stented(),
            haemorrhage: state.haemorrhage,
            perforation: state.perforation,
        }
    }
}

impl Coefficients {
    /// Returns η of a patient of average difficulty without baseline factors.
    pub(super) fn log_odds(&self, exposure: &Exposure) -> f64 {
        let mut log_odds = self.intercept + self.per_pass * exposure.passes;
        for (has, effect) in [
            (exposure.open_vessel, self.open_vessel),
            (exposure.stented, self.stenting),
            (exposure.haemorrhage, self.haemorrhage),
            (exposure.perforation, self.perforation),
        ] {
            log_odds += if has { effect } else { 0.0 };
        }
        log_odds
    }
}

/// Procedure and outcome of both arms.
#[derive(Debug, Clone)]
pub struct ProceduralModel {
    procedure: Procedure,
    deltas: [f64; LEVELS - 1],
    coefficients: Coefficients,
    /// η of each state without difficulty and stratum.
    of_state: Vec<f64>,
    /// Log odds of each class of difficulty.
    of_class: Vec<f64>,
    /// Log odds of each stratum.
    of_stratum: Vec<f64>,
    /// Share and log odds of each different prognosis.
    // Strata with equal log odds count once: enumeration takes as many logistic functions.
    prognoses: Vec<(f64, f64)>,
    /// Log odds of centre and time, each with its share.
    circumstances: Vec<(f64, f64)>,
}

impl ProceduralModel {
    /// Constructs the model; `shape` determines the δ_j, and its P(mRS 0–2) must be inside (0, 1).
    pub fn new(
        procedure: Procedure,
        shape: &MrsDistribution,
        coefficients: Coefficients,
        population: &Population,
    ) -> Self {
        let cumulative = shape.cumulative();
        let independent = logit(cumulative[Mrs::INDEPENDENT.index()]);
        let mut prognoses: Vec<(f64, f64)> = Vec::new();
        for (share, log_odds) in population.prognosis() {
            // By exact equality: sums that differ by rounding stay apart, which costs time and
            // changes no result.
            match prognoses.iter_mut().find(|(_, other)| *other == log_odds) {
                Some((sum, _)) => *sum += share,
                None => prognoses.push((share, log_odds)),
            }
        }
        Self {
            // Infinite for a cut that all or none of the patients are at or below, as without
            // deaths: every finite score is then on one side of it, and its logistic is 1 or 0.
            deltas: cumulative.map(|p| logit(p) - independent),
            coefficients,
            // Tabulated, as it is needed for every patient.
            of_state: (0..State::COUNT)
                .map(|index| coefficients.log_odds(&State::from_index(index).into()))
                .collect(),
            of_class: procedure.difficulties().map(|z| -coefficients.difficulty * z).collect(),
            of_stratum: population.prognosis().map(|(_, log_odds)| log_odds).collect(),
            prognoses,
            circumstances: vec![(0.0, 1.0)],
            procedure,
        }
    }

    /// Returns the model with these log odds of centre and time, each with its share, over which
    /// expected quantities are averaged.
    pub fn in_circumstances(self, circumstances: &[(f64, f64)]) -> Self {
        Self { circumstances: circumstances.to_vec(), ..self }
    }

    /// Combines these (share, log odds) with all circumstances.
    fn in_all(&self, prognoses: &[(f64, f64)]) -> Vec<(f64, f64)> {
        let mut all = Vec::with_capacity(prognoses.len() * self.circumstances.len());
        for (share, prognosis) in prognoses {
            for (log_odds, part) in &self.circumstances {
                all.push((share * part, prognosis + log_odds));
            }
        }
        all
    }

    /// Returns the procedure.
    pub fn procedure(&self) -> &Procedure {
        &self.procedure
    }

    /// Returns the model without crossover.
    pub fn without_crossover(&self) -> Self {
        Self { procedure: self.procedure.without_crossover(), ..self.clone() }
    }

    /// Returns the model with another procedure, in a centre of average outcomes.
    pub fn with_procedure(&self, procedure: Procedure) -> Self {
        Self { procedure, circumstances: vec![(0.0, 1.0)], ..self.clone() }
    }

    /// Returns the mRS of a patient; `latent` is the logit of a uniform draw less the log odds of
    /// centre and time, and a small one is a good outcome.
    #[inline]
    pub fn draw(&self, state: &State, class: u8, stratum: usize, latent: f64) -> Mrs {
        if state.fatal {
            return Mrs::DEAD;
        }
        let eta = self.of_state[state.index()] + self.of_class[usize::from(class)];
        let at = latent - (eta + self.of_stratum[stratum]);
        // Counts the cuts at or below the score, as a branch could not be predicted.
        Mrs(self.deltas.iter().map(|&delta| u8::from(at >= delta)).sum())
    }

    /// Returns the distribution of the mRS after a procedure with this state, among patients with
    /// these shares of prognoses.
    fn distribution(&self, weighted: &WeightedState, prognoses: &[(f64, f64)]) -> [f64; LEVELS] {
        let mut out = [0.0; LEVELS];
        if weighted.state.fatal {
            out[Mrs::DEAD.index()] = 1.0;
            return out;
        }
        let eta = self.of_state[weighted.state.index()] + self.of_class[weighted.class];
        shares_between(self.deltas.map(|delta| {
            prognoses
                .iter()
                .map(|(share, prognosis)| share * logistic(delta + eta + prognosis))
                .sum()
        }))
    }

    /// Computes P(mRS 0–2) of patients without a fatal complication at η = `log_odds` plus class
    /// and stratum.
    pub(super) fn independence(&self, log_odds: f64, class: usize) -> f64 {
        let eta = log_odds + self.of_class[class];
        self.prognoses
            .iter()
            .map(|(share, prognosis)| {
                let circumstances = self.circumstances.iter();
                let mean = circumstances.map(|(b, part)| part * logistic(eta + prognosis + b));
                share * mean.sum::<f64>()
            })
            .sum()
    }

    /// Returns the terms of η.
    pub(super) fn coefficients(&self) -> &Coefficients {
        &self.coefficients
    }

    /// Computes the distribution of the mRS in each stratum of an arm, by enumeration.
    pub fn by_stratum(&self, arm: Arm) -> Vec<[f64; LEVELS]> {
        let course = self.procedure.course(arm);
        let mut by_stratum = Vec::with_capacity(self.of_stratum.len());
        for &prognosis in &self.of_stratum {
            let mut mrs = [0.0; LEVELS];
            let prognoses = self.in_all(&[(1.0, prognosis)]);
            for weighted in &course.states {
                for (sum, p) in mrs.iter_mut().zip(self.distribution(weighted, &prognoses)) {
                    *sum += p * weighted.probability;
                }
            }
            by_stratum.push(mrs);
        }
        by_stratum
    }

    /// Computes the probability of every state and mRS of an arm's patients, by enumeration.
    pub fn expected(&self, arm: Arm) -> Flow {
        let Course { states, attempts, reperfusions } = self.procedure.course(arm);
        let mut flow = Flow::default();
        let prognoses = self.in_all(&self.prognoses);
        for weighted in &states {
            for (mrs, p) in self.distribution(weighted, &prognoses).into_iter().enumerate() {
                flow.add(&weighted.state, Mrs(mrs as u8), p * weighted.probability);
            }
        }
        flow.set_passes(attempts, reperfusions);
        flow
    }
}
