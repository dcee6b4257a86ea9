//! Reference of the keys of a scenario, in Markdown, made from the answers of `rescuesim explain`.
//!
//! The pages `scenarios/reference.md` and its neighbours have this text, and a test compares them with it.

use super::key_help::KeyHelp;

/// A page of the reference.
#[derive(Debug, Clone, Copy)]
pub struct Page {
    /// Name of the file in the folder `scenarios`.
    pub file: &'static str,
    /// Heading of the page, with a sentence on its contents.
    opening: &'static str,
    /// Keys of the top level that the page describes, in order.
    tables: &'static [&'static str],
}

/// Rules for values that hold on every page.
const RULES: &str = "Keys without a default are required unless the table says otherwise. Whole numbers may be written as \
     `1e6`. Distributions and shares are percentages that sum to 100 or fractions that sum to 1, within one part \
     in a million. `…[]` stands for each element of a list.\n\
     \n\
     This page is the output of `rescuesim schema --format markdown`, which is made from the descriptions in \
     `src/scenario/file.rs`.\n";

/// All pages, in the order in which a definition is described in full; later uses refer to it.
pub const PAGES: [Page; 5] = [
    Page {
        file: "reference.md",
        opening: "# Keys: patients, recruitment, allocation\n\n\
             Who is recruited, where and when, and how patients are allocated. The other keys are on \
             [outcomes and procedures](reference-outcomes.md), [design](reference-design.md), \
             [analyses](reference-analyses.md) and [adaptation](reference-adaptation.md).\n",
        tables: &[
            "title",
            "registration",
            "question",
            "sample_size",
            "accrual",
            "centres",
            "drift",
            "follow_up",
            "arms",
            "factors",
            "strata",
            "randomisation",
            "run",
            "expect",
        ],
    },
    Page {
        file: "reference-outcomes.md",
        opening: "# Keys: outcomes and procedures\n\n\
             The truth that the simulator knows and the analyses do not: outcomes, dropout, adherence, adverse \
             events, the procedure. The other keys are on [patients, recruitment, allocation](reference.md), \
             [design](reference-design.md) and [analyses](reference-analyses.md).\n",
        tables: &[
            "outcome",
            "configurations",
            "prior",
            "missing",
            "early_outcome",
            "adherence",
            "safety",
            "procedure",
        ],
    },
    Page {
        file: "reference-design.md",
        opening: "# Keys: design\n\n\
             When the data are analysed, and which boundaries or probabilities stop the trial. The other keys are \
             on [patients, recruitment, allocation](reference.md), \
             [outcomes and procedures](reference-outcomes.md) and [analyses](reference-analyses.md).\n",
        tables: &["design"],
    },
    Page {
        file: "reference-analyses.md",
        opening: "# Keys: analyses\n\n\
             By which methods the data are analysed, what they have to show, and how several analyses decide \
             together. The other keys are on [patients, recruitment, allocation](reference.md), \
             [outcomes and procedures](reference-outcomes.md) and [design](reference-design.md).\n",
        tables: &["hypothesis", "analyses", "success", "description"],
    },
    Page {
        file: "reference-adaptation.md",
        opening: "# Keys: adaptation\n\n\
             Changes of the trial at an interim look. The look itself is among the keys of \
             [design](reference-design.md).\n",
        tables: &["adaptation"],
    },
];

/// Describes every key of a scenario in Markdown, one text per page.
pub fn pages() -> Vec<(Page, String)> {
    let mut written = Written { keys: Vec::new() };
    PAGES.into_iter().map(|page| (page, written.page(page))).collect()
}

/// Keys whose rows are written. Later tables with the same contents refer to them.
struct Written {
    keys: Vec<&'static KeyHelp>,
}

impl Written {
    fn page(&mut self, page: Page) -> String {
        let named = |name: &&str| KeyHelp::all().iter().find(|help| help.key == *name);
        let (tables, single): (Vec<&KeyHelp>, Vec<&KeyHelp>) =
            page.tables.iter().filter_map(named).partition(|help| has_keys(help));
        let mut text = format!("{}\n{RULES}", page.opening);
        if !single.is_empty() {
            text += "\n## Top level\n\n";
            text += HEADER;
            single.iter().for_each(|help| text += &row(&help.key, help, None));
        }
        for table in tables {
            let [open, close] = if is_list(table) { ["[[", "]]"] } else { ["[", "]"] };
            let needed = if table.required { " Required." } else { "" };
            text += &format!("\n## `{open}{}{close}`\n\n", table.key);
            text += &format!("{}{needed}\n\n{HEADER}", table.meaning);
            self.rows(table, &mut text);
        }
        text
    }

    /// Adds the rows of all keys below a table, in each table the names of its variants first.
    fn rows(&mut self, table: &'static KeyHelp, text: &mut String) {
        *text += &variants(table, table);
        let mut repeated: Option<&str> = None;
        for help in below(&table.key).filter(|help| !is_tag(help)) {
            // Keys of a table whose own row refers to the section that describes them.
            if repeated.is_some_and(|table| is_below(&help.key, table)) {
                continue;
            }
            let first = self.keys.iter().find(|known| have_same_keys(known, help));
            repeated = first.map(|_| help.key.as_str());
            *text += &row(path_in(table, help), help, first.map(|first| first.key.as_str()));
            if first.is_none() {
                *text += &variants(table, help);
                self.keys.push(help);
            }
        }
    }
}

