//! The prior, in numbers or from published evidence.

use super::super::file;
use super::Resolver;
use crate::evidence::prior::{Component, Prior};
use crate::evidence::{METHODS, Pooled, Study, pool};
use crate::scenario::Outcomes;
use crate::scenario::error::nearest;
use crate::scenario::published::Evidence;

impl Resolver<'_> {
    /// The prior in numbers, as it is written out and as it is used; `Some(None)` without one.
    pub(super) fn prior(
        &mut self,
        outcomes: Option<&Outcomes>,
    ) -> Option<Option<(file::Prior, Prior)>> {
        let Some(written) = &self.file.prior else { return Some(None) };
        if matches!(self.file.outcome, file::Outcome::AfterProcedure(_)) {
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
            let file::LogOddsRatio { mean, sd } = component.log_odds_ratio?;
            Some(Component { weight: component.weight, mean, sd })
        });
        let used = Prior::new(used.collect::<Option<_>>()?);
        Some(Some((file::Prior { components }, used)))
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
                let file::PooledEvidence { file, outcome, method } = evidence;
                let outcome =
                    outcome.iter().map(|name| format!(" \"{name}\",")).collect::<String>();
                let pooled = format!("{file},{outcome} {method}");
                let source = written.source.iter().cloned().chain([pooled]);
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

    /// Pooled log odds ratio and standard error of an outcome of a file.
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
        let studies = self.studies(at, written, &evidence)?;
        match pool(studies, method?.method) {
            Ok(Pooled { log_odds_ratio: mean, standard_error: sd, .. }) => {
                Some(file::LogOddsRatio { mean, sd })
            }
            Err(error) => self.fail(at, format!("cannot be pooled: {error}")),
        }
    }

    /// The studies of the outcome that is named, or of the only one.
    fn studies<'e>(
        &mut self,
        at: &str,
        written: &file::PooledEvidence,
        evidence: &'e Evidence,
    ) -> Option<&'e [Study]> {
        let known: Vec<&str> = evidence.outcomes.iter().map(|(name, _)| name.as_str()).collect();
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
        let (name, studies) = &evidence.outcomes[position];
        if evidence.unwanted.contains(name) {
            let message = format!(
                "is \"{name}\", which {} says is unwanted: its odds ratio above 1 is harm; allowed: an event that patients want",
                written.file
            );
            return self.fail(&path, message);
        }
        Some(studies)
    }

    fn unknown<T>(&mut self, path: &str, name: &str, what: &str, known: &[&str]) -> Option<T> {
        let hint = nearest(name, known)
            .map_or_else(String::new, |near| format!(" (did you mean \"{near}\"?)"));
        let allowed = known.join("\", \"");
        self.fail(path, format!("is \"{name}\", not {what}{hint}; allowed: \"{allowed}\""))
    }
}
