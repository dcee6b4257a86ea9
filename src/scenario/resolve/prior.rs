//! The prior, in numbers or from published evidence.

use super::super::Outcomes;
use super::super::error::Rejection;
use super::super::file::{self, CountedEvent};
use super::super::problems::{conflicts, unknown};
use super::super::published::{PublishedEvidence, PublishedOutcome};
use super::{Checked, Reported, Resolver};
use crate::evidence::prior::{Component, EffectPrior};
use crate::evidence::{METHODS, NamedMethod, Pooled, PoolingMethod, pool};

/// The largest mean and standard deviation that a scenario may state. Evidence is held to them too, so
/// that what `check` writes in its place can be read again.
const WIDEST: f64 = 10.0;

/// A prior without the files that it is from.
pub(super) struct ResolvedPrior {
    /// The prior in numbers, for the file.
    pub written: file::WrittenPrior,
    pub prior: EffectPrior,
}

impl Resolver<'_> {
    /// Reads the prior; `None` if there is none.
    pub(super) fn prior(&mut self, outcomes: Option<&Outcomes>) -> Checked<Option<ResolvedPrior>> {
        let Some(written) = &self.file.prior else { return Ok(None) };
        if matches!(self.file.outcome, file::WrittenOutcome::AfterProcedure(_)) {
            return self.fail("prior", "conflicts with [procedure], whose strategies make the effect; allowed: with a stated outcome");
        }
        // An odds ratio moves patients between levels; with one level there is nowhere to move.
        if let Some(Outcomes::Stated(models)) = outcomes
            && models[0].marginal()[0].is_one_level()
        {
            return self.fail("prior", "shifts nothing: all of the control arm have the same mRS; allowed: a control arm with two levels or more");
        }
        self.effect_prior("prior", written).map(Some)
    }

    /// Reads the components of a prior at a path.
    pub(super) fn effect_prior(
        &mut self,
        path: &str,
        written: &file::WrittenPrior,
    ) -> Checked<ResolvedPrior> {
        // Collected first, so that the problems of all are reported.
        let components: Vec<Checked<file::PriorComponent>> = written
            .components
            .iter()
            .enumerate()
            .map(|(index, component)| {
                self.component(&format!("{path}.components[{index}]"), component)
            })
            .collect();
        let components = components.into_iter().collect::<Checked<Vec<_>>>()?;
        let in_numbers = components.iter().map(|component| {
            let file::LogOddsRatio { mean, sd, degrees_of_freedom } = component.log_odds_ratio?;
            Some(Component { weight: component.weight, mean, sd, degrees_of_freedom })
        });
        let prior = EffectPrior::new(in_numbers.collect::<Option<_>>().ok_or(Reported)?);
        Ok(ResolvedPrior { written: file::WrittenPrior { components }, prior })
    }

    /// Returns a component with the numbers of its evidence in place of the name of the file.
    fn component(
        &mut self,
        at: &str,
        written: &file::PriorComponent,
    ) -> Checked<file::PriorComponent> {
        match (&written.log_odds_ratio, &written.evidence) {
            (Some(_), None) => Ok(written.clone()),
            (None, Some(evidence)) => {
                let log_odds_ratio = self.pooled(&format!("{at}.evidence"), evidence)?;
                // The author's words first, then what the program knows of the file.
                let source = written.source.iter().cloned().chain([origin(evidence)]);
                Ok(file::PriorComponent {
                    weight: written.weight,
                    log_odds_ratio: Some(log_odds_ratio),
                    evidence: None,
                    source: Some(source.collect::<Vec<_>>().join("; ")),
                })
            }
            (Some(_), Some(_)) => {
                self.fail(&format!("{at}.evidence"), conflicts(&format!("{at}.log_odds_ratio")))
            }
            (None, None) => self
                .fail(at, "has no distribution; expected: exactly one of log_odds_ratio, evidence"),
        }
    }

    /// Pools evidence into a distribution.
    fn pooled(&mut self, at: &str, written: &file::PooledEvidence) -> Checked<file::LogOddsRatio> {
        let method = METHODS.iter().find(|named| named.key == written.method);
        if method.is_none() {
            let keys = METHODS.map(|named| named.key);
            let message = unknown(&written.method, "a method", &keys);
            self.report(&format!("{at}.method"), message);
        }
        let evidence = match self.evidence(&written.file) {
            Ok(evidence) => evidence,
            Err(rejection) => {
                let summary = rejection.summary();
                // The file has problems of its own, which `pool` reports in full.
                let first = summary.lines().next().unwrap_or_default();
                return self.fail(&format!("{at}.file"), format!("cannot be used: {first}"));
            }
        };
        // Only now, so that a wrong method and a wrong file are both reported.
        let outcome = self.published_outcome(at, written, &evidence)?;
        let event = self.counted_event(at, written, outcome)?;
        let method = method.ok_or(Reported)?;
        let pooled = match pool(&outcome.studies, method.method) {
            Ok(pooled) => pooled,
            Err(error) => return self.fail(at, format!("cannot be pooled: {error}")),
        };
        let log_odds_ratio = match written.distribution {
            file::EvidenceOf::Mean => file::LogOddsRatio {
                mean: pooled.log_odds_ratio,
                sd: pooled.standard_error,
                degrees_of_freedom: pooled.degrees_of_freedom,
            },
            file::EvidenceOf::NewStudy => self.new_study(at, method, &pooled)?,
        };
        let file::LogOddsRatio { mean, sd, .. } = log_odds_ratio;
        if mean.abs() > WIDEST || sd > WIDEST {
            let message = format!(
                "gives a log odds ratio of {mean:.2} with a standard deviation of {sd:.2}; allowed: within ±{WIDEST} and up to {WIDEST}"
            );
            return self.fail(at, message);
        }
        Ok(match event {
            CountedEvent::Wanted => log_odds_ratio,
            // The odds of the opposite event are the reciprocal.
            CountedEvent::Unwanted => file::LogOddsRatio { mean: -mean, ..log_odds_ratio },
        })
    }

    /// Reads a file that the scenario names.
    fn evidence(&self, name: &str) -> Result<PublishedEvidence, Rejection> {
        match self.places {
            Some(places) => PublishedEvidence::load_from(places.inputs(), &places.file(name)),
            None => PublishedEvidence::load(name.as_ref()),
        }
    }

    /// Returns the predictive distribution, which needs a random effect and three studies.
    fn new_study(
        &mut self,
        at: &str,
        method: &NamedMethod,
        pooled: &Pooled,
    ) -> Checked<file::LogOddsRatio> {
        let path = format!("{at}.distribution");
        if !matches!(method.method, PoolingMethod::RandomEffects { .. }) {
            let message = format!(
                "is \"new_study\", which `{}` has no variance between studies for; allowed: a random-effects method",
                method.key
            );
            return self.fail(&path, message);
        }
        let Some(new) = pooled.prediction else {
            let message = format!(
                "is \"new_study\", from {} informative studies; allowed: three or more, which agree enough for an interval",
                pooled.studies
            );
            return self.fail(&path, message);
        };
        Ok(file::LogOddsRatio {
            mean: pooled.log_odds_ratio,
            sd: new.scale,
            degrees_of_freedom: Some(new.degrees_of_freedom),
        })
    }

    /// Returns the outcome that is named, or the only one.
    fn published_outcome<'e>(
        &mut self,
        at: &str,
        written: &file::PooledEvidence,
        evidence: &'e PublishedEvidence,
    ) -> Checked<&'e PublishedOutcome> {
        let known: Vec<&str> =
            evidence.outcomes.iter().map(|outcome| outcome.name.as_str()).collect();
        let path = format!("{at}.outcome");
        match (&written.outcome, &evidence.outcomes[..]) {
            (None, [only]) => Ok(only),
            (None, _) => {
                let known = known.join("\", \"");
                self.fail(&path, format!("is missing; allowed: \"{known}\""))
            }
            (Some(name), outcomes) => match outcomes.iter().find(|outcome| outcome.name == *name) {
                Some(outcome) => Ok(outcome),
                None => {
                    let what = format!("an outcome of {}", written.file);
                    self.fail(&path, unknown(name, &what, &known))
                }
            },
        }
    }

    /// Returns what patients want of the event, in which file and scenario must not contradict one
    /// another. An event that the file says is unwanted is turned over only if the scenario says so too,
    /// as its odds ratio would otherwise be taken for benefit unnoticed.
    fn counted_event(
        &mut self,
        at: &str,
        written: &file::PooledEvidence,
        outcome: &PublishedOutcome,
    ) -> Checked<CountedEvent> {
        let path = format!("{at}.event");
        let (file, name) = (&written.file, &outcome.name);
        match (outcome.event, written.event) {
            (Some(in_file), Some(event)) if in_file == event => Ok(event),
            (None, Some(event)) => Ok(event),
            (Some(CountedEvent::Wanted), None) => Ok(CountedEvent::Wanted),
            (Some(CountedEvent::Unwanted), None) => {
                let message = format!(
                    "is \"{name}\", which {file} says is unwanted: its odds ratio above 1 is harm; allowed: an event that patients want, or event = \"unwanted\", by which the odds ratio is turned over"
                );
                self.fail(&format!("{at}.outcome"), message)
            }
            (Some(in_file), Some(_)) => {
                let wanted = match in_file {
                    CountedEvent::Wanted => "wanted",
                    CountedEvent::Unwanted => "unwanted",
                };
                self.fail(&path, format!("contradicts {file}, which says that the event is {wanted}; allowed: \"{wanted}\""))
            }
            (None, None) => {
                let message = format!(
                    "is missing, and {file} has no column `wanted`: an odds ratio above 1 may be benefit or harm; allowed: \"wanted\", \"unwanted\""
                );
                self.fail(&path, message)
            }
        }
    }
}

/// Describes where the numbers of evidence are from.
fn origin(evidence: &file::PooledEvidence) -> String {
    let file::PooledEvidence { file, outcome, method, event, distribution } = evidence;
    let outcome = outcome.iter().map(|name| format!(" \"{name}\",")).collect::<String>();
    let turned = match event {
        Some(CountedEvent::Unwanted) => ", unwanted event turned over",
        Some(CountedEvent::Wanted) | None => "",
    };
    let of = match distribution {
        file::EvidenceOf::Mean => "",
        file::EvidenceOf::NewStudy => ", of a new study",
    };
    format!("{file},{outcome} {method}{turned}{of}")
}
