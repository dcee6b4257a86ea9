//! Figures as PNG and PDF, rendered from their SVG.

use miniz_oxide::deflate::compress_to_vec_zlib;
use pdf_writer::types::{LineCapStyle, LineJoinStyle};
use pdf_writer::{Content, Filter, Finish, Name, Pdf, Rect, Ref, TextStr};
use png::{BitDepth, ColorType, Encoder, PixelDimensions, Unit};
use resvg::tiny_skia::{Color, Pixmap, Transform};
use resvg::usvg::tiny_skia_path::{Path, PathSegment, Point};
use resvg::usvg::{self, Group, LineCap, LineJoin, Node, Options, Paint, PaintOrder, Tree};

/// Pixels of a drawing per inch, as in CSS.
const PIXELS_PER_INCH: f32 = 96.0;
/// Points of PDF per inch.
const POINTS_PER_INCH: f32 = 72.0;
/// Similar sans-serif fonts in order of preference.
const SANS: [&str; 5] = ["Arial", "Helvetica", "Liberation Sans", "DejaVu Sans", "Noto Sans"];

/// A renderer of SVG with the fonts of the system.
#[derive(Debug)]
pub struct PictureRenderer {
    options: Options<'static>,
}

/// The reason why a figure cannot be rendered.
#[derive(Debug, thiserror::Error)]
pub enum PictureError {
    /// The system has no font, so that the picture would have no words.
    #[error("this system has no font to write with; allowed: SVG figures, or installing a font")]
    NoFont,
    /// The drawing is not SVG, or larger than memory.
    #[error("cannot draw: {0}")]
    Drawing(String),
}

impl PictureRenderer {
    /// Finds the fonts of the system.
    ///
    /// # Errors
    /// [`PictureError::NoFont`] if it has none.
    pub fn new() -> Result<Self, PictureError> {
        let mut options = Options::default();
        let fonts = options.fontdb_mut();
        // None is embedded, which keeps the program small.
        fonts.load_system_fonts();
        // By name and not by fontdb's own default, which is Arial whether or not the system has it.
        let known = SANS.into_iter().find(|name| {
            fonts.faces().any(|face| face.families.iter().any(|family| family.0 == *name))
        });
        // Any font is better than none.
        let family = known
            .map(str::to_owned)
            .or_else(|| fonts.faces().next().map(|face| face.families[0].0.clone()))
            .ok_or(PictureError::NoFont)?;
        fonts.set_sans_serif_family(family);
        Ok(Self { options })
    }

    fn tree(&self, svg: &str) -> Result<Tree, PictureError> {
        Tree::from_str(svg, &self.options).map_err(drawing_error)
    }

    /// Renders an SVG drawing as PNG with this number of pixels per inch, which the file states.
    ///
    /// # Errors
    /// [`PictureError::Drawing`] if `svg` is not SVG or too large.
    pub fn png(&self, svg: &str, dpi: u16) -> Result<Vec<u8>, PictureError> {
        let tree = self.tree(svg)?;
        let scale = f32::from(dpi) / PIXELS_PER_INCH;
        let size = tree.size().to_int_size().scale_by(scale);
        let mut picture = size
            .and_then(|size| Pixmap::new(size.width(), size.height()))
            .ok_or_else(|| drawing_error("its size is out of range"))?;
        // Drawings have paper of their own; a fraction of a pixel at the edge may lie beyond it.
        picture.fill(Color::WHITE);
        resvg::render(&tree, Transform::from_scale(scale, scale), &mut picture.as_mut());
        encode(&picture, dpi)
    }

    /// Renders an SVG drawing as PDF of one page of its size. Words are outlines, so that they look alike
    /// everywhere.
    ///
    /// # Errors
    /// [`PictureError::Drawing`] if `svg` is not SVG.
    pub fn pdf(&self, svg: &str, title: &str) -> Result<Vec<u8>, PictureError> {
        let tree = self.tree(svg)?;
        let mut page = PdfPage::new(tree.size());
        page.group(tree.root(), 1.0);
        Ok(page.finish(title))
    }
}

fn drawing_error(error: impl ToString) -> PictureError {
    PictureError::Drawing(error.to_string())
}

