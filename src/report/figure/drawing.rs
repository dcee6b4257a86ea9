//! Drawings: SVG with coordinates to a hundredth of a pixel.
//!
//! A drawing is 480 pixels wide and its words are 14 pixels high, which leaves them some 10 pixels on a
//! telephone and 10 points on 127 mm of paper.

use std::fmt::Write as _;

use super::colour::{Colour, INK, PAPER, SOFT};
use crate::report::gallery::escaped;

/// Width of figures in pixels.
pub(super) const WIDTH: f64 = 480.0;
/// Height of words.
pub(super) const WORDS: f64 = 14.0;
/// Height of numbers within a chart and of remarks.
pub(super) const SMALL: f64 = 12.5;

/// A place in pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Pixel {
    pub x: f64,
    pub y: f64,
}

/// Returns the place this far across and down.
pub(super) const fn pixel(x: f64, y: f64) -> Pixel {
    Pixel { x, y }
}

/// A rectangle in pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct PixelBox {
    pub left: f64,
    pub top: f64,
    pub right: f64,
    pub bottom: f64,
}

impl PixelBox {
    pub const fn new(left: f64, top: f64, right: f64, bottom: f64) -> Self {
        Self { left, top, right, bottom }
    }

    pub fn around(centre: Pixel, reach: f64) -> Self {
        let Pixel { x, y } = centre;
        Self { left: x - reach, top: y - reach, right: x + reach, bottom: y + reach }
    }

    pub fn width(&self) -> f64 {
        self.right - self.left
    }

    pub fn height(&self) -> f64 {
        self.bottom - self.top
    }

    pub fn middle(&self) -> Pixel {
        pixel((self.left + self.right) / 2.0, (self.top + self.bottom) / 2.0)
    }

    pub fn is_within(&self, other: &Self) -> bool {
        self.left >= other.left
            && self.top >= other.top
            && self.right <= other.right
            && self.bottom <= other.bottom
    }

    pub fn overlaps(&self, other: &Self) -> bool {
        self.left < other.right
            && other.left < self.right
            && self.top < other.bottom
            && other.top < self.bottom
    }
}

/// The style of a line.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Stroke {
    pub colour: Colour,
    pub width: f64,
    /// Pixels drawn and left out in turn; 0 draws all.
    pub dash: f64,
    pub opacity: f64,
}

impl Stroke {
    pub const fn new(colour: Colour, width: f64) -> Self {
        Self { colour, width, dash: 0.0, opacity: 1.0 }
    }

    pub const fn dashed(self, dash: f64) -> Self {
        Self { dash, ..self }
    }

    pub const fn faint(self, opacity: f64) -> Self {
        Self { opacity, ..self }
    }

    /// Returns the attributes of SVG.
    pub fn attributes(&self) -> String {
        let Self { colour, width, dash, opacity } = *self;
        let mut out = format!("stroke=\"{colour}\" stroke-width=\"{}\"", short(width));
        if dash > 0.0 {
            let _ = write!(out, " stroke-dasharray=\"{0} {0}\"", short(dash));
        }
        if opacity < 1.0 {
            let _ = write!(out, " opacity=\"{}\"", short(opacity));
        }
        out
    }
}

/// The side of a text that lies at its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TextSide {
    Left,
    Middle,
    Right,
}

/// Size, colour and side of a text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Lettering {
    pub size: f64,
    pub side: TextSide,
    pub colour: Colour,
    pub is_bold: bool,
    /// Colour of an edge that keeps the text readable over lines.
    pub halo: Option<Colour>,
}

impl Lettering {
    const fn new(size: f64, side: TextSide) -> Self {
        Self { size, side, colour: INK, is_bold: false, halo: None }
    }

    /// Begins the text at its place.
    pub const fn left(size: f64) -> Self {
        Self::new(size, TextSide::Left)
    }

    /// Centres the text on its place.
    pub const fn centred(size: f64) -> Self {
        Self::new(size, TextSide::Middle)
    }

    /// Ends the text at its place.
    pub const fn right(size: f64) -> Self {
        Self::new(size, TextSide::Right)
    }

    pub const fn coloured(self, colour: Colour) -> Self {
        Self { colour, ..self }
    }

    pub const fn bold(self) -> Self {
        Self { is_bold: true, ..self }
    }

    pub const fn over_lines(self) -> Self {
        self.on(PAPER)
    }

    /// Keeps the text readable over lines on this ground.
    pub const fn on(self, ground: Colour) -> Self {
        Self { halo: Some(ground), ..self }
    }

