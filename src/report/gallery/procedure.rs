//! Figures of the procedure: strategies, and patients on their way to their outcome.

use super::{CurveAxis, CurveScale, Figure, axis};
use crate::explore::strategies::StrategySummary;
use crate::outcome::flow::Group;
use crate::report::document::Columns;
use crate::report::figure::{
    self, Curve, CurveStyle, FlowColumn, FlowDiagram, FlowState, PointWithError, Ribbon,
    StatePosition,
};
use crate::report::{csv, procedure};
use crate::summary::procedure::{ArmSummary, GroupSummary, PassSummary, ProcedureSummary};

/// Measures of the strategies in the figure; their index is that of their colour.
const MEASURES: [&str; 3] = ["functional_independence", "mortality", "haemorrhage"];

/// Draws the outcomes of all patients over the number of passes before a stent.
pub(super) fn strategies(strategies: &[StrategySummary]) -> Figure {
    let mut curves = Vec::new();
    for (colour, measure) in MEASURES.into_iter().enumerate() {
        let (mut simulated, mut exact) = (Vec::new(), Vec::new());
        for (i, strategy) in strategies.iter().enumerate() {
            // "Never" comes last, in the place of one more pass.
            let x = strategy.stent_after.unwrap_or(i + 1) as f64;
            let everyone = procedure::everyone(&strategy.patients);
            let Some(found) = everyone.measures.get(measure) else { continue };
            simulated.push(PointWithError {
                x,
                value: 100.0 * found.simulated.value,
                mcse: 100.0 * found.simulated.mcse,
            });
            exact.push(PointWithError { x, value: 100.0 * found.exact, mcse: 0.0 });
        }
        // A model without haemorrhage has no curve for it.
        if simulated.is_empty() {
            continue;
        }
        let name = procedure::measure_name(measure).to_owned();
        let (smooth, marks) = (CurveStyle::Smooth, CurveStyle::Marks);
        curves.push(Curve { name, style: smooth, colour, points: exact });
        // Without a name, as the line in the same colour has it: the legend would list every measure twice.
        curves.push(Curve { name: String::new(), style: marks, colour, points: simulated });
    }
    let mut rows = Vec::new();
    for strategy in strategies {
        let everyone = procedure::everyone(&strategy.patients);
        let mut row = vec![strategy.stent_after.map_or("never".to_owned(), |n| n.to_string())];
        for measure in MEASURES {
            row.extend(match everyone.measures.get(measure) {
                Some(found) => [found.simulated.value, found.simulated.mcse, found.exact]
                    .map(|share| csv::float(100.0 * share)),
                None => [const { String::new() }; 3],
            });
        }
        rows.push(row);
    }
    let header = [
        "stent_after",
        "independence_percent",
        "independence_mcse",
        "independence_exact",
        "mortality_percent",
        "mortality_mcse",
        "mortality_exact",
        "haemorrhage_percent",
        "haemorrhage_mcse",
        "haemorrhage_exact",
    ];
    Figure {
        name: "strategies".to_owned(),
        title: "Strategies: outcome by the time of rescue stenting".to_owned(),
        caption:
            "All patients who undergo thrombectomy, if those with persistent occlusion after k passes are \
             stented. Lines: exact; marks: simulated."
                .to_owned(),
        svg: figure::curves(&passes_axis(strategies), &axis("patients, %"), &curves, &[]),
        data: csv::CsvTable::new(&header, rows),
    }
}

fn passes_axis(strategies: &[StrategySummary]) -> CurveAxis {
    let names = strategies.iter().map(|strategy| match strategy.stent_after {
        Some(passes) => passes.to_string(),
        None => "never".to_owned(),
    });
    CurveAxis {
        scale: CurveScale::Named(names.collect()),
        ..axis("rescue stent after k failed passes")
    }
}

/// Draws the patients of each arm on their way to their outcome.
pub(super) fn flows(procedure: &ProcedureSummary) -> Vec<Figure> {
    let names = ["flow-control", "flow-experimental"];
    names.into_iter().zip(&procedure.arms).map(|(name, arm)| flow_figure(name, arm)).collect()
}

