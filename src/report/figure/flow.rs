//! Patients on their way through the passes to their outcome: ribbons as wide as they are many.

use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

use super::{Area, Drawn, INK, WIDTH, failed, fill, svg, write};

/// Where patients are, column by column, and how they go on.
#[derive(Debug, Clone, PartialEq)]
pub struct Flow {
    /// Columns from left to right; in each the names of its states, from the top.
    pub columns: Vec<Vec<String>>,
    /// Between states of different columns.
    pub links: Vec<Link>,
}

/// Patients who go from one state to a later one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Link {
    /// Column and position of where they are.
    pub from: (usize, usize),
    /// Column and position of where they go.
    pub to: (usize, usize),
    /// Share of everyone.
    pub share: f64,
    /// Which of the colours it has.
    pub colour: usize,
}

/// Blue for what is open, orange for stents, grey for what is not, black for passes.
const COLOURS: [RGBColor; 4] =
    [super::EFFICACY, super::HARM, RGBColor(120, 120, 120), RGBColor(0, 158, 115)];
const TOP: f64 = 26.0;
const HEIGHT: f64 = 300.0;
/// Between states, and across one.
const GAP: f64 = 22.0;
const NODE: f64 = 10.0;

/// Height of a state from its top, and where the next ribbon leaves or arrives.
#[derive(Debug, Clone, Copy, Default)]
struct Node {
    top: f64,
    share: f64,
    left: f64,
    out: f64,
    into: f64,
}

/// Draws the ribbons, then the states with their shares.
pub fn flow(flow: &Flow) -> String {
    let mut nodes = nodes(flow);
    svg((WIDTH, 394), |area| {
        for link in flow.links.iter().filter(|link| link.share > 0.0) {
            let from = nodes[link.from.0][link.from.1];
            let to = nodes[link.to.0][link.to.1];
            let start = (from.left + NODE, from.top + from.out);
            let end = (to.left, to.top + to.into);
            ribbon(area, start, end, (link.share * HEIGHT, COLOURS[link.colour % COLOURS.len()]))?;
            nodes[link.from.0][link.from.1].out += link.share * HEIGHT;
            nodes[link.to.0][link.to.1].into += link.share * HEIGHT;
        }
        for (c, (names, nodes)) in flow.columns.iter().zip(&nodes).enumerate() {
            let is_last = c + 1 == flow.columns.len();
            for (name, node) in names.iter().zip(nodes).filter(|(_, node)| node.share > 0.0) {
                state(area, name, (node, is_last))?;
            }
        }
        Ok(())
    })
}

/// Places every state: those of a column below one another, as high as what comes in, or for the
/// first what goes out.
fn nodes(flow: &Flow) -> Vec<Vec<Node>> {
    let room = f64::from(WIDTH) - 24.0 - 108.0;
    let step = room / (flow.columns.len().max(2) - 1) as f64;
    let column = |(c, names): (usize, &Vec<String>)| {
        let mut top = TOP;
        let node = |(i, _): (usize, &String)| {
            let total = |of: &dyn Fn(&Link) -> (usize, usize)| -> f64 {
                flow.links.iter().filter(|link| of(link) == (c, i)).map(|link| link.share).sum()
            };
            let share = total(&|link| link.to).max(total(&|link| link.from));
            let node = Node { top, share, left: 12.0 + step * c as f64, ..Node::default() };
            top += share * HEIGHT + if share > 0.0 { GAP } else { 0.0 };
            node
        };
        names.iter().enumerate().map(node).collect()
    };
    flow.columns.iter().enumerate().map(column).collect()
}

/// A band that leaves and arrives level.
fn ribbon(
    area: &Area<'_>,
    (x0, y0): (f64, f64),
    (x1, y1): (f64, f64),
    (width, colour): (f64, RGBColor),
) -> Drawn {
    const STEPS: usize = 24;
    let edge = |below: f64| {
        (0..=STEPS).map(move |i| {
            let t = i as f64 / STEPS as f64;
            let smooth = t * t * (3.0 - 2.0 * t);
            let at = (x0 + (x1 - x0) * t, y0 + (y1 - y0) * smooth + below);
            (at.0.round() as i32, at.1.round() as i32)
        })
    };
    let outline: Vec<(i32, i32)> =
        edge(0.0).chain(edge(width.max(1.0)).collect::<Vec<_>>().into_iter().rev()).collect();
    area.draw(&Polygon::new(outline, colour.mix(0.4))).map_err(failed)
}

fn state(area: &Area<'_>, name: &str, (node, is_last): (&Node, bool)) -> Drawn {
    let (left, top) = (node.left.round() as i32, node.top.round() as i32);
    let bottom = (node.top + node.share * HEIGHT).round() as i32;
    fill(area, [(left, top), (left + NODE as i32, bottom.max(top + 1))], INK)?;
    let percent = 100.0 * node.share;
    let text = if percent < 9.95 { format!("{percent:.1} %") } else { format!("{percent:.0} %") };
    if is_last {
        let middle = (left + NODE as i32 + 6, (top + bottom) / 2);
        write(area, &format!("{name} {text}"), middle, (16, HPos::Left, INK))
    } else {
        write(area, &format!("{name} {text}"), (left, top - 9), (15, HPos::Left, INK))
    }
}
