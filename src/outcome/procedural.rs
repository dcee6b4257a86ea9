//! The mRS that follows a procedure.
//!
//! P(mRS ≤ j) = logistic(δ_j + η) for those whose complications were not fatal; fatal ones have
//! mRS 6, which odds that are proportional could not give. η adds up what passes, an open vessel,
//! a stent, complications, baseline factors and latent difficulty do; δ_j is the shape of the scale
//! with δ_2 = 0, so that η is the log odds of functional independence.

use super::flow::Flow;
use super::{LEVELS, Mrs, MrsDistribution, shares_between};
use crate::num::log::ln_normal;
use crate::num::{logistic, logit};
use crate::population::Population;
use crate::procedure::{Course, Procedure, State, WeightedState};
use crate::randomisation::Arm;

/// What η is made of, in log odds of a better outcome.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Coefficients {
    /// Without passes, with a closed vessel, no complication, average difficulty.
    pub intercept: f64,
    /// Of every pass.
    pub per_pass: f64,
    /// Of a vessel open at follow-up.
    pub open_vessel: f64,
    /// Of a stent, open or not.
    pub stenting: f64,
    /// Of symptomatic haemorrhage.
    pub haemorrhage: f64,
    /// Of perforation or dissection.
    pub perforation: f64,
    /// Of one standard deviation of difficulty, taken away.
    pub difficulty: f64,
}

/// The logit of a uniform draw from [0, 1): the scale on which a patient's rank among alike patients
/// is compared with δ_j + η. That of 0 is finite.
#[inline]
pub fn latent(uniform: f64) -> f64 {
    let u = uniform.max(1e-18);
    ln_normal(u / (1.0 - u))
}

/// What a patient brings from the procedure.
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
    /// η of a patient of average difficulty without baseline factors.
    pub(super) fn log_odds(&self, exposure: &Exposure) -> f64 {
        let if_so = |so: bool, log_odds: f64| if so { log_odds } else { 0.0 };
        self.intercept
            + self.per_pass * exposure.passes
            + if_so(exposure.open_vessel, self.open_vessel)
            + if_so(exposure.stented, self.stenting)
            + if_so(exposure.haemorrhage, self.haemorrhage)
            + if_so(exposure.perforation, self.perforation)
    }
}

/// Procedure and outcome of both arms.
#[derive(Debug, Clone)]
pub struct ProceduralModel {
    procedure: Procedure,
    deltas: [f64; LEVELS - 1],
    coefficients: Coefficients,
    /// η of each state, but for difficulty and stratum.
    of_state: Vec<f64>,
    /// Log odds of each class of difficulty.
    of_class: Vec<f64>,
    /// Log odds of each stratum.
    of_stratum: Vec<f64>,
    /// Shares of the different prognoses, each once.
    prognoses: Vec<(f64, f64)>,
    /// (log odds, share) of centre and time.
    circumstances: Vec<(f64, f64)>,
}

impl ProceduralModel {
    /// `shape` gives the δ_j; its P(mRS 0–2) must be inside (0, 1).
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
            match prognoses.iter_mut().find(|(_, other)| *other == log_odds) {
                Some((sum, _)) => *sum += share,
                None => prognoses.push((share, log_odds)),
            }
        }
        Self {
            deltas: cumulative.map(|p| logit(p) - independent),
            coefficients,
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

    /// The same for patients with these (log odds, share) of centre and time, which expected figures
    /// are averaged over.
    pub fn in_circumstances(self, circumstances: &[(f64, f64)]) -> Self {
        Self { circumstances: circumstances.to_vec(), ..self }
    }

    /// These (share, log odds) in all circumstances.
    fn in_all(&self, prognoses: &[(f64, f64)]) -> Vec<(f64, f64)> {
        let with = |(share, prognosis): &(f64, f64)| {
            let (share, prognosis) = (*share, *prognosis);
            let circumstances = self.circumstances.iter();
            circumstances.map(move |(log_odds, part)| (share * part, prognosis + log_odds))
        };
        prognoses.iter().flat_map(with).collect()
    }

    /// The procedure.
    pub fn procedure(&self) -> &Procedure {
        &self.procedure
    }

    /// The same patients if nobody crossed over.
    pub fn without_crossover(&self) -> Self {
        Self { procedure: self.procedure.without_crossover(), ..self.clone() }
    }

    /// The same patients under another procedure, in a centre of average outcomes.
    pub fn with_procedure(&self, procedure: Procedure) -> Self {
        Self { procedure, circumstances: vec![(0.0, 1.0)], ..self.clone() }
    }

    /// The mRS of a patient; `latent` is the logit of a uniform draw, less what centre and time add
    /// to η, and a small one is a good outcome.
    #[inline]
    pub fn draw(&self, state: &State, class: u8, stratum: usize, latent: f64) -> Mrs {
        if state.fatal {
            return Mrs::DEAD;
        }
        let eta = self.of_state[state.index()] + self.of_class[usize::from(class)];
        let at = latent - (eta + self.of_stratum[stratum]);
        Mrs(self.deltas.iter().map(|&delta| u8::from(at >= delta)).sum())
    }

    /// The distribution of the mRS after a procedure that left this state, of patients with these
    /// shares of prognoses.
    fn distribution(&self, weighted: &WeightedState, prognoses: &[(f64, f64)]) -> [f64; LEVELS] {
        let mut out = [0.0; LEVELS];
        if weighted.state.fatal {
            out[Mrs::DEAD.index()] = 1.0;
            return out;
        }
        let eta = self.of_state[weighted.state.index()] + self.of_class[weighted.class];
        shares_between(self.deltas.map(|delta| {
            let of = |(share, prognosis): &(f64, f64)| share * logistic(delta + eta + prognosis);
            prognoses.iter().map(of).sum()
        }))
    }

    /// P(mRS 0–2) for those without a fatal complication at η = `log_odds` plus class and stratum.
    pub(super) fn independence(&self, log_odds: f64, class: usize) -> f64 {
        let eta = log_odds + self.of_class[class];
        let of_prognosis = |(share, prognosis): &(f64, f64)| {
            let circumstances = self.circumstances.iter();
            let mean = circumstances.map(|(b, part)| part * logistic(eta + prognosis + b));
            share * mean.sum::<f64>()
        };
        self.prognoses.iter().map(of_prognosis).sum()
    }

    /// What η is made of.
    pub(super) fn coefficients(&self) -> &Coefficients {
        &self.coefficients
    }

    /// The distribution of the mRS in each stratum of an arm.
    pub fn by_stratum(&self, arm: Arm) -> Vec<[f64; LEVELS]> {
        let course = self.procedure.course(arm);
        let in_stratum = |&prognosis: &f64| {
            let mut out = [0.0; LEVELS];
            let prognoses = self.in_all(&[(1.0, prognosis)]);
            for weighted in &course.states {
                for (sum, p) in out.iter_mut().zip(self.distribution(weighted, &prognoses)) {
                    *sum += p * weighted.probability;
                }
            }
            out
        };
        self.of_stratum.iter().map(in_stratum).collect()
    }

    /// The probability of every state and mRS of an arm's patients, by enumeration.
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
