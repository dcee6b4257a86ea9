//! How evenly patients are allocated.

use plotters::style::text_anchor::HPos;

use super::{Drawn, EFFICACY, GRID, HARM, INK, WIDTH, fill, legend, line, svg, write};

const ROW: i32 = 30;
const LEFT: i32 = 220;
const RIGHT: i32 = WIDTH as i32 - 24;

/// Mean and 95th percentile of the difference between the arms, a row for each name.
pub fn balance(rows: &[(String, f64, f64)]) -> String {
    let bottom = 44 + ROW * rows.len() as i32;
    svg((WIDTH, (bottom + 56) as u32), |area| {
        legend(area, &[("mean", EFFICACY), ("95th percentile", HARM)], (LEFT, 18))?;
        let most = rows.iter().map(|row| row.2).fold(1.0, f64::max).ceil();
        let across = |value: f64| LEFT + (value / most * f64::from(RIGHT - LEFT)).round() as i32;
        let step = (most / 6.0).ceil().max(1.0);
        let ticks = (0..=6).map(|i| f64::from(i) * step).take_while(|&value| value <= most);
        for value in ticks {
            let x = across(value);
            line(area, &[(x, 36), (x, bottom)], GRID)?;
            write(area, &format!("{value:.0}"), (x, bottom + 14), (16, HPos::Center, INK))?;
        }
        let title = "difference between the arms, patients";
        write(area, title, ((LEFT + RIGHT) / 2, bottom + 38), (17, HPos::Center, INK))?;
        for (i, (name, mean, p95)) in rows.iter().enumerate() {
            let y = 52 + ROW * i as i32;
            write(area, &shortened(name), (LEFT - 12, y), (16, HPos::Right, INK))?;
            dumbbell(area, y, [across(*mean), across(*p95)])?;
        }
        Ok(())
    })
}

/// No longer than the room beside the bars.
fn shortened(name: &str) -> String {
    const MOST: usize = 27;
    if name.chars().count() <= MOST {
        return name.to_owned();
    }
    name.chars().take(MOST - 1).chain(['…']).collect()
}

fn dumbbell(area: &super::Area<'_>, y: i32, [mean, p95]: [i32; 2]) -> Drawn {
    fill(area, [(mean, y - 2), (p95, y + 2)], super::OPEN)?;
    super::draw_mark(area, (p95, y), (super::Mark::Triangle, HARM))?;
    super::draw_mark(area, (mean, y), (super::Mark::Circle, EFFICACY))
}