    /// Returns the rectangle that a text with this lettering takes.
    pub fn extent(&self, at: Pixel, text: &str) -> PixelBox {
        let width = text_width(text, self.size);
        let left = match self.side {
            TextSide::Left => at.x,
            TextSide::Middle => at.x - width / 2.0,
            TextSide::Right => at.x - width,
        };
        let half = self.size / 2.0;
        PixelBox::new(left, at.y - half, left + width, at.y + half)
    }
}

/// A drawing on white paper, from the lowest layer to the highest.
#[derive(Debug)]
pub(super) struct Drawing {
    width: f64,
    body: String,
}

impl Drawing {
    /// Starts a drawing of the usual width.
    pub fn new() -> Self {
        Self { width: WIDTH, body: String::new() }
    }

    /// Returns the SVG of the drawing at this height.
    pub fn finish(self, height: f64) -> String {
        let (width, height) = (short(self.width), short(height.ceil()));
        // Arial and Helvetica, or a font with the same widths, where there is one: texts are laid out by them.
        format!(
            "<svg width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
             xmlns=\"http://www.w3.org/2000/svg\" \
             font-family=\"Arial, Helvetica, 'Liberation Sans', 'DejaVu Sans', sans-serif\">\n\
             <rect width=\"{width}\" height=\"{height}\" fill=\"{PAPER}\"/>\n{}</svg>\n",
            self.body
        )
    }

    /// Writes an element.
    fn element(&mut self, element: &str) {
        self.body.push_str(element);
        // A line for each, so that a comparison of two files shows which elements differ.
        self.body.push('\n');
    }

    /// Draws a block that words may lie on; its colour is the same on light and dark pages.
    pub fn block(&mut self, area: PixelBox, colour: Colour) {
        let place = rectangle(area);
        self.element(&format!("<rect class=\"block\" {place} fill=\"{colour}\"/>"));
    }

    /// Draws a rectangle without an outline.
    pub fn rect(&mut self, area: PixelBox, colour: Colour, opacity: f64) {
        let place = rectangle(area);
        let opacity = opacity_attribute(opacity);
        self.element(&format!("<rect {place} fill=\"{colour}\"{opacity}/>"));
    }

    /// Draws a rectangle with an outline, filled with paper.
    pub fn outlined(&mut self, area: PixelBox, stroke: Stroke) {
        let (place, stroke) = (rectangle(area), stroke.attributes());
        self.element(&format!("<rect {place} fill=\"{PAPER}\" {stroke}/>"));
    }

    /// Draws straight lines from place to place.
    pub fn line(&mut self, points: &[Pixel], stroke: Stroke) {
        // A polyline of one point draws nothing, but a renderer may still put a cap there.
        if points.len() < 2 {
            return;
        }
        let (points, stroke) = (listed(points), stroke.attributes());
        self.element(&format!(
            "<polyline points=\"{points}\" fill=\"none\" stroke-linejoin=\"round\" {stroke}/>"
        ));
    }

    /// Fills a shape given by the commands of an SVG path.
    pub fn path(&mut self, commands: &str, colour: Colour, opacity: f64) {
        let opacity = opacity_attribute(opacity);
        self.element(&format!("<path d=\"{commands}\" fill=\"{colour}\"{opacity}/>"));
    }

    /// Draws a line given by the commands of an SVG path.
    pub fn curve(&mut self, commands: &str, stroke: Stroke) {
        let stroke = stroke.attributes();
        self.element(&format!("<path d=\"{commands}\" fill=\"none\" {stroke}/>"));
    }

    /// Draws a circle with these attributes of fill and stroke.
    pub fn circle(&mut self, at: Pixel, radius: f64, attributes: &str) {
        let (x, y, radius) = (short(at.x), short(at.y), short(radius));
        self.element(&format!("<circle cx=\"{x}\" cy=\"{y}\" r=\"{radius}\" {attributes}/>"));
    }

    /// Draws a polygon with these attributes of fill and stroke.
    pub fn shape(&mut self, points: &[Pixel], attributes: &str) {
        let points = listed(points);
        self.element(&format!("<polygon points=\"{points}\" {attributes}/>"));
    }

    /// Writes a text at a place, half of its height above it.
    pub fn text(&mut self, at: Pixel, text: &str, lettering: Lettering) {
        let Lettering { size, side, colour, is_bold, halo } = lettering;
        let anchor = match side {
            TextSide::Left => "",
            TextSide::Middle => " text-anchor=\"middle\"",
            TextSide::Right => " text-anchor=\"end\"",
        };
        let weight = if is_bold { " font-weight=\"bold\"" } else { "" };
        // The outline is drawn first, so that it does not cover the letters.
        let halo = halo.map_or(String::new(), |ground| {
            format!(
                " stroke=\"{ground}\" stroke-width=\"3\" stroke-linejoin=\"round\" \
                 paint-order=\"stroke\""
            )
        });
        // A third of the size is half the height of capitals: programs differ in `dominant-baseline`.
        let (x, y) = (short(at.x), short(at.y + 0.35 * size));
        let (size, text) = (short(size), escaped(text));
        self.element(&format!(
            "<text x=\"{x}\" y=\"{y}\" font-size=\"{size}\" fill=\"{colour}\"{anchor}{weight}{halo}>{text}</text>"
        ));
    }

