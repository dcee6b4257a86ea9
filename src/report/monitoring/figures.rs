//! Figures of an interim analysis: boundaries with Z by look, and Z of the adverse events.

use super::MonitoringReport;
use crate::explore::monitor::SafetyCheck;
use crate::report::csv;
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
        let rows = looks.iter().zip(&self.looks).map(|(drawn, look)| {
            let mut row = vec![look.look.to_string(), look.analysed.to_string()];
            let numbers = drawn.bounds.into_iter().chain([drawn.z]);
            row.extend(numbers.map(|z| z.map_or(String::new(), |z| z.to_string())));
            row
        });
        let header = ["look", "analysed", "z_efficacy", "z_futility", "z_harm", "z"];
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
            data: csv::CsvTable::new(&header, rows),
        }
    }

    /// Draws Z of the adverse events against their boundaries; `None` if no event has one at this look.
    pub(in crate::report) fn event_figure(&self) -> Option<Figure> {
        let looks: Vec<EventLook> = self.safety.iter().map(SafetyCheck::look).collect();
        if looks.iter().all(|look| look.z.is_none() && look.bound.is_none()) {
            return None;
        }
        let rows = looks.iter().map(|look| {
            let numbers = [look.z, look.bound].map(|z| z.map_or(String::new(), |z| z.to_string()));
            [vec![look.name.clone()], numbers.to_vec()].concat()
        });
        Some(Figure {
            name: "events".to_owned(),
            title: "Adverse events: Z with the boundaries".to_owned(),
            caption: "Shaded: the trial stops for an excess in the experimental arm. Events without a bar \
                      have no boundary at this look, those without a circle no Z."
                .to_owned(),
            svg: figure::events(&looks),
            data: csv::CsvTable::new(&["event", "z", "z_bound"], rows),
        })
    }
}
