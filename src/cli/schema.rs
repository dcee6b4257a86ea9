//! `rescuesim schema`.

use clap::{Args, ValueEnum};
use rescuesim::scenario::{InputFile, ScenarioFile, reference};

use super::Failure;
use super::output::print;

#[derive(Debug, Args)]
pub struct SchemaArgs {
    /// Format of the description of a scenario file.
    #[arg(long, value_enum, default_value_t = SchemaFormat::Json)]
    format: SchemaFormat,
}

/// Format in which the keys are described.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum SchemaFormat {
    /// JSON Schema, for editors.
    Json,
    /// Tables of all keys in Markdown, for people.
    Markdown,
}

pub fn schema(args: &SchemaArgs) -> Result<(), Failure> {
    match args.format {
        SchemaFormat::Json => {
            let text = serde_json::to_string_pretty(ScenarioFile::schema())
                .expect("a schema is plain data");
            print(&(text + "\n"))
        }
        SchemaFormat::Markdown => {
            let pages: Vec<String> = reference::pages().into_iter().map(|(_, text)| text).collect();
            print(&pages.join("\n"))
        }
    }
}
