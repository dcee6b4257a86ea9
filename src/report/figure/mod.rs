//! Figures as SVG, readable in print, on a telephone and by colour-blind people: shapes, dashes and words
//! differ as well as colours.
//!
//! Each figure has a file, and builds on the same parts: `drawing` writes SVG, `chart` has the axes,
//! `legend` the samples, `labels` the numbers at points and the names at the ends of lines.

mod alike;
mod balance;
mod boundaries;
mod calendar;
mod chart;
mod colour;
mod curves;
mod drawing;
mod events;
mod flow;
mod heat_map;
mod interim;
mod labels;
mod legend;
mod looks;
mod mark;
mod mrs;
mod paths;
mod populations;
mod power;
mod smooth;
mod trace;
mod z_chart;

pub use alike::{CurveGroups, groups};
pub use balance::{ArmDifference, balance};
pub use boundaries::{BoundaryScale, boundaries};
pub use calendar::calendar;
pub use curves::{Curve, CurveAxis, CurveScale, CurveStyle, PointWithError, curves};
pub use events::{EventLook, events};
pub use flow::{FlowColumn, FlowDiagram, FlowState, Ribbon, StatePosition, flow};
pub use heat_map::{PowerGrid, heat_map};
pub use interim::{InterimLook, interim};
pub use looks::{LookPanel, LookShares, looks};
pub use mrs::{ArmMrs, mrs};
pub use paths::{PlannedBounds, paths};
pub use populations::{MOST_COLOURS, PopulationBar, PopulationShare, populations};
pub use power::{CurvePoint, Labels, Lines, PowerCurve, power_curve};
pub use trace::{FigurePlace, trace};

/// Style sheet of a page that shows figures: paper, ink and lines on a dark background.
pub const STYLE: &str = include_str!("figure.css");
