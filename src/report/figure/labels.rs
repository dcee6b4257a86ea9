//! Labels at points and at the ends of lines, which cover neither marks nor lines nor one another.

use super::colour::{Colour, SOFT};
use super::drawing::{Drawing, Lettering, Pixel, PixelBox, SMALL, Stroke, pixel};

/// The side of its point that a label is tried on first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LabelSide {
    Above,
    Below,
}

/// Room for labels: an area, and what is taken of it.
#[derive(Debug)]
pub(super) struct LabelRoom {
    inside: PixelBox,
    taken: Vec<PixelBox>,
}

impl LabelRoom {
    /// Starts with a free area.
    pub fn new(inside: PixelBox) -> Self {
        Self { inside, taken: Vec::new() }
    }

    /// Keeps labels off a rectangle.
    pub fn avoid(&mut self, area: PixelBox) {
        self.taken.push(area);
    }

    /// Keeps labels off a line.
    pub fn avoid_line(&mut self, points: &[Pixel]) {
        for ends in points.windows(2) {
            let [from, to] = [ends[0], ends[1]];
            let long = (to.x - from.x).abs().max((to.y - from.y).abs());
            // Small boxes along the line, as the box around a steep line would block half of the plot. The
            // gaps of 2 px between them are lower than any text.
            // A line across the figure has some hundred; a place that is not finite must not fill
            // the memory.
            let steps = (long / 4.0).ceil().clamp(1.0, 400.0) as u32;
            for i in 0..=steps {
                let share = f64::from(i) / f64::from(steps);
                let at = pixel(from.x + share * (to.x - from.x), from.y + share * (to.y - from.y));
                self.taken.push(PixelBox::around(at, 1.0));
            }
        }
    }

    /// Writes a label next to a point, joined by a line if it must be farther away. A label without a place
    /// is left out, and the tables have it. Returns whether it was written.
    pub fn write(
        &mut self,
        drawing: &mut Drawing,
        at: Pixel,
        text: &str,
        first: LabelSide,
        colour: Colour,
    ) -> bool {
        // 13 px clear a mark of radius 4 with half of a line of text; beyond 40 the eye loses the point.
        for distance in [13.0, 26.0, 40.0] {
            for (place, lettering) in candidates(at, distance, first) {
                let extent = lettering.extent(place, text);
                let is_free = extent.is_within(&self.inside)
                    && !self.taken.iter().any(|other| extent.overlaps(other));
                if !is_free {
                    continue;
                }
                if distance > 13.0 {
                    let end = pixel(
                        at.x.clamp(extent.left, extent.right),
                        if place.y < at.y { extent.bottom } else { extent.top },
                    );
                    drawing.line(&[at, end], Stroke::new(SOFT, 0.6));
                }
                drawing.text(place, text, lettering.coloured(colour).over_lines());
                self.taken.push(extent);
                return true;
            }
        }
        false
    }
}

/// Lists the places of a label around a point, at some distance, in the order of preference.
fn candidates(at: Pixel, distance: f64, first: LabelSide) -> Vec<(Pixel, Lettering)> {
    let (above, below) = (at.y - distance, at.y + distance);
    let rows = match first {
        LabelSide::Above => [above, below],
        LabelSide::Below => [below, above],
    };
    let mut places = Vec::new();
    for y in rows {
        places.push((pixel(at.x, y), Lettering::centred(SMALL)));
        // Begun a little before the point, so that the label still seems to stand over it.
        places.push((pixel(at.x - 5.0, y), Lettering::left(SMALL)));
        places.push((pixel(at.x + 5.0, y), Lettering::right(SMALL)));
    }
    // Next to the point only if near it: a label farther away would seem to belong to nothing.
    if distance < 20.0 {
        places.push((pixel(at.x + 9.0, at.y), Lettering::left(SMALL)));
        places.push((pixel(at.x - 9.0, at.y), Lettering::right(SMALL)));
    }
    places
}

/// The name of a line at its right end.
#[derive(Debug, Clone)]
pub(super) struct EndLabel {
    /// The last point of the line.
    pub end: Pixel,
    pub text: String,
    pub colour: Colour,
}

/// Distance between the names of lines.
const ROW: f64 = 15.0;

/// Writes the names of lines to the right of their ends, from `left`. Names that would touch are moved
/// apart and joined to their lines.
pub(super) fn end_labels(drawing: &mut Drawing, left: f64, plot: PixelBox, labels: &[EndLabel]) {
    let mut order: Vec<&EndLabel> = labels.iter().collect();
    order.sort_by(|a, b| a.end.y.total_cmp(&b.end.y));
    let wanted: Vec<f64> = order.iter().map(|label| label.end.y).collect();
    for (label, y) in order.iter().zip(apart(&wanted, plot)) {
        let from = pixel(label.end.x + 5.0, label.end.y);
        let stroke = Stroke::new(label.colour, 0.7);
        drawing.line(&[from, pixel(left - 3.0, y)], stroke);
        drawing.text(pixel(left, y), &label.text, Lettering::left(SMALL).coloured(label.colour));
    }
}

/// Moves heights in increasing order apart, as little as needed, within the plot if they fit.
fn apart(wanted: &[f64], plot: PixelBox) -> Vec<f64> {
    let mut places: Vec<f64> = Vec::with_capacity(wanted.len());
    // Down from the top first: each name is pushed only by those above it, which keeps their order.
    for &y in wanted {
        let least = places.last().map_or(plot.top, |above| above + ROW);
        places.push(y.max(least));
    }
    // Back up from the foot, as the last may have been pushed below it.
    let mut most = plot.bottom;
    for place in places.iter_mut().rev() {
        *place = place.min(most);
        most = *place - ROW;
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    const AREA: PixelBox = PixelBox::new(0.0, 0.0, 300.0, 200.0);

    #[test]
    fn names_of_lines_keep_their_order_and_distance() {
        let places = apart(&[5.0, 6.0, 7.0, 199.0, 200.0], AREA);
        assert!(places.windows(2).all(|two| two[1] - two[0] >= ROW - 1e-9), "{places:?}");
        assert!(places[0] >= 0.0 && places[4] <= 200.0, "{places:?}");
    }

    #[test]
    fn labels_at_one_point_do_not_overlap() {
        let mut drawing = Drawing::new();
        let mut room = LabelRoom::new(AREA);
        let at = pixel(150.0, 100.0);
        room.avoid(PixelBox::around(at, 5.0));
        for text in ["1.234 efficacy", "2.345", "−3.210", "0.5"] {
            assert!(room.write(&mut drawing, at, text, LabelSide::Above, SOFT), "{text}");
        }
        let (boxes, mark) = (&room.taken[1..], room.taken[0]);
        for (i, one) in boxes.iter().enumerate() {
            assert!(one.is_within(&AREA) && !one.overlaps(&mark));
            assert!(boxes[..i].iter().all(|other| !one.overlaps(other)));
        }
    }

    #[test]
    fn label_without_room_is_left_out() {
        let mut room = LabelRoom::new(PixelBox::new(0.0, 0.0, 10.0, 10.0));
        let written =
            room.write(&mut Drawing::new(), pixel(5.0, 5.0), "0.123", LabelSide::Above, SOFT);
        assert!(!written);
    }
}
