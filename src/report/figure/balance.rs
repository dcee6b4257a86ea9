//! Balance of the allocation.

use super::chart::{Chart, ChartAxis};
use super::colour::{EFFICACY, HARM, INK, SOFT};
use super::drawing::{Drawing, Lettering, PixelBox, SMALL, Stroke, WIDTH, pixel, shortened};
use super::legend::{LegendEntry, Sample, legend};
use super::mark::{Mark, MarkShape};

const ROW: f64 = 26.0;
/// Left edge of the rows, to the right of their names.
const LEFT: f64 = 190.0;

/// The difference between the arms, in patients.
#[derive(Debug, Clone, PartialEq)]
pub struct ArmDifference {
    /// The patients: the whole trial, or a level of a factor.
    pub among: String,
    /// Mean over trials.
    pub mean: f64,
    /// 95th percentile over trials.
    pub p95: f64,
}

const MEAN: Mark = Mark::new(MarkShape::Circle, EFFICACY);
/// Higher than the mean, so that both are seen where they are the same.
const PERCENTILE: Mark = Mark::new(MarkShape::Bar, HARM);

/// Draws a row for each difference.
pub fn balance(differences: &[ArmDifference]) -> String {
    let mut drawing = Drawing::new();
    let entries = [
        LegendEntry::new("mean", Sample::Point(MEAN)),
        LegendEntry::new("95th percentile of the trials", Sample::Point(PERCENTILE)),
    ];
    let top = 8.0 + legend(&mut drawing, PixelBox::new(LEFT, 6.0, WIDTH - 8.0, 0.0), &entries);
    // At least two patients, as an axis from 0 to 1 would seem to show a large imbalance.
    let most = differences.iter().map(|row| row.p95.max(row.mean)).fold(2.0, f64::max);
    let rows = ROW * differences.len() as f64;
    let x = ChartAxis::linear("difference between the arms, patients", 0.0, 1.03 * most);
    let y = ChartAxis::linear("", 0.0, 1.0).with_ticks(Vec::new());
    let area = PixelBox::new(LEFT - 22.0, top, WIDTH - 14.0, top + rows + 52.0);
    let chart = Chart::draw(&mut drawing, area, x, y);
    for (i, row) in differences.iter().enumerate() {
        let y = chart.plot.top + ROW * (i as f64 + 0.5);
        let name = shortened(&row.among, LEFT - 24.0, SMALL);
        // The whole trial comes before its parts.
        let lettering = Lettering::right(SMALL).coloured(if i == 0 { INK } else { SOFT });
        drawing.text(pixel(LEFT - 10.0, y), &name, lettering);
        let (mean, p95) = (chart.across(row.mean), chart.across(row.p95));
        drawing.line(&[pixel(chart.across(0.0), y), pixel(p95, y)], Stroke::new(SOFT, 0.8));
        drawing.line(&[pixel(mean, y), pixel(p95, y)], Stroke::new(SOFT, 2.4));
        PERCENTILE.draw(&mut drawing, pixel(p95, y));
        MEAN.draw(&mut drawing, pixel(mean, y));
    }
    drawing.finish(area.bottom + 4.0)
}