/// Encodes a picture without transparent parts.
fn encode(picture: &Pixmap, dpi: u16) -> Result<Vec<u8>, PictureError> {
    // The paper is opaque: a fourth channel would be 255 everywhere.
    // Channels are premultiplied, which leaves them as they are where nothing is transparent.
    let rgb: Vec<u8> = picture
        .pixels()
        .iter()
        .flat_map(|pixel| [pixel.red(), pixel.green(), pixel.blue()])
        .collect();
    // An inch is 0.0254 m.
    let per_metre = (f64::from(dpi) / 0.0254).round() as u32;
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, picture.width(), picture.height());
    encoder.set_color(ColorType::Rgb);
    encoder.set_depth(BitDepth::Eight);
    encoder.set_pixel_dims(Some(PixelDimensions {
        xppu: per_metre,
        yppu: per_metre,
        unit: Unit::Meter,
    }));
    let mut writer = encoder.write_header().map_err(drawing_error)?;
    writer.write_image_data(&rgb).map_err(drawing_error)?;
    writer.finish().map_err(drawing_error)?;
    Ok(bytes)
}

/// A page of PDF under construction.
// Only what figures have: paths in one colour, and opacity of single shapes. Crates that convert any SVG
// follow the releases of usvg late, and would bring an older one with them.
struct PdfPage {
    content: Content,
    size: usvg::Size,
    /// Opacities of the graphics states, in per mille, in the order of their names.
    opacities: Vec<u16>,
}

const CATALOGUE: Ref = Ref::new(1);
const PAGES: Ref = Ref::new(2);
const PAGE: Ref = Ref::new(3);
const CONTENT: Ref = Ref::new(4);
const INFORMATION: Ref = Ref::new(5);
/// The first of the graphics states.
const FIRST_STATE: i32 = 6;

impl PdfPage {
    fn new(size: usvg::Size) -> Self {
        let mut content = Content::new();
        let scale = POINTS_PER_INCH / PIXELS_PER_INCH;
        // PDF counts from the foot of the page.
        content.transform([scale, 0.0, 0.0, -scale, 0.0, scale * size.height()]);
        Self { content, size, opacities: Vec::new() }
    }

    /// Draws what a group has, all of it with this opacity.
    fn group(&mut self, group: &Group, opacity: f32) {
        // Multiplied down, not a transparency group of PDF: usvg wraps each shape with an opacity in a group
        // of its own, so that no two shapes of a group overlap.
        let opacity = opacity * group.opacity().get();
        for node in group.children() {
            match node {
                Node::Group(group) => self.group(group, opacity),
                Node::Path(path) => self.path(path, opacity),
                // As outlines: embedding fonts would need subsets, and their licences may forbid it.
                Node::Text(text) => self.group(text.flattened(), opacity),
                // Figures have no pictures in them.
                Node::Image(_) => {}
            }
        }
    }

    fn path(&mut self, path: &usvg::Path, opacity: f32) {
        // Coordinates are transformed here, so that the page needs one transformation and no stack of states.
        let Some(data) = Path::clone(path.data()).transform(path.abs_transform()) else { return };
        // The order matters for text with a halo: a halo on top would cover the letters.
        match path.paint_order() {
            PaintOrder::FillAndStroke => {
                self.fill(path, &data, opacity);
                self.stroke(path, &data, opacity);
            }
            PaintOrder::StrokeAndFill => {
                self.stroke(path, &data, opacity);
                self.fill(path, &data, opacity);
            }
        }
    }

    fn fill(&mut self, path: &usvg::Path, data: &Path, opacity: f32) {
        let Some(fill) = path.fill() else { return };
        let Some(colour) = colour(fill.paint()) else { return };
        self.opacity(opacity * fill.opacity().get());
        let [red, green, blue] = colour;
        self.content.set_fill_rgb(red, green, blue);
        self.outline(data);
        match fill.rule() {
            usvg::FillRule::NonZero => self.content.fill_nonzero(),
            usvg::FillRule::EvenOdd => self.content.fill_even_odd(),
        };
    }

    fn stroke(&mut self, path: &usvg::Path, data: &Path, opacity: f32) {
        let Some(stroke) = path.stroke() else { return };
        let Some(colour) = colour(stroke.paint()) else { return };
        self.opacity(opacity * stroke.opacity().get());
        // Only the coordinates were transformed; figures scale both axes alike.
        let width = stroke.width().get() * path.abs_transform().get_scale().0;
        let [red, green, blue] = colour;
        self.content
            .set_stroke_rgb(red, green, blue)
            .set_line_width(width)
            .set_line_cap(cap(stroke.linecap()))
            .set_line_join(join(stroke.linejoin()))
            .set_dash_pattern(stroke.dasharray().unwrap_or_default().iter().copied(), 0.0);
        self.outline(data);
        self.content.stroke();
    }

