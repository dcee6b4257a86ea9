//! Figures of an interim analysis: boundaries with Z by look, and Z of the adverse events.

use super::MonitoringReport;
use crate::explore::monitor::SafetyCheck;
use crate::report::document::Columns;
use crate::report::figure::{self, EventLook, InterimLook};
use crate::report::gallery::Figure;

impl MonitoringReport {
    /// Draws the boundaries and the path of Z.
    pub(in crate::report) fn figure(&self) -> Figure {
        let row = self.row();
        let looks: Vec<InterimLook> = self
            .looks
            .iter()
            .enumerate()
            .map(|(k, look)| InterimLook {
                analysed: look.analysed,
                is_past: k <= row,
                bounds: [look.z_efficacy, look.z_futility, look.z_harm],
                // By number, as the path lacks looks whose Z was not given.
                z: self.path.iter().find(|point| point.look == look.look).map(|point| point.z),
            })
            .collect();
        let data = Columns::of(looks.iter().zip(&self.looks))
            .column("look", |(_, look)| look.look.to_string())
            .column("analysed", |(_, look)| look.analysed.to_string())
            .column("z_efficacy", |(_, look)| if_known(look.z_efficacy))
            .column("z_futility", |(_, look)| if_known(look.z_futility))
            .column("z_harm", |(_, look)| if_known(look.z_harm))
            .column("z", |(drawn, _)| if_known(drawn.z))
            .csv();
        // Later looks are without a circle anyway.
        let unknown = if looks[..=row].iter().any(|look| look.z.is_none()) {
            " Z of looks without a circle was not given or does not exist."
        } else {
            ""
        };
        Figure {
            name: "interim".to_owned(),
            title: "Z by look, with the boundaries".to_owned(),
            caption: format!(
                "Boundaries up to this look are those of the observed information, pale ones those of \
                 the planned information.{unknown}"
            ),
            svg: figure::interim(&looks),
            data,
        }
    }

    /// Draws Z of the adverse events against their boundaries; `None` if no event has one at this look.
    pub(in crate::report) fn event_figure(&self) -> Option<Figure> {
        let looks: Vec<EventLook> = self.safety.iter().map(SafetyCheck::look).collect();
        if looks.iter().all(|look| look.z.is_none() && look.bound.is_none()) {
            return None;
        }
        let data = Columns::of(&looks)
            .column("event", |look| look.name.clone())
            .column("z", |look| if_known(look.z))
            .column("z_bound", |look| if_known(look.bound))
            .csv();
        Some(Figure {
            name: "events".to_owned(),
            title: "Adverse events: Z with the boundaries".to_owned(),
            caption: "Shaded: the trial stops for an excess in the experimental arm. Events without a bar \
                      have no boundary at this look, those without a circle no Z."
                .to_owned(),
            svg: figure::events(&looks),
            data,
        })
    }
}

/// Writes a number as it is; empty if there is none.
fn if_known(z: Option<f64>) -> String {
    z.map_or(String::new(), |z| z.to_string())
}
