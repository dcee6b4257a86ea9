//! The boundaries of a design over the patients analysed.

use super::chart::{Chart, ChartAxis, Tick, extent};
use super::colour::{Colour, EFFICACY, FUTILITY, HARM, INK};
use super::drawing::{Drawing, PixelBox, Stroke, WIDTH, pixel};
use super::labels::{LabelRoom, LabelSide};
use super::legend::{LegendEntry, Sample, legend};
use super::mark::{Mark, MarkShape};
use crate::design::characteristics::{BoundaryCharacteristics, LookCharacteristics};
use crate::report::design::{BoundaryKind, effect_name};
use crate::report::numeral::{fixed, grouped};

/// The scale of a figure of boundaries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BoundaryScale {
    /// Z statistic.
    Z,
    /// Nominal one-sided p value, logarithmic, small ones on top.
    P,
    /// Observed effect: risk difference, log common odds ratio or difference of means.
    Effect,
}

/// A boundary at one look.
struct BoundaryPoint {
    kind: BoundaryKind,
    analysed: f64,
    /// Height on the scale of the figure.
    y: f64,
    text: String,
}

/// Returns the colour of a kind of boundary.
pub(super) const fn boundary_colour(kind: BoundaryKind) -> Colour {
    match kind {
        BoundaryKind::Efficacy => EFFICACY,
        BoundaryKind::Futility => FUTILITY,
        BoundaryKind::Harm => HARM,
    }
}

/// Returns the mark of a kind of boundary: a bar at its look, as it says nothing between looks.
pub(super) const fn boundary_mark(kind: BoundaryKind) -> Mark {
    Mark::new(MarkShape::Level, boundary_colour(kind))
}

/// Draws the boundaries of a design at its looks, with the regions in which the trial stops. `effect` names
/// the effect's scale.
pub fn boundaries(
    looks: &[LookCharacteristics],
    scale: BoundaryScale,
    title: &str,
    effect: &str,
) -> String {
    let mut drawing = Drawing::new();
    let points = points(looks, scale);
    let top = drawing.heading(title, "Boundaries by look; shaded: the trial stops");
    let kinds =
        BoundaryKind::ALL.into_iter().filter(|&kind| points.iter().any(|at| at.kind == kind));
    let entries: Vec<LegendEntry> = kinds
        .map(|kind| LegendEntry::new(kind.name(), Sample::Point(boundary_mark(kind))))
        .collect();
    let area = PixelBox::new(12.0, top + 2.0, WIDTH - 8.0, 0.0);
    let top = top + 8.0 + legend(&mut drawing, area, &entries);
    let area = PixelBox::new(12.0, top, WIDTH - 14.0, top + 330.0);
    let chart = axes(&mut drawing, area, looks, scale, &points, effect);
    shade(&mut drawing, &chart, &points);
    // No effect.
    // A one-sided p value of 0.5 is Z = 0.
    let zero = chart.up(if scale == BoundaryScale::P { -libm::log10(0.5) } else { 0.0 });
    let level = [pixel(chart.plot.left, zero), pixel(chart.plot.right, zero)];
    drawing.line(&level, Stroke::new(INK, 1.0));
    draw_points(&mut drawing, &chart, &points);
    drawing.finish(area.bottom + 4.0)
}

fn axes(
    drawing: &mut Drawing,
    area: PixelBox,
    looks: &[LookCharacteristics],
    scale: BoundaryScale,
    points: &[BoundaryPoint],
    effect: &str,
) -> Chart {
    // 0, no effect, is always in sight.
    let [low, high] = extent(points.iter().map(|point| point.y).chain([0.0]));
    // 14 % are some 29 px, which a label above the highest mark needs: it is 13 px away, and 13 px high.
    let room = 0.14 * (high - low).max(1e-6);
    // No p value exceeds 1.
    let low = if scale == BoundaryScale::P { 0.0 } else { low - room };
    let high = high + room;
    let y = match scale {
        BoundaryScale::Z => {
            ChartAxis::linear("Z (above 0 favours the experimental arm)", low, high)
        }
        BoundaryScale::P => ChartAxis::linear("one-sided p value at the boundary", low, high)
            .with_ticks(p_ticks(high)),
        BoundaryScale::Effect => {
            ChartAxis::linear(format!("observed {}", effect_name(effect)), low, high)
        }
    };
    let ticks = looks.iter().map(|look| {
        let analysed = look.analysed.total();
        Tick { at: f64::from(analysed), label: grouped(u64::from(analysed)) }
    });
    let most = f64::from(looks.last().map_or(0, |look| look.analysed.total()));
    // A tenth beyond the final look, half of whose region and label lie to the right of it.
    let x = ChartAxis::linear("patients analysed, at the looks", 0.0, 1.1 * most)
        .with_ticks(ticks.collect());
    Chart::draw(drawing, area, x, y)
}

