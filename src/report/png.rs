//! Figures as PNG, drawn from their SVG.

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree};

/// Pixels of the picture for each of the drawing, so that it is sharp on paper.
const SCALE: f32 = 2.0;
/// Fonts that look alike, the first that a system has.
const SANS: [&str; 5] = ["DejaVu Sans", "Liberation Sans", "Noto Sans", "Arial", "Helvetica"];

/// Draws with the fonts of the system.
#[derive(Debug)]
pub struct Painter {
    options: Options<'static>,
}

/// Why a figure cannot be a PNG.
#[derive(Debug, thiserror::Error)]
pub enum PngError {
    /// There would be no words in it.
    #[error("this system has no font to write with; allowed: SVG figures, or installing a font")]
    NoFont,
    /// It is not SVG, or larger than memory.
    #[error("cannot draw: {0}")]
    Drawing(String),
}

impl Painter {
    /// Finds the fonts.
    ///
    /// # Errors
    /// When the system has none.
    pub fn new() -> Result<Self, PngError> {
        let mut options = Options::default();
        let fonts = options.fontdb_mut();
        fonts.load_system_fonts();
        let has =
            |name: &str| fonts.faces().any(|face| face.families.iter().any(|of| of.0 == name));
        let known = SANS.into_iter().find(|&name| has(name)).map(str::to_owned);
        let any = || fonts.faces().next().map(|face| face.families[0].0.clone());
        let family = known.or_else(any).ok_or(PngError::NoFont)?;
        fonts.set_sans_serif_family(family);
        Ok(Self { options })
    }

    /// An SVG drawing as PNG, twice its size.
    ///
    /// # Errors
    /// When `svg` is no SVG.
    pub fn png(&self, svg: &str) -> Result<Vec<u8>, PngError> {
        let drawing = |error: &dyn std::fmt::Display| PngError::Drawing(error.to_string());
        let tree = Tree::from_str(svg, &self.options).map_err(|error| drawing(&error))?;
        let size = tree.size().to_int_size().scale_by(SCALE);
        let picture = size.and_then(|size| Pixmap::new(size.width(), size.height()));
        let mut picture = picture.ok_or_else(|| drawing(&"its size is out of range"))?;
        resvg::render(&tree, Transform::from_scale(SCALE, SCALE), &mut picture.as_mut());
        picture.encode_png().map_err(|error| drawing(&error))
    }
}
