//! The figure of a re-estimated number of patients.

use super::Figure;
use crate::report::csv;
use crate::report::figure::{self, Curve, CurveAxis, CurveScale, CurveStyle, PointWithError};
use crate::scenario::{BlindedSize, Scenario, SizeReestimation, SizeRule};

/// Points of the curve.
const POINTS: u32 = 400;

/// Draws which number of patients follows from which interim result; `None` without a re-estimation.
pub(super) fn size(scenario: &Scenario) -> Option<Figure> {
    let size = scenario.adaptation.size.as_ref()?;
    let (name, points) = match &size.rule {
        SizeRule::Unblinded { zone, .. } => {
            let table = zone.table_points();
            let (low, high) = (*table.first()? - 0.4, *table.last()? + 0.4);
            let z = spread(low, high).filter(|z| !zone.ends(*z));
            let points = z.map(|z| [z, f64::from(size.randomised(zone.size(z)))]);
            (format!("Z at look {}", size.look + 1), points.collect::<Vec<_>>())
        }
        SizeRule::Blinded { by, restricted } => {
            let (name, high) = match by {
                BlindedSize::Rate { .. } => ("rate of both arms together", 0.98),
                BlindedSize::Variance { planned, .. } => {
                    ("variance of both arms together", 2.0 * planned)
                }
            };
            let least = if *restricted { size.planned } else { 1 };
            let observed = spread(0.02 * high, high);
            let points = observed.map(|at| [at, blinded(size, by, at, least)]);
            (name.to_owned(), points.collect())
        }
    };
    let curve = Curve {
        name: String::new(),
        style: CurveStyle::Line,
        colour: 0,
        points: points.iter().map(|&[x, value]| PointWithError { x, value, mcse: 0.0 }).collect(),
    };
    let axis =
        |name: &str| CurveAxis { name: name.to_owned(), range: None, scale: CurveScale::Linear };
    let rows = points.iter().map(|point| point.iter().map(|&value| csv::float(value)).collect());
    let data = csv::CsvTable::new(&["observed", "n_randomised"], rows);
    Some(Figure {
        name: "size-rule".to_owned(),
        title: "Number of patients by interim result".to_owned(),
        caption: scenario.size_adaptation_in_words()?,
        svg: figure::curves(&axis(&name), &axis("patients randomised"), &[curve], &[]),
        data,
    })
}

fn spread(low: f64, high: f64) -> impl Iterator<Item = f64> {
    (0..=POINTS).map(move |k| low + (high - low) * f64::from(k) / f64::from(POINTS))
}

fn blinded(size: &SizeReestimation, by: &BlindedSize, observed: f64, least: u32) -> f64 {
    f64::from(size.randomised(size.size_at(by, observed)).max(least))
}