/// Lists powers of ten and 0.5 as p values on the scale of −log10 p.
fn p_ticks(high: f64) -> Vec<Tick> {
    let half = Tick { at: -libm::log10(0.5), label: "0.5".to_owned() };
    // Far beyond any boundary, numbers would run into one another.
    let step = (high / 8.0).ceil().max(1.0) as usize;
    // The p value of Z = 40, the largest that a scenario may state, is some 10⁻³⁵⁰.
    let powers = (1..=high.clamp(1.0, 400.0) as i32).step_by(step).map(|power| Tick {
        at: f64::from(power),
        label: if power <= 4 {
            crate::report::numeral::trimmed(libm::pow(10.0, -f64::from(power)), 4)
        } else {
            format!("1e−{power}")
        },
    });
    std::iter::once(half).chain(powers).collect()
}

fn points(looks: &[LookCharacteristics], scale: BoundaryScale) -> Vec<BoundaryPoint> {
    let mut points = Vec::new();
    for kind in BoundaryKind::ALL {
        for look in looks {
            let analysed = f64::from(look.analysed.total());
            let boundary = kind.at(look);
            points.extend(boundary.and_then(|at| point(kind, analysed, at, scale)));
        }
    }
    points
}

/// Returns the point of a boundary; `None` without an effect at it.
fn point(
    kind: BoundaryKind,
    analysed: f64,
    boundary: &BoundaryCharacteristics,
    scale: BoundaryScale,
) -> Option<BoundaryPoint> {
    let (y, text) = match scale {
        BoundaryScale::Z => (boundary.z, fixed(boundary.z, 3)),
        BoundaryScale::P => {
            let p = boundary.p_one_sided;
            // Four decimals would leave a p value of an early O'Brien–Fleming-type look one digit or none.
            let text = if p < 0.001 { format!("{p:.1e}") } else { format!("{p:.4}") };
            // Small p values on top, as large Z are on the other scale.
            (-libm::log10(p), text)
        }
        BoundaryScale::Effect => {
            let effect = boundary.effect?;
            (effect, fixed(effect, 3))
        }
    };
    Some(BoundaryPoint { kind, analysed, y, text: text.replace('-', "−") })
}

/// Half of the width of a region in which the trial stops at a look.
fn half_width(chart: &Chart, points: &[BoundaryPoint]) -> f64 {
    let mut looks: Vec<f64> = points.iter().map(|point| chart.across(point.analysed)).collect();
    looks.sort_by(f64::total_cmp);
    looks.dedup();
    // 0.4 to both sides leave a fifth of the distance free, so that regions of close looks do not merge.
    // 36 px at most, as a single look would otherwise shade the whole chart.
    let nearest = looks.windows(2).map(|two| two[1] - two[0]).fold(36.0, f64::min);
    0.4 * nearest
}

fn shade(drawing: &mut Drawing, chart: &Chart, points: &[BoundaryPoint]) {
    let half = half_width(chart, points);
    for point in points {
        let at = chart.at(point.analysed, point.y);
        let region = match point.kind {
            BoundaryKind::Efficacy => PixelBox::new(at.x - half, chart.plot.top, at.x + half, at.y),
            BoundaryKind::Futility | BoundaryKind::Harm => {
                PixelBox::new(at.x - half, at.y, at.x + half, chart.plot.bottom)
            }
        };
        drawing.rect(region, boundary_colour(point.kind), 0.13);
    }
}

fn draw_points(drawing: &mut Drawing, chart: &Chart, points: &[BoundaryPoint]) {
    // A level bar reaches 2.2 radii to each side, and so to the edges of its region.
    let radius = half_width(chart, points) / 2.2;
    let mut room = LabelRoom::new(PixelBox { right: chart.plot.right + 12.0, ..chart.plot });
    for point in points {
        let at = chart.at(point.analysed, point.y);
        boundary_mark(point.kind).sized(radius).draw(drawing, at);
        room.avoid(PixelBox::new(at.x - 2.2 * radius, at.y - 3.0, at.x + 2.2 * radius, at.y + 3.0));
    }
    // Backwards, as the last look matters most and chooses first.
    for point in points.iter().rev() {
        let side = match point.kind {
            BoundaryKind::Efficacy => LabelSide::Above,
            BoundaryKind::Futility | BoundaryKind::Harm => LabelSide::Below,
        };
        let at = chart.at(point.analysed, point.y);
        room.write(drawing, at, &point.text, side, boundary_colour(point.kind));
    }
}
