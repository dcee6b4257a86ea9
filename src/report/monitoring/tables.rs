//! Tables of an interim analysis: boundaries, patients and evidence.

use super::MonitoringReport;
use crate::design::monitor::Evidence;
use crate::outcome::{LEVELS, Mrs};
use crate::report::document::{Columns, Document};
use crate::report::numeral::{NONE, fixed, probability};

impl MonitoringReport {
    /// Tabulates the boundaries of every look.
    pub(in crate::report) fn bounds(&self) -> Document {
        let has_harm = self.looks.iter().any(|look| look.z_harm.is_some());
        let z = |z: Option<f64>| z.map_or(NONE.to_owned(), |z| fixed(z, 4));
        let p = |p: Option<f64>| p.map_or(NONE.to_owned(), |p| probability(p, 6));
        Columns::of(self.looks.iter().enumerate())
            .column("look", |(row, _)| self.name_of(*row))
            .column("analysed", |(_, look)| look.analysed.to_string())
            .column("infor-\nmation", |(_, look)| format!("{:.4}", look.information_fraction))
            .column("efficacy\nZ ≥", |(_, look)| z(look.z_efficacy))
            .column("p ≤,\none-sided", |(_, look)| p(look.p_efficacy.map(|p| p.one_sided)))
            .column("p ≤,\ntwo-sided", |(_, look)| p(look.p_efficacy.map(|p| p.two_sided)))
            .column("futility\nZ ≤", |(_, look)| z(look.z_futility))
            .column_if(has_harm, "harm\nZ ≤", |(_, look)| z(look.z_harm))
            .column("alpha\nspent", |(_, look)| probability(look.alpha_spent, 6))
            .document()
    }

    /// Names the look of a row, with a mark at the one that is reported.
    fn name_of(&self, row: usize) -> String {
        let look = self.looks[row].look;
        match (row == self.row(), self.after_overrun) {
            (true, true) => "end <".to_owned(),
            (true, false) => format!("{look} <"),
            (false, _) => look.to_string(),
        }
    }

    /// Tabulates the patients randomised and the outcomes by arm; `None` without their numbers.
    pub(in crate::report) fn patients(&self) -> Option<Document> {
        if self.randomised.is_none() && self.counts.is_none() {
            return None;
        }
        let mut header = vec!["arm"];
        header.extend(self.randomised.map(|_| "randomised"));
        if self.counts.is_some() {
            header.extend(["mRS 0", "1", "2", "3", "4", "5", "6", "all", "0–2, %"]);
        }
        let arms = ["control", "experimental"].into_iter().enumerate();
        let rows = arms.map(|(arm, name)| {
            let mut row = vec![name.to_owned()];
            row.extend(self.randomised.map(|randomised| randomised[arm].to_string()));
            row.extend(self.counts.iter().flat_map(|counts| outcome_cells(&counts[arm])));
            row
        });
        Some(Document::of_table(&header, rows.collect()))
    }

    /// Tabulates the evidence against no effect, and what the final look may bring.
    pub(in crate::report) fn evidence(&self) -> Document {
        let Evidence {
            p_one_sided,
            p_two_sided,
            conditional_rejection,
            conditional_power,
            conditional_power_trend,
            predictive_power,
            predictive_power_prior,
            predicted_final_z,
            repeated_p,
            stagewise_p,
            ..
        } = self.evidence;
        // The search ends at 0.5, beyond which no design tests.
        let repeated = if repeated_p >= 0.5 { "≥ 0.5".to_owned() } else { p_value(repeated_p) };
        let mut rows = vec![
            vec!["nominal p value, one-sided".to_owned(), p_value(p_one_sided)],
            vec!["nominal p value, two-sided".to_owned(), p_value(p_two_sided)],
            vec!["repeated p value, one-sided".to_owned(), repeated],
            vec!["stage-wise p value, if the trial stops now".to_owned(), p_value(stagewise_p)],
        ];
        let ahead = [
            ("conditional power, planned effect", conditional_power),
            ("conditional power, current trend", conditional_power_trend),
            (
                if self.hypothesis.has_margin() {
                    "conditional rejection probability at the margin"
                } else {
                    "conditional rejection probability, no effect"
                },
                conditional_rejection,
            ),
            ("predictive power, flat prior", predictive_power),
            ("predictive power, given prior", predictive_power_prior),
        ];
        // At the final look nothing lies ahead.
        rows.extend(
            ahead
                .into_iter()
                .filter_map(|(name, chance)| Some(vec![name.to_owned(), probability(chance?, 4)])),
        );
        // A prediction is an interval and fits in no column of single values.
        let table = Document::of_table(&["", "value"], rows);
        match predicted_final_z {
            Some((low, high)) => table.text(format!(
                "Z of the final look, predicted with a flat prior: {} to {}",
                fixed(low, 4),
                fixed(high, 4)
            )),
            None => table,
        }
    }
}

/// Formats a p value to four decimals, or as below the smallest of these.
fn p_value(p: f64) -> String {
    if p < 0.0001 { "< 0.0001".to_owned() } else { fixed(p, 4) }
}

/// Writes the patients by mRS, all of them, and the share that is functionally independent.
fn outcome_cells(counts: &[u32; LEVELS]) -> Vec<String> {
    let all: u32 = counts.iter().sum();
    let independent: u32 = counts[..=Mrs::INDEPENDENT.index()].iter().sum();
    // An arm without outcomes has 0.0 %, not NaN.
    let share = 100.0 * f64::from(independent) / f64::from(all.max(1));
    let counts = counts.iter().map(u32::to_string);
    counts.chain([all.to_string(), fixed(share, 1)]).collect()
}
