//! Figures as files: SVG, and in builds that can render them PDF and PNG.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::{Failure, output};

/// Format of a figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum FigureFormat {
    /// SVG, whose words remain text.
    Svg,
    /// PDF, whose words are outlines.
    Pdf,
    /// PNG.
    Png,
}

impl FigureFormat {
    /// Every format, in the order in which they are described.
    pub const ALL: [Self; 3] = [Self::Svg, Self::Pdf, Self::Png];

    /// Ending of the names of its files.
    pub const fn ending(self) -> &'static str {
        match self {
            Self::Svg => "svg",
            Self::Pdf => "pdf",
            Self::Png => "png",
        }
    }

    /// Name in a message.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Svg => "SVG",
            Self::Pdf => "PDF",
            Self::Png => "PNG",
        }
    }

    fn of(path: &Path) -> Option<Self> {
        let ending = path.extension()?;
        Self::ALL.into_iter().find(|format| ending.eq_ignore_ascii_case(format.ending()))
    }
}

/// Parses the name of a file of a figure.
pub fn figure_path(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    match FigureFormat::of(&path) {
        Some(_) => Ok(path),
        None => Err("must be the name of a file that ends in .svg, .pdf or .png".to_owned()),
    }
}

/// Pixels per inch unless others are asked for.
const USUAL_DPI: u16 = 300;

/// Resolution of PNG.
#[derive(Debug, Clone, Copy, Args)]
pub struct DpiArgs {
    /// Pixels per inch of PNG. Figures are 127 mm wide, so that 411 gives the 2055 pixels that journals ask
    /// for.
    #[arg(long, value_name = "PIXELS", default_value_t = USUAL_DPI,
          value_parser = super::values::whole::<u16>(36, 1200))]
    dpi: u16,
}

/// Formats of the figures in a directory.
#[derive(Debug, Args)]
pub struct FigureArgs {
    /// Formats of the figures, with commas between them.
    #[arg(long, value_name = "FORMATS", value_enum, value_delimiter = ',', default_value = "svg")]
    figure_formats: Vec<FigureFormat>,
    #[command(flatten)]
    dpi: DpiArgs,
}

impl FigureArgs {
    /// Returns whether other figures are asked for than are drawn without these options.
    pub fn is_given(&self) -> bool {
        self.figure_formats != [FigureFormat::Svg] || self.dpi.dpi != USUAL_DPI
    }

    /// Returns a painter of these formats and of others that are needed.
    ///
    /// # Errors
    /// When this build or this system cannot render one of them.
    pub fn painter(&self, others: &[FigureFormat]) -> Result<FigurePainter, Failure> {
        FigurePainter::new([&self.figure_formats, others].concat(), self.dpi)
    }
}

/// A painter of figures in some formats.
#[derive(Debug)]
pub struct FigurePainter {
    /// In their order, each once.
    formats: Vec<FigureFormat>,
    dpi: u16,
    /// `None` if all that is wanted is SVG, which needs no fonts.
    #[cfg(feature = "png")]
    renderer: Option<rescuesim::report::picture::PictureRenderer>,
}

impl FigurePainter {
    /// Whether this build can render PDF and PNG.
    pub const CAN_RENDER: bool = cfg!(feature = "png");

    fn new(mut formats: Vec<FigureFormat>, dpi: DpiArgs) -> Result<Self, Failure> {
        formats.sort_unstable();
        // A format may be asked for twice, as PNG by --figure-formats and for Markdown: one file each.
        formats.dedup();
        let rendered = formats.iter().find(|&&format| format != FigureFormat::Svg);
        if let (Some(format), false) = (rendered, Self::CAN_RENDER) {
            let name = format.name();
            return Err(Failure::Usage(format!(
                "this rescuesim was built without {name}; allowed: SVG figures"
            )));
        }
        Ok(Self {
            #[cfg(feature = "png")]
            renderer: rendered
                .map(|_| rescuesim::report::picture::PictureRenderer::new())
                .transpose()
                .map_err(|error| Failure::Running(error.to_string()))?,
            formats,
            dpi: dpi.dpi,
        })
    }

    /// Formats in which each figure is to be written.
    pub fn formats(&self) -> &[FigureFormat] {
        &self.formats
    }

    /// Returns the content of the file of a figure, given its SVG and its title.
    ///
    /// # Errors
    /// When it cannot be rendered.
    pub fn paint(&self, format: FigureFormat, svg: &str, title: &str) -> Result<Vec<u8>, Failure> {
        match format {
            FigureFormat::Svg => Ok(svg.as_bytes().to_owned()),
            FigureFormat::Pdf | FigureFormat::Png => self.render(format, svg, title),
        }
    }

    #[cfg(feature = "png")]
    fn render(&self, format: FigureFormat, svg: &str, title: &str) -> Result<Vec<u8>, Failure> {
        let renderer = self.renderer.as_ref().expect("it is made for every format but SVG");
        let rendered = match format {
            FigureFormat::Png => renderer.png(svg, self.dpi),
            // SVG never gets here: `paint` copies it.
            FigureFormat::Svg | FigureFormat::Pdf => renderer.pdf(svg, title),
        };
        rendered.map_err(|error| Failure::Running(format!("{}: {error}", format.name())))
    }

    #[cfg(not(feature = "png"))]
    fn render(&self, _: FigureFormat, _: &str, _: &str) -> Result<Vec<u8>, Failure> {
        unreachable!("without PNG no painter of {} pixels per inch is made", self.dpi)
    }
}

/// Writes a figure to a file, in the format that its name ends in, unless it is one of the files that the
/// command reads.
///
/// # Errors
/// When the figure cannot be rendered or the file not written.
pub fn write_plot(
    path: &Path,
    svg: &str,
    title: &str,
    dpi: DpiArgs,
    inputs: &[PathBuf],
) -> Result<(), Failure> {
    let format = FigureFormat::of(path).expect("the option has been parsed");
    let painter = FigurePainter::new(vec![format], dpi)?;
    output::write(path, &painter.paint(format, svg, title)?, inputs)
}