    /// Writes title and subtitle of a drawing that stands alone. Returns the height that they take.
    pub fn heading(&mut self, title: &str, subtitle: &str) -> f64 {
        // Both texts are wrapped: titles are those of scenarios, and may be of any length.
        let mut y = 0.0;
        for line in wrapped(title, self.width - 24.0, WORDS + 1.0) {
            y += 21.0;
            self.text(pixel(12.0, y - 4.0), &line, Lettering::left(WORDS + 1.0).bold());
        }
        for line in wrapped(subtitle, self.width - 24.0, SMALL) {
            y += 18.0;
            self.text(pixel(12.0, y - 3.0), &line, Lettering::left(SMALL).coloured(SOFT));
        }
        if y > 0.0 { y + 6.0 } else { 0.0 }
    }

    /// Writes remarks below everything else, from this height. Returns the height at which they end.
    pub fn remarks(&mut self, top: f64, remarks: &[String]) -> f64 {
        let mut y = top;
        for remark in remarks.iter().filter(|remark| !remark.is_empty()) {
            for line in wrapped(remark, self.width - 24.0, SMALL) {
                self.text(pixel(12.0, y + 8.0), &line, Lettering::left(SMALL).coloured(SOFT));
                y += 16.0;
            }
        }
        if y > top { y + 4.0 } else { y }
    }

    /// Writes the provenance of a drawing that stands alone. Returns the height at which it ends.
    pub fn source(&mut self, top: f64, source: &str) -> f64 {
        // Smaller than all else: a command is long, and read only by those who want to repeat the figure.
        const SIZE: f64 = 9.0;
        let mut y = top;
        for line in wrapped(source, self.width - 24.0, SIZE) {
            self.text(pixel(12.0, y + 8.0), &line, Lettering::left(SIZE).coloured(SOFT));
            y += 12.0;
        }
        if y > top { y + 6.0 } else { y }
    }
}

fn rectangle(area: PixelBox) -> String {
    let (x, y) = (short(area.left), short(area.top));
    let (width, height) = (short(area.width()), short(area.height()));
    format!("x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\"")
}

fn opacity_attribute(opacity: f64) -> String {
    if opacity < 1.0 { format!(" opacity=\"{}\"", short(opacity)) } else { String::new() }
}

/// Lists places as in the attribute `points`.
fn listed(points: &[Pixel]) -> String {
    let pairs = points.iter().map(|at| format!("{},{}", short(at.x), short(at.y)));
    pairs.collect::<Vec<_>>().join(" ")
}

/// Writes a coordinate to a hundredth of a pixel.
pub(super) fn short(value: f64) -> String {
    crate::report::numeral::trimmed(value, 2)
}

/// Returns the width of a text in pixels, a little more than in Arial: SVG does not say how wide a text is.
pub(super) fn text_width(text: &str, size: f64) -> f64 {
    let widths = text.chars().map(|letter| match letter {
        'i' | 'j' | 'l' | '\'' | '|' | '.' | ',' | ':' | ';' | '!' => 0.25,
        ' ' | 't' | 'f' | 'r' | 'I' | '(' | ')' | '[' | ']' | '/' | '-' | '\u{2009}' => 0.34,
        'm' | 'M' | 'w' | 'W' | '%' | '…' => 0.88,
        'A'..='Z' | '≥' | '≤' | '±' | '+' | '=' | '−' => 0.69,
        // Digits and most small letters.
        _ => 0.56,
    });
    1.03 * size * widths.sum::<f64>()
}

/// Breaks a text into lines of at most this width, between words.
pub(super) fn wrapped(text: &str, width: f64, size: f64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        if let Some(line) = lines.last_mut()
            && text_width(&format!("{line} {word}"), size) <= width
        {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}

/// Shortens a text to this width.
pub(super) fn shortened(text: &str, width: f64, size: f64) -> String {
    if text_width(text, size) <= width {
        return text.to_owned();
    }
    let mut short = String::new();
    for letter in text.chars() {
        if text_width(&format!("{short}{letter}…"), size) > width {
            break;
        }
        short.push(letter);
    }
    short.trim_end().to_owned() + "…"
}