fn flow_figure(name: &str, arm: &ArmSummary) -> Figure {
    let diagram = flow_diagram(arm);
    let data = Columns::of(&diagram.ribbons)
        .column("from", |ribbon| state_name(&diagram, ribbon.from))
        .column("to", |ribbon| state_name(&diagram, ribbon.to))
        .column("share", |ribbon| csv::float(ribbon.share))
        .csv();
    Figure {
        name: name.to_owned(),
        title: format!("Patient flow, {} arm", arm.arm),
        caption: "From randomisation through the passes, including those before it, to the mRS. Ribbons are \
                  as wide as their share of the arm's patients (exact)."
            .to_owned(),
        svg: figure::flow(&diagram),
        data,
    }
}

fn state_name(diagram: &FlowDiagram, at: StatePosition) -> String {
    let column = &diagram.columns[at.column];
    format!("{}: {}", column.name, column.states[at.row].name())
}

/// An end of the procedure.
struct ProcedureEnd {
    state: FlowState,
    /// Row in the columns of the passes.
    row: usize,
    /// Patients whose procedure has this end.
    group: Group,
    /// Exact share of the arm whose procedure ends so at a pass.
    share: fn(&PassSummary) -> f64,
}

const ENDS: [ProcedureEnd; 3] = [
    ProcedureEnd {
        state: FlowState::Open,
        row: 0,
        group: Group::Reperfused,
        share: |pass| pass.reperfused.exact,
    },
    ProcedureEnd {
        state: FlowState::Stented,
        row: 2,
        group: Group::Stented,
        share: |pass| pass.stented.exact,
    },
    ProcedureEnd {
        state: FlowState::NotOpened,
        row: 3,
        group: Group::Unopened,
        share: |pass| pass.unopened.exact,
    },
];
/// Row of the patients who have a further pass, after those with an open vessel.
const FURTHER_PASS: usize = 1;

/// Builds a column for each number of passes with the ends so far and the patients who have a further
/// pass, and the outcomes as the last column.
fn flow_diagram(arm: &ArmSummary) -> FlowDiagram {
    let mut columns =
        vec![FlowColumn { name: "start".to_owned(), states: vec![FlowState::Randomised] }];
    let mut ribbons = Vec::new();
    // Patients whose procedure has not ended, and their share of the arm.
    let mut rest = StatePosition { column: 0, row: 0 };
    let mut rest_share = 1.0;
    for (step, pass) in arm.passes.iter().enumerate() {
        let column = step + 1;
        let [open, stented, not_opened] = ENDS.map(|end| end.state);
        let states = vec![open, FlowState::FurtherPass, stented, not_opened];
        columns.push(FlowColumn { name: format!("pass {}", pass.passes), states });
        let mut ended = 0.0;
        for ProcedureEnd { row, share, .. } in ENDS {
            let to = StatePosition { column, row };
            if step > 0 {
                // Patients whose procedure has ended stay in the row of their end.
                let from = StatePosition { column: column - 1, row };
                // Ribbons join neighbouring columns only, so that earlier ends are carried from column to
                // column.
                let so_far = arm.passes[..step].iter().map(share).sum();
                ribbons.push(Ribbon { from, to, share: so_far });
            }
            ribbons.push(Ribbon { from: rest, to, share: share(pass) });
            ended += share(pass);
        }
        rest_share -= ended;
        let to = StatePosition { column, row: FURTHER_PASS };
        // Rounding may leave less than 0.
        ribbons.push(Ribbon { from: rest, to, share: f64::max(rest_share, 0.0) });
        rest = to;
    }
    let last = columns.len();
    let states = vec![FlowState::Independent, FlowState::Dependent, FlowState::Dead];
    columns.push(FlowColumn { name: "mRS".to_owned(), states });
    for ProcedureEnd { row, group, .. } in ENDS {
        let Some(group) = arm.groups.iter().find(|found| found.group == group) else { continue };
        for (i, share) in outcomes_of(group).into_iter().enumerate() {
            let from = StatePosition { column: last - 1, row };
            let to = StatePosition { column: last, row: i };
            ribbons.push(Ribbon { from, to, share });
        }
    }
    // A ribbon is drawn at least a pixel high, however small its share.
    ribbons.retain(|ribbon| ribbon.share > 1e-9);
    FlowDiagram { columns, ribbons }
}

/// Returns the shares of the arm that are in a group with mRS 0–2, 3–5, and 6.
fn outcomes_of(group: &GroupSummary) -> [f64; 3] {
    let share = group.share.exact;
    let independent = share * group.measures["functional_independence"].exact;
    let dead = share * group.measures["mortality"].exact;
    [independent, share - independent - dead, dead]
}