    /// Writes the segments of a path.
    fn outline(&mut self, data: &Path) {
        let mut last = Point::zero();
        for segment in data.segments() {
            match segment {
                PathSegment::MoveTo(to) => {
                    self.content.move_to(to.x, to.y);
                    last = to;
                }
                PathSegment::LineTo(to) => {
                    self.content.line_to(to.x, to.y);
                    last = to;
                }
                // PDF has cubic curves only.
                PathSegment::QuadTo(control, to) => {
                    let [a, b] = [last, to].map(|end| Point {
                        x: end.x + 2.0 / 3.0 * (control.x - end.x),
                        y: end.y + 2.0 / 3.0 * (control.y - end.y),
                    });
                    self.content.cubic_to(a.x, a.y, b.x, b.y, to.x, to.y);
                    last = to;
                }
                PathSegment::CubicTo(a, b, to) => {
                    self.content.cubic_to(a.x, a.y, b.x, b.y, to.x, to.y);
                    last = to;
                }
                PathSegment::Close => {
                    self.content.close_path();
                }
            }
        }
    }

    /// Sets the opacity of what follows.
    fn opacity(&mut self, opacity: f32) {
        // In whole per mille, as PDF sets opacity by named states and equal ones must be found again.
        let opacity = (1000.0 * opacity).round() as u16;
        let known = self.opacities.iter().position(|&other| other == opacity);
        let number = known.unwrap_or_else(|| {
            self.opacities.push(opacity);
            self.opacities.len() - 1
        });
        self.content.set_parameters(Name(state_name(number).as_bytes()));
    }

    fn finish(self, title: &str) -> Vec<u8> {
        let Self { content, size, opacities } = self;
        let scale = POINTS_PER_INCH / PIXELS_PER_INCH;
        let mut pdf = Pdf::new();
        pdf.catalog(CATALOGUE).pages(PAGES);
        pdf.pages(PAGES).kids([PAGE]).count(1);
        // Without a date: the same figure is the same file, byte by byte.
        pdf.document_info(INFORMATION).title(TextStr(title)).producer(TextStr("rescuesim"));
        let mut page = pdf.page(PAGE);
        page.media_box(Rect::new(0.0, 0.0, scale * size.width(), scale * size.height()));
        page.parent(PAGES).contents(CONTENT);
        let mut resources = page.resources();
        let mut states = resources.ext_g_states();
        for (number, reference) in (0..opacities.len()).zip(FIRST_STATE..) {
            states.pair(Name(state_name(number).as_bytes()), Ref::new(reference));
        }
        states.finish();
        resources.finish();
        page.finish();
        for (opacity, reference) in opacities.iter().zip(FIRST_STATE..) {
            let share = f32::from(*opacity) / 1000.0;
            pdf.ext_graphics(Ref::new(reference)).non_stroking_alpha(share).stroking_alpha(share);
        }
        // The highest level: figures are small.
        let compressed = compress_to_vec_zlib(content.finish().as_slice(), 9);
        pdf.stream(CONTENT, &compressed).filter(Filter::FlateDecode);
        pdf.finish()
    }
}

/// Returns the name of a graphics state.
fn state_name(number: usize) -> String {
    format!("g{number}")
}

/// Returns the colour of a paint; `None` for gradients and patterns, which figures do not have.
fn colour(paint: &Paint) -> Option<[f32; 3]> {
    match paint {
        Paint::Color(colour) => {
            Some([colour.red, colour.green, colour.blue].map(|channel| f32::from(channel) / 255.0))
        }
        Paint::LinearGradient(_) | Paint::RadialGradient(_) | Paint::Pattern(_) => None,
    }
}

fn cap(cap: LineCap) -> LineCapStyle {
    match cap {
        LineCap::Butt => LineCapStyle::ButtCap,
        LineCap::Round => LineCapStyle::RoundCap,
        LineCap::Square => LineCapStyle::ProjectingSquareCap,
    }
}

fn join(join: LineJoin) -> LineJoinStyle {
    match join {
        LineJoin::Miter | LineJoin::MiterClip => LineJoinStyle::MiterJoin,
        LineJoin::Round => LineJoinStyle::RoundJoin,
        LineJoin::Bevel => LineJoinStyle::BevelJoin,
    }
}
