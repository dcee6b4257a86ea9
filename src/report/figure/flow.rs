//! Patients on their way through the passes to their outcome, as ribbons whose width is their share.

use super::colour::{CONTINUES, Colour, GREEN, NOT_SIGNIFICANT, SAFETY, SOFT};
use super::drawing::{Drawing, Lettering, Pixel, PixelBox, SMALL, WIDTH, pixel, short, text_width};
use super::legend::{LegendEntry, Sample, legend};
use super::mrs::SHADES;

/// States of patients, column by column, and the ribbons between them.
#[derive(Debug, Clone, PartialEq)]
pub struct FlowDiagram {
    /// Columns from left to right.
    pub columns: Vec<FlowColumn>,
    /// Ribbons between states of neighbouring columns.
    pub ribbons: Vec<Ribbon>,
}

/// A column of states.
#[derive(Debug, Clone, PartialEq)]
pub struct FlowColumn {
    /// Name of the column.
    pub name: String,
    /// States from the top.
    pub states: Vec<FlowState>,
}

/// A state of patients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlowState {
    /// Randomised.
    Randomised,
    /// The vessel is open.
    Open,
    /// A further pass follows.
    FurtherPass,
    /// Stented.
    Stented,
    /// The procedure ended with an occluded vessel.
    NotOpened,
    /// Outcome: functional independence, mRS 0–2.
    Independent,
    /// Outcome: mRS 3–5.
    Dependent,
    /// Outcome: dead, mRS 6.
    Dead,
}

impl FlowState {
    /// Name of the state in legend and data.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Randomised => "randomised",
            Self::Open => "open",
            Self::FurtherPass => "further pass",
            Self::Stented => "stented",
            Self::NotOpened => "not opened",
            Self::Independent => "mRS 0–2",
            Self::Dependent => "mRS 3–5",
            Self::Dead => "dead",
        }
    }

    /// Colour of the state and of the ribbons that lead to it; outcomes have those of the mRS.
    const fn colour(self) -> Colour {
        match self {
            Self::Randomised => SOFT,
            Self::Open => GREEN,
            Self::FurtherPass => CONTINUES,
            Self::Stented => SAFETY,
            Self::NotOpened => NOT_SIGNIFICANT,
            Self::Independent => SHADES[1],
            Self::Dependent => SHADES[4],
            Self::Dead => SHADES[6],
        }
    }
}

/// States of the procedure, in the order of the legend.
const PROCEDURE: [FlowState; 4] =
    [FlowState::Open, FlowState::Stented, FlowState::NotOpened, FlowState::FurtherPass];

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
}

/// Height of all patients together.
const HEIGHT: f64 = 250.0;
/// Distance between states of a column, with room for the share of a small one.
const GAP: f64 = 18.0;
/// Width of a state, with room for its share: no ribbon crosses it.
const STATE: f64 = 42.0;
/// Room for the names of outcomes.
const NAMES: f64 = 62.0;

/// A state on the drawing.
#[derive(Debug, Clone, Copy)]
struct PlacedState {
    state: FlowState,
    area: PixelBox,
    share: f64,
}

/// Draws the ribbons, and the states with their shares over them.
pub fn flow(diagram: &FlowDiagram) -> String {
    let mut drawing = Drawing::new();
    // Outcomes are named next to the last column, so that the legend needs only the procedure's states.
    let shown = PROCEDURE.into_iter().filter(|state| is_reached(diagram, *state));
    let entries: Vec<LegendEntry> =
        shown.map(|state| LegendEntry::new(state.name(), Sample::Patch(state.colour()))).collect();
    let area = PixelBox::new(12.0, 6.0, WIDTH - 8.0, 0.0);
    let top = 16.0 + legend(&mut drawing, area, &entries);
    let placed = place(diagram, top + 22.0);
    draw_ribbons(&mut drawing, diagram, &placed);
    let mut bottom = top;
    for (c, (column, states)) in diagram.columns.iter().zip(&placed).enumerate() {
        let is_last = c + 1 == diagram.columns.len();
        if let Some(first) = states.first() {
            let at = pixel(first.area.middle().x, top);
            drawing.text(at, &column.name, Lettering::centred(SMALL));
        }
        for state in states.iter().filter(|state| state.share > 0.0) {
            draw_state(&mut drawing, state, is_last);
            bottom = state.area.bottom.max(bottom);
        }
    }
    drawing.finish(bottom + 10.0)
}

fn is_reached(diagram: &FlowDiagram, state: FlowState) -> bool {
    diagram.ribbons.iter().any(|ribbon| {
        diagram.columns[ribbon.to.column].states[ribbon.to.row] == state && ribbon.share > 0.0
    })
}