/// Path of a key within a table.
fn path_in(table: &KeyHelp, help: &'static KeyHelp) -> &'static str {
    help.key[table.key.len()..].trim_start_matches("[]").trim_start_matches('.')
}

/// Rows for the variants of a table within the table of a section, if a key names them.
fn variants(section: &KeyHelp, table: &KeyHelp) -> String {
    let mut inner = below(&table.key).filter(|help| is_tag(help));
    let own = inner.find(|help| {
        help.key.rsplit_once('.').is_some_and(|(of, _)| of.trim_end_matches("[]") == table.key)
    });
    let Some(tag) = own else { return String::new() };
    let rows = tag.choices.iter().map(|choice| {
        let meaning = in_a_cell(&choice.meaning);
        format!("| `{} = \"{}\"` | | | {meaning} |\n", path_in(section, tag), choice.name)
    });
    rows.collect()
}

/// Head of every table.
const HEADER: &str = "| key | value | default | meaning |\n|---|---|---|---|\n";

/// Lists the keys of a table, and of the tables in it.
fn below(table: &str) -> impl Iterator<Item = &'static KeyHelp> {
    KeyHelp::all().iter().filter(move |help| is_below(&help.key, table))
}

fn is_below(key: &str, table: &str) -> bool {
    let rest = key.strip_prefix(table).unwrap_or_default();
    rest.trim_start_matches("[]").starts_with('.')
}

fn has_keys(help: &KeyHelp) -> bool {
    below(&help.key).next().is_some()
}

fn is_list(help: &KeyHelp) -> bool {
    below(&help.key).any(|inner| inner.key[help.key.len()..].starts_with("[]"))
}

/// Whether a key names the variant of its table, whose choices are also listed for the table.
fn is_tag(help: &KeyHelp) -> bool {
    let Some((table, _)) = help.key.rsplit_once('.') else { return false };
    let table = table.trim_end_matches("[]");
    !help.choices.is_empty()
        && KeyHelp::all().iter().any(|of| of.key == table && of.choices == help.choices)
}

/// Whether two tables have the same keys with the same meaning.
fn have_same_keys(one: &KeyHelp, other: &KeyHelp) -> bool {
    fn contents(help: &KeyHelp) -> impl Iterator<Item = [&'static str; 3]> {
        let length = help.key.len();
        below(&help.key).map(move |inner| {
            let path = inner.key[length..].trim_start_matches("[]");
            [path, inner.meaning.as_str(), inner.allowed.as_str()]
        })
    }
    has_keys(one) && contents(one).eq(contents(other))
}

/// Row of a key; `like` is the table that has the same keys.
fn row(path: &str, help: &KeyHelp, like: Option<&str>) -> String {
    let KeyHelp { allowed, unit, default, required, only_with, choices, meaning, .. } = help;
    let mut value = match like {
        Some(like) => format!("as `{like}`"),
        None => allowed.trim_start_matches("a ").trim_start_matches("an ").to_owned(),
    };
    // The share or probability that a number is follows from its range.
    if let Some(unit) = unit.filter(|unit| !unit.starts_with("probability")) {
        value += &format!(" ({unit})");
    }
    let default = match default {
        Some(default) => format!("`{}`", tidied(default)),
        None if *required => "required".to_owned(),
        None => "–".to_owned(),
    };
    let only_with = only_with.as_ref().map_or(String::new(), |variants| {
        let names: Vec<String> = variants.names.iter().map(|name| format!("*{name}*")).collect();
        format!("{}: ", names.join(", "))
    });
    // The variants of a table have rows of their own, before those of its keys.
    let choices = choices.iter().filter(|choice| !choice.meaning.is_empty() && !has_keys(help));
    let choices: String =
        choices.map(|choice| format!(" `\"{}\"`: {}", choice.name, choice.meaning)).collect();
    let meaning = in_a_cell(&format!("{only_with}{meaning}{choices}"));
    format!("| `{path}` | {} | {default} | {meaning} |\n", in_a_cell(&value))
}

/// A default as people write it.
fn tidied(default: &str) -> String {
    let Ok(number) = default.parse::<f64>() else {
        return default.replace(".0,", ",").replace(".0 ", " ").replace(".0]", "]");
    };
    // Defaults are read back from floats: 0.6666666666666666 was written as 2/3.
    let thirds = number * 3.0;
    if thirds.fract() == 0.0 && number.fract() != 0.0 {
        format!("{thirds}/3")
    } else {
        number.to_string()
    }
}

/// Text that a cell of a table can hold.
fn in_a_cell(text: &str) -> String {
    text.replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{InputFile, ScenarioFile};

    #[test]
    fn every_key_of_the_top_level_is_on_exactly_one_page() {
        let listed: Vec<&str> = PAGES.iter().flat_map(|page| page.tables).copied().collect();
        let keys = ScenarioFile::schema()["properties"].as_object().expect("there are keys");
        for key in keys.keys() {
            assert_eq!(listed.iter().filter(|name| *name == key).count(), 1, "{key}");
        }
    }

    #[test]
    fn the_pages_in_the_folder_of_scenarios_are_the_generated_ones() {
        for (page, text) in pages() {
            let path = format!("{}/scenarios/{}", env!("CARGO_MANIFEST_DIR"), page.file);
            if std::env::var_os("UPDATE_DOCUMENTS").is_some() {
                std::fs::write(&path, &text).expect("the folder can be written");
            }
            let file = std::fs::read_to_string(&path).expect("the page is shipped");
            assert!(file == text, "{path} is out of date: run this test with UPDATE_DOCUMENTS=1");
        }
    }

    #[test]
    fn defaults_are_written_as_a_reader_would() {
        assert_eq!(tidied(&(2.0_f64 / 3.0).to_string()), "2/3");
        assert_eq!(tidied("0.0"), "0");
        assert_eq!(tidied("{ dropout = 0.0, days = 0.05 }"), "{ dropout = 0, days = 0.05 }");
        assert_eq!(tidied("true"), "true");
    }
}
