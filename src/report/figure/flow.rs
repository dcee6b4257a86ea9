//! Patients on their way through the passes to their outcome, as ribbons whose width is their share.

use plotters::prelude::*;

use super::{Area, Drawn, INK, Lettering, WIDTH, failed, fill, svg, write};

/// States of patients, column by column, and the ribbons between them.
#[derive(Debug, Clone, PartialEq)]
pub struct FlowDiagram {
    /// Columns from left to right; each lists the names of its states, from the top.
    pub columns: Vec<Vec<String>>,
    /// Ribbons between states of different columns.
    pub ribbons: Vec<Ribbon>,
}

/// The position of a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatePosition {
    /// Column, from the left.
    pub column: usize,
    /// Row within the column, from the top.
    pub row: usize,
}

/// Patients who move from one state to a later one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ribbon {
    /// State that they leave.
    pub from: StatePosition,
    /// State that they move to.
    pub to: StatePosition,
    /// Share of all patients.
    pub share: f64,
    /// Number of the ribbon's colour.
    pub colour: usize,
}

/// Colours: blue for reperfused vessels, orange for stents, grey for vessels that stay closed and for
/// further passes.
const COLOURS: [RGBColor; 3] = [super::EFFICACY, super::HARM, RGBColor(120, 120, 120)];
const TOP: f64 = 26.0;
/// Height of all patients together.
const HEIGHT: f64 = 300.0;
/// Distance between states of a column.
const GAP: f64 = 22.0;
/// Width of a state.
const WIDTH_OF_STATE: f64 = 10.0;

/// A state on the drawing, with the heights from its top at which the next ribbon leaves and arrives.
#[derive(Debug, Clone, Copy)]
struct PlacedState {
    left: f64,
    top: f64,
    share: f64,
    leaves_at: f64,
    arrives_at: f64,
}

/// Draws the ribbons, then the states with their shares over them.
pub fn flow(diagram: &FlowDiagram) -> String {
    let mut placed = place(diagram);
    svg((WIDTH, 394), |area| {
        for ribbon in diagram.ribbons.iter().filter(|ribbon| ribbon.share > 0.0) {
            let height = ribbon.share * HEIGHT;
            let from = &mut placed[ribbon.from.column][ribbon.from.row];
            let start = [from.left + WIDTH_OF_STATE, from.top + from.leaves_at];
            from.leaves_at += height;
            let to = &mut placed[ribbon.to.column][ribbon.to.row];
            let end = [to.left, to.top + to.arrives_at];
            to.arrives_at += height;
            let colour = COLOURS[ribbon.colour % COLOURS.len()];
            draw_ribbon(area, start, end, height, colour)?;
        }
        for (c, (names, states)) in diagram.columns.iter().zip(&placed).enumerate() {
            let is_last = c + 1 == diagram.columns.len();
            for (name, state) in names.iter().zip(states).filter(|(_, state)| state.share > 0.0) {
                draw_state(area, name, state, is_last)?;
            }
        }
        Ok(())
    })
}

/// Places every state: those of a column one below the other, each as high as the ribbons that arrive
/// or, in the first column, that leave.
fn place(diagram: &FlowDiagram) -> Vec<Vec<PlacedState>> {
    // The last column needs room for its names.
    let room = f64::from(WIDTH) - 24.0 - 108.0;
    let step = room / (diagram.columns.len().max(2) - 1) as f64;
    let mut placed = Vec::new();
    for (column, names) in diagram.columns.iter().enumerate() {
        let left = 12.0 + step * column as f64;
        let mut top = TOP;
        let mut states = Vec::new();
        for row in 0..names.len() {
            let at = StatePosition { column, row };
            let (mut arriving, mut leaving) = (0.0, 0.0);
            for ribbon in &diagram.ribbons {
                arriving += if ribbon.to == at { ribbon.share } else { 0.0 };
                leaving += if ribbon.from == at { ribbon.share } else { 0.0 };
            }
            let share = f64::max(arriving, leaving);
            states.push(PlacedState { left, top, share, leaves_at: 0.0, arrives_at: 0.0 });
            top += share * HEIGHT + if share > 0.0 { GAP } else { 0.0 };
        }
        placed.push(states);
    }
    placed
}

/// Draws a band of this height from one upper edge to another, which leaves and arrives level.
fn draw_ribbon(
    area: &Area<'_>,
    start: [f64; 2],
    end: [f64; 2],
    height: f64,
    colour: RGBColor,
) -> Drawn {
    const STEPS: usize = 24;
    let upper: Vec<(f64, f64)> = (0..=STEPS)
        .map(|i| {
            let t = i as f64 / STEPS as f64;
            // The cubic with slope 0 at both ends.
            let smooth = t * t * (3.0 - 2.0 * t);
            (start[0] + (end[0] - start[0]) * t, start[1] + (end[1] - start[1]) * smooth)
        })
        .collect();
    // The thinnest ribbon still has a pixel.
    let lower = upper.iter().rev().map(|&(x, y)| (x, y + height.max(1.0)));
    let outline: Vec<(i32, i32)> = upper
        .iter()
        .copied()
        .chain(lower)
        .map(|(x, y)| (x.round() as i32, y.round() as i32))
        .collect();
    area.draw(&Polygon::new(outline, colour.mix(0.4))).map_err(failed)
}

fn draw_state(area: &Area<'_>, name: &str, state: &PlacedState, is_last: bool) -> Drawn {
    let (left, top) = (state.left.round() as i32, state.top.round() as i32);
    let bottom = (state.top + state.share * HEIGHT).round() as i32;
    let right = left + WIDTH_OF_STATE as i32;
    fill(area, [(left, top), (right, bottom.max(top + 1))], INK)?;
    let percent = 100.0 * state.share;
    let text = if percent < 9.95 {
        format!("{name} {percent:.1} %")
    } else {
        format!("{name} {percent:.0} %")
    };
    // Names lie above their states, where no ribbon runs; those of the last column have room beside.
    if is_last {
        write(area, &text, (right + 6, (top + bottom) / 2), Lettering::left(16))
    } else {
        write(area, &text, (left, top - 9), Lettering::left(15))
    }
}
