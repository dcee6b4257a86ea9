//! The prior, in numbers or from published evidence.

use super::super::file::{self, CountedEvent};
use super::Resolver;
use crate::evidence::prior::{Component, Prior};
use crate::evidence::{METHODS, NamedMethod, Pooled, PoolingMethod, pool};
use crate::scenario::Outcomes;
use crate::scenario::error::nearest;
use crate::scenario::published::{Evidence, PublishedOutcome};

/// Largest mean and standard deviation that a scenario may state, so that what `check` writes in place
/// of evidence can be read again.
const WIDEST: f64 = 10.0;

impl Resolver<'_> {
    /// The prior in numbers, as it is written out and as it is used; `Some(None)` without one.
    pub(super) fn prior(
        &mut self,
        outcomes: Option<&Outcomes>,
    ) -> Option<Option<(file::WrittenPrior, Prior)>> {
        let Some(written) = &self.file.prior else { return Some(None) };
        if matches!(self.file.outcome, file::WrittenOutcome::AfterProcedure(_)) {
            return self.fail("prior", "is given beside [procedure], whose strategies make the effect; allowed: with a stated outcome");
        }
        if let Some(Outcomes::Stated(models)) = outcomes
            && models[0].marginal()[0].is_one_level()
        {
            return self.fail("prior", "shifts nothing: all of the control arm have the same mRS; allowed: a control arm with two levels or more");
        }
        let components = written.components.iter().enumerate();
        // Collected first, so that the mistakes of all are told.
        let components: Vec<_> = components.map(|(i, c)| self.component(i, c)).collect();
        let components: Vec<file::PriorComponent> =
            components.into_iter().collect::<Option<_>>()?;
        let used = components.iter().map(|component| {
            let file::LogOddsRatio { mean, sd, degrees_of_freedom } = component.log_odds_ratio?;
            Some(Component { weight: component.weight, mean, sd, degrees_of_freedom })
        });
        let used = Prior::new(used.collect::<Option<_>>()?);
        Some(Some((file::WrittenPrior { components }, used)))
    }

    /// A component with the numbers of its evidence in place of the name of the file.
    fn component(
        &mut self,
        index: usize,
        written: &file::PriorComponent,
    ) -> Option<file::PriorComponent> {
        let at = format!("prior.components[{index}]");
        match (&written.log_odds_ratio, &written.evidence) {
            (Some(_), None) => Some(written.clone()),
            (None, Some(evidence)) => {
                let log_odds_ratio = Some(self.pooled(&format!("{at}.evidence"), evidence)?);
                let source = written.source.iter().cloned().chain([origin(evidence)]);
                let source = Some(source.collect::<Vec<_>>().join("; "));
                Some(file::PriorComponent {
                    weight: written.weight,
                    log_odds_ratio,
                    evidence: None,
                    source,
                })
            }
            (Some(_), Some(_)) => self.fail(
                &format!("{at}.evidence"),
                format!("is given beside `{at}.log_odds_ratio`; allowed: exactly one of the two"),
            ),
            (None, None) => self.fail(
                &at,
                "has no distribution; expected: exactly one of log_odds_ratio, evidence",
            ),
        }
    }

    /// The distribution that evidence stands for.
    fn pooled(&mut self, at: &str, written: &file::PooledEvidence) -> Option<file::LogOddsRatio> {
        let keys = METHODS.map(|named| named.key);
        let method = METHODS.iter().find(|named| named.key == written.method);
        if method.is_none() {
            self.unknown::<()>(&format!("{at}.method"), &written.method, "a method", &keys);
        }
        let path = self.source.folder.join(&written.file);
        let evidence = match Evidence::load_from(&self.source.inputs, &path) {
            Ok(evidence) => evidence,
            Err(rejection) => {
                let first = rejection.summary().lines().next().unwrap_or_default().to_owned();
                return self.fail(&format!("{at}.file"), format!("cannot be used: {first}"));
            }
        };
        let outcome = self.outcome(at, written, &evidence)?;
        let event = self.counted_event(at, written, outcome)?;
        let method = method?;
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
        Some(match event {
            CountedEvent::Wanted => log_odds_ratio,
            CountedEvent::Unwanted => file::LogOddsRatio { mean: -mean, ..log_odds_ratio },
        })
    }

    /// The predictive distribution, which needs a random effect and three studies.
    fn new_study(
        &mut self,
        at: &str,
        method: &NamedMethod,
        pooled: &Pooled,
    ) -> Option<file::LogOddsRatio> {
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
        Some(file::LogOddsRatio {
            mean: pooled.log_odds_ratio,
            sd: new.scale,
            degrees_of_freedom: Some(new.degrees_of_freedom),
        })
    }

    /// The outcome that is named, or the only one.
    fn outcome<'e>(
        &mut self,
        at: &str,
        written: &file::PooledEvidence,
        evidence: &'e Evidence,
    ) -> Option<&'e PublishedOutcome> {
        let known: Vec<&str> =
            evidence.outcomes.iter().map(|outcome| outcome.name.as_str()).collect();
        let path = format!("{at}.outcome");
        let position = match &written.outcome {
            Some(name) => match known.iter().position(|known| known == name) {
                Some(position) => position,
                None => {
                    let what = format!("an outcome of {}", written.file);
                    return self.unknown(&path, name, &what, &known);
                }
            },
            None if known.len() == 1 => 0,
            None => {
                let known = known.join("\", \"");
                return self.fail(&path, format!("is missing; allowed: \"{known}\""));
            }
        };
        Some(&evidence.outcomes[position])
    }

    /// What patients want of the event, which file and scenario must not contradict. An event that
    /// the file says is unwanted is turned over only where the scenario says so too.
    fn counted_event(
        &mut self,
        at: &str,
        written: &file::PooledEvidence,
        outcome: &PublishedOutcome,
    ) -> Option<CountedEvent> {
        let path = format!("{at}.event");
        let (file, name) = (&written.file, &outcome.name);
        match (outcome.event, written.event) {
            (Some(said), Some(event)) if said == event => Some(event),
            (None, Some(event)) => Some(event),
            (Some(CountedEvent::Wanted), None) => Some(CountedEvent::Wanted),
            (Some(CountedEvent::Unwanted), None) => {
                let message = format!(
                    "is \"{name}\", which {file} says is unwanted: its odds ratio above 1 is harm; allowed: an event that patients want, or event = \"unwanted\", by which the odds ratio is turned over"
                );
                self.fail(&format!("{at}.outcome"), message)
            }
            (Some(said), Some(_)) => {
                let said = if said == CountedEvent::Wanted { "wanted" } else { "unwanted" };
                self.fail(&path, format!("contradicts {file}, which says that the event is {said}; allowed: \"{said}\""))
            }
            (None, None) => {
                let message = format!(
                    "is missing, and {file} has no column `wanted`: an odds ratio above 1 may be benefit or harm; allowed: \"wanted\", \"unwanted\""
                );
                self.fail(&path, message)
            }
        }
    }

    fn unknown<T>(&mut self, path: &str, name: &str, what: &str, known: &[&str]) -> Option<T> {
        let hint = nearest(name, known)
            .map_or_else(String::new, |near| format!(" (did you mean \"{near}\"?)"));
        let allowed = known.join("\", \"");
        self.fail(path, format!("is \"{name}\", not {what}{hint}; allowed: \"{allowed}\""))
    }
}

/// Where the numbers of evidence are from, in words.
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