/// Places every state: those of a column one below the other, each as high as the ribbons that arrive or,
/// in the first column, that leave.
fn place(diagram: &FlowDiagram, top: f64) -> Vec<Vec<PlacedState>> {
    let steps = diagram.columns.len().max(2) - 1;
    let step = (WIDTH - 24.0 - NAMES - STATE) / steps as f64;
    // Of many columns, states leave room for ribbons.
    let width = STATE.min(0.7 * step);
    let mut placed = Vec::new();
    for (column, states) in diagram.columns.iter().enumerate() {
        let left = 12.0 + step * column as f64;
        let mut y = top;
        let mut places = Vec::new();
        for (row, &state) in states.states.iter().enumerate() {
            let at = StatePosition { column, row };
            let (mut arriving, mut leaving) = (0.0, 0.0);
            for ribbon in &diagram.ribbons {
                arriving += if ribbon.to == at { ribbon.share } else { 0.0 };
                leaving += if ribbon.from == at { ribbon.share } else { 0.0 };
            }
            // In the first column nothing arrives and in the last nothing leaves.
            let share = f64::max(arriving, leaving);
            let area = PixelBox::new(left, y, left + width, y + share * HEIGHT);
            places.push(PlacedState { state, area, share });
            // A state that is not reached is not drawn; its gap would look like one.
            y += share * HEIGHT + if share > 0.0 { GAP } else { 0.0 };
        }
        placed.push(places);
    }
    placed
}

/// Draws the ribbons; at each state they leave and arrive in the order of the rows at their other ends.
fn draw_ribbons(drawing: &mut Drawing, diagram: &FlowDiagram, placed: &[Vec<PlacedState>]) {
    for ribbon in diagram.ribbons.iter().filter(|ribbon| ribbon.share > 0.0) {
        let above_start: f64 = diagram
            .ribbons
            .iter()
            .filter(|other| other.from == ribbon.from && other.to.row < ribbon.to.row)
            .map(|other| other.share)
            .sum();
        let above_end: f64 = diagram
            .ribbons
            .iter()
            .filter(|other| other.to == ribbon.to && other.from.row < ribbon.from.row)
            .map(|other| other.share)
            .sum();
        let from = placed[ribbon.from.column][ribbon.from.row];
        let to = placed[ribbon.to.column][ribbon.to.row];
        let start = pixel(from.area.right, from.area.top + above_start * HEIGHT);
        let end = pixel(to.area.left, to.area.top + above_end * HEIGHT);
        // The thinnest ribbon still has a pixel.
        let height = (ribbon.share * HEIGHT).max(0.8);
        // Half transparent, as ribbons cross: the upper one would hide where the lower one leads.
        drawing.path(&ribbon_path(start, end, height), to.state.colour(), 0.5);
    }
}

/// Returns a band of this height from one upper edge to another, which leaves and arrives level.
fn ribbon_path(start: Pixel, end: Pixel, height: f64) -> String {
    // Controls halfway across at the heights of the ends make the edges level there.
    let middle = short((start.x + end.x) / 2.0);
    let [x0, x1] = [short(start.x), short(end.x)];
    let [upper0, upper1] = [short(start.y), short(end.y)];
    let [lower0, lower1] = [short(start.y + height), short(end.y + height)];
    format!(
        "M{x0},{upper0}C{middle},{upper0} {middle},{upper1} {x1},{upper1}\
         V{lower1}C{middle},{lower1} {middle},{lower0} {x0},{lower0}Z"
    )
}

fn draw_state(drawing: &mut Drawing, placed: &PlacedState, is_last: bool) {
    let PlacedState { state, area, share } = *placed;
    let visible = PixelBox { bottom: area.bottom.max(area.top + 1.0), ..area };
    drawing.block(visible, state.colour());
    let percent = 100.0 * share;
    // From 0.95 on one decimal would be 1.0 %, next to the 1 % of others.
    let text = if percent < 0.95 { format!("{percent:.1} %") } else { format!("{percent:.0} %") };
    let fits = area.height() >= SMALL + 2.0 && text_width(&text, SMALL) <= area.width();
    if fits {
        let lettering = Lettering::centred(SMALL).coloured(state.colour().of_words());
        drawing.text(area.middle(), &text, lettering);
    } else {
        // Ribbons end at the sides of a state, so that there are none above it.
        let at = pixel(area.middle().x, area.top - 8.0);
        drawing.text(at, &text, Lettering::centred(SMALL));
    }
    if is_last {
        let at = pixel(area.right + 6.0, area.middle().y);
        drawing.text(at, state.name(), Lettering::left(SMALL));
    }
}
