//! `[expect]`.

use super::{Checked, Resolver};
use crate::design::Design;
use crate::scenario::expectation::Expectation;
use crate::scenario::problems::unknown;
use crate::scenario::{Analysis, Safety};

impl Resolver<'_> {
    /// Reads the expectations; problems with them leave the others.
    pub(super) fn expectations(
        &mut self,
        analyses: &[Analysis],
        design: &Design,
        safety: Option<&Safety>,
    ) -> Checked<Vec<Expectation>> {
        let Some(expect) = &self.file.expect else { return Ok(Vec::new()) };
        let analysis = match &expect.analysis {
            Some(name) => {
                let names: Vec<&str> = analyses.iter().map(|of| of.name.as_str()).collect();
                let position = names.iter().position(|known| known == name);
                match position {
                    Some(position) => position,
                    None => {
                        return self.fail("expect.analysis", unknown(name, "an analysis", &names));
                    }
                }
            }
            None => 0,
        };
        let stops_for_safety = safety.is_some_and(|safety| {
            safety.endpoints.iter().any(|endpoint| endpoint.boundary.is_some())
        });
        let mut expectations = Vec::new();
        for written in expect.comparisons() {
            let index = written.index.map_or_else(String::new, |index| format!("[{index}]"));
            let path = format!("expect.{}{index}", written.key);
            let looks = design.looks().len();
            // Here as well as before the simulation, as only here the line of the file is known.
            let lacks = match written.key {
                "assurance" if self.file.prior.is_none() => Some("needs [prior]".to_owned()),
                "success" | "any_rejection" | "all_rejections" | "familywise_error"
                    if self.file.success.is_none() =>
                {
                    Some("needs [success]".to_owned())
                }
                "safety" if !stops_for_safety => {
                    Some("needs an adverse event with a boundary, in [safety]".to_owned())
                }
                "efficacy_at" if written.index.is_some_and(|index| index >= looks) => Some(
                    format!("is of a look that the design does not have; allowed: {looks} values"),
                ),
                _ => None,
            };
            match (lacks, Expectation::new(written, analysis)) {
                (Some(problem), _) | (None, Err(problem)) => self.report(&path, problem),
                (None, Ok(expectation)) => expectations.push(expectation),
            }
        }
        Ok(expectations)
    }
}
