//! Figures as PNG, rendered from their SVG.

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree};

/// Pixels of the picture per pixel of the drawing, so that it is sharp on paper.
const SCALE: f32 = 2.0;
/// Similar sans-serif fonts in order of preference.
const SANS: [&str; 5] = ["DejaVu Sans", "Liberation Sans", "Noto Sans", "Arial", "Helvetica"];

/// A renderer of SVG with the fonts of the system.
#[derive(Debug)]
pub struct PngRenderer {
    options: Options<'static>,
}

/// The reason why a figure cannot be rendered as PNG.
#[derive(Debug, thiserror::Error)]
pub enum PngError {
    /// The system has no font, so that the picture would have no words.
    #[error("this system has no font to write with; allowed: SVG figures, or installing a font")]
    NoFont,
    /// The drawing is not SVG, or larger than memory.
    #[error("cannot draw: {0}")]
    Drawing(String),
}

impl PngRenderer {
    /// Finds the fonts of the system.
    ///
    /// # Errors
    /// [`PngError::NoFont`] if it has none.
    pub fn new() -> Result<Self, PngError> {
        let mut options = Options::default();
        let fonts = options.fontdb_mut();
        // None is embedded, which keeps the program small.
        fonts.load_system_fonts();
        let known = SANS.into_iter().find(|name| {
            fonts.faces().any(|face| face.families.iter().any(|family| family.0 == *name))
        });
        // Any font is better than none.
        let family = known
            .map(str::to_owned)
            .or_else(|| fonts.faces().next().map(|face| face.families[0].0.clone()))
            .ok_or(PngError::NoFont)?;
        fonts.set_sans_serif_family(family);
        Ok(Self { options })
    }

    /// Renders an SVG drawing at twice its size.
    ///
    /// # Errors
    /// [`PngError::Drawing`] if `svg` is not SVG or too large.
    pub fn png(&self, svg: &str) -> Result<Vec<u8>, PngError> {
        let tree = Tree::from_str(svg, &self.options)
            .map_err(|error| PngError::Drawing(error.to_string()))?;
        let size = tree.size().to_int_size().scale_by(SCALE);
        let mut picture = size
            .and_then(|size| Pixmap::new(size.width(), size.height()))
            .ok_or_else(|| PngError::Drawing("its size is out of range".to_owned()))?;
        resvg::render(&tree, Transform::from_scale(SCALE, SCALE), &mut picture.as_mut());
        picture.encode_png().map_err(|error| PngError::Drawing(error.to_string()))
    }
}
