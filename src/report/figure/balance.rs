//! Balance of the allocation.

use super::{
    Area, Drawn, EFFICACY, GRID, HARM, Lettering, Mark, MarkShape, OPEN, WIDTH, fill, legend, line,
    svg, write,
};

const ROW: i32 = 30;
const LEFT: i32 = 220;
const RIGHT: i32 = WIDTH as i32 - 24;

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

/// Draws a row for each difference.
pub fn balance(differences: &[ArmDifference]) -> String {
    let bottom = 44 + ROW * differences.len() as i32;
    svg((WIDTH, (bottom + 56) as u32), |area| {
        legend(area, &[("mean", EFFICACY), ("95th percentile", HARM)], (LEFT, 18))?;
        let most = differences.iter().map(|row| row.p95).fold(1.0, f64::max).ceil();
        // Whole patients between ticks, and at most seven of them.
        let step = (most / 6.0).ceil().max(1.0);
        for value in (0..=6).map(|i| f64::from(i) * step).take_while(|&value| value <= most) {
            let x = across(value / most);
            line(area, &[(x, 36), (x, bottom)], GRID)?;
            write(area, &format!("{value:.0}"), (x, bottom + 14), Lettering::centred(16))?;
        }
        let title = "difference between the arms, patients";
        write(area, title, ((LEFT + RIGHT) / 2, bottom + 38), Lettering::centred(17))?;
        for (i, row) in differences.iter().enumerate() {
            let y = 52 + ROW * i as i32;
            write(area, &shortened(&row.among), (LEFT - 12, y), Lettering::right(16))?;
            dumbbell(area, y, across(row.mean / most), across(row.p95 / most))?;
        }
        Ok(())
    })
}

/// Returns the pixel of a share of the axis.
fn across(share: f64) -> i32 {
    LEFT + (share * f64::from(RIGHT - LEFT)).round() as i32
}

/// Shortens a name to the room to the left of the bars.
fn shortened(name: &str) -> String {
    const MOST: usize = 27;
    if name.chars().count() <= MOST {
        return name.to_owned();
    }
    name.chars().take(MOST - 1).chain(['…']).collect()
}

fn dumbbell(area: &Area<'_>, y: i32, mean: i32, p95: i32) -> Drawn {
    fill(area, [(mean, y - 2), (p95, y + 2)], OPEN)?;
    // The mean lies over the percentile where both are the same.
    Mark::new(MarkShape::Triangle, HARM).draw(area, (p95, y))?;
    Mark::new(MarkShape::Circle, EFFICACY).draw(area, (mean, y))
}
