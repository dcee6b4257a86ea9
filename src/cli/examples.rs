//! Examples of every command, for `--help` and the manual pages.

use clap::Command;

/// A command line with what it is for.
#[derive(Debug, Clone, Copy)]
pub struct Example {
    /// Purpose, in a line.
    pub purpose: &'static str,
    /// The command line, as it is typed.
    pub line: &'static str,
}

/// Examples of a command.
struct Examples {
    command: &'static str,
    examples: &'static [Example],
}

const fn example(purpose: &'static str, line: &'static str) -> Example {
    Example { purpose, line }
}

/// Examples of the program as a whole.
const OF_THE_PROGRAM: [Example; 4] = [
    example("A trial that comes with the program", "rescuesim run angel-reboot"),
    example("A scenario of your own, from a commented template", "rescuesim init my-trial.toml"),
    example(
        "The sample size for 25 % v 40 %, without simulation",
        "rescuesim design --control 0.25 --experimental 0.4 --power 0.8 --looks 3",
    ),
    example("What a key or a term means", "rescuesim explain overrun"),
];

/// Examples of each command. They use scenarios of the program, so that they can be typed as they are.
const OF_COMMANDS: [Examples; 21] = [
    Examples {
        command: "run",
        examples: &[
            example("The verdict", "rescuesim run angel-reboot"),
            example(
                "What if 20 % drop out?",
                "rescuesim run angel-reboot --set missing.dropout=0.2 --replicates 20000",
            ),
            example(
                "Files: summary.json and a row per trial",
                "rescuesim run angel-reboot --replicates 1000 --out results --trials csv",
            ),
            example(
                "Until the standard error of the type I error is 0.0005",
                "rescuesim run angel-reboot --precision 0.0005 --precision-of type-i-error",
            ),
        ],
    },
    Examples {
        command: "merge",
        examples: &[example(
            "All shards, in any order",
            "rescuesim merge shards/1.json shards/2.json",
        )],
    },
    Examples {
        command: "check",
        examples: &[
            example("Defaults, boundaries, warnings", "rescuesim check angel-reboot"),
            example(
                "The same with another value",
                "rescuesim check angel-reboot --set 'design.efficacy={rule=\"pocock\"}'",
            ),
        ],
    },
    Examples {
        command: "trace",
        examples: &[
            example(
                "Replicate 42 under H0",
                "rescuesim trace angel-reboot --replicate 42 --truth null",
            ),
            example(
                "The first trial whose conclusion the overrunning patients reverse",
                "rescuesim trace angel-reboot --find reversal --plot trial.svg",
            ),
        ],
    },
    Examples {
        command: "compare",
        examples: &[example(
            "The planned trial against the one through the procedure, on the same random numbers",
            "rescuesim compare angel-reboot angel-reboot-mechanistic --replicates 20000",
        )],
    },
    Examples {
        command: "report",
        examples: &[
            example("One page to share", "rescuesim report angel-reboot --out angel-reboot.html"),
            example(
                "Figures as files, and a date on the page",
                "rescuesim report angel-reboot --replicates 2000 --figures figures --date 2026-11-30",
            ),
        ],
    },
    Examples {
        command: "serve",
        examples: &[
            example("A trial of your own, or one of the program", "rescuesim serve"),
            example(
                "A given scenario, on a given port",
                "rescuesim serve angel-reboot --port 8000",
            ),
        ],
    },
    Examples {
        command: "sweep",
        examples: &[
            example(
                "Power by size and effect, with files and figures",
                "rescuesim sweep angel-reboot --over sample_size.randomised=[300,348,400] \\\n      \
                 --over outcome.experimental.functional_independence=0.35..0.45:0.05 \\\n      \
                 --replicates 1000 --out results",
            ),
            example(
                "Two boundaries",
                "rescuesim sweep angel-reboot \\\n      \
                 --over 'design.efficacy=[{rule=\"pocock\"},{rule=\"lan_demets_obrien_fleming\"}]' \\\n      \
                 --replicates 1000",
            ),
        ],
    },
    Examples {
        command: "solve",
        examples: &[
            example("Patients for a power of 90 %", "rescuesim solve angel-reboot --power 0.9"),
            example(
                "The largest tolerable dropout",
                "rescuesim solve angel-reboot --power 0.8 --vary missing.dropout --within 0..0.5",
            ),
        ],
    },
    Examples {
        command: "strategies",
        examples: &[example(
            "A stent after 1, 2, 3 or 4 passes, or never",
            "rescuesim strategies lee-cohort --patients 1000",
        )],
    },
    Examples {
        command: "calibrate",
        examples: &[example(
            "The log odds of stenting at which 43 % are independent",
            "rescuesim calibrate angel-rescue-mechanistic \\\n      \
             --target experimental.functional_independence=0.43 --solve outcome.stenting",
        )],
    },
    Examples {
        command: "design",
        examples: &[
            example(
                "Patients for 25 % v 40 % with three looks",
                "rescuesim design --control 0.25 --experimental 0.4 --power 0.8 --looks 3",
            ),
            example("The design of a scenario", "rescuesim design angel-reboot --analysis shift"),
            example(
                "The detectable effect of 348 patients",
                "rescuesim design --control 0.25 --n 348 --power 0.9",
            ),
        ],
    },
    Examples {
        command: "monitor",
        examples: &[
            example(
                "26 of 104 v 44 of 105 successes at the second look",
                "rescuesim monitor angel-reboot --look 2 --control 26/104 --experimental 44/105",
            ),
            example(
                "The shift analysis from the mRS counts of both arms, as a page for the board",
                "rescuesim monitor angel-reboot --analysis shift --look 2 --date 2026-11-30 \\\n      \
                 --control-mrs 5,8,13,17,26,15,20 --experimental-mrs 9,12,21,18,20,10,15 \\\n      \
                 --out look2.html",
            ),
            example(
                "Z of the shift analysis",
                "rescuesim monitor angel-reboot --analysis shift --look 2 --z 2.1 --n 201",
            ),
        ],
    },
    Examples {
        command: "pool",
        examples: &[example(
            "A file in the folder scenarios of the sources",
            "rescuesim pool scenarios/evidence/premat.toml",
        )],
    },
    Examples {
        command: "bench",
        examples: &[example(
            "Trials per second on one and on two threads",
            "rescuesim bench angel-reboot --threads 2",
        )],
    },
    Examples {
        command: "list",
        examples: &[
            example("Names and questions", "rescuesim list"),
            example("For a program", "rescuesim list --format json"),
        ],
    },
    Examples {
        command: "init",
        examples: &[
            example("A commented template", "rescuesim init my-trial.toml"),
            example("A copy to edit", "rescuesim init my-trial.toml --from early-vs-late"),
        ],
    },
    Examples {
        command: "explain",
        examples: &[
            example("A key of a scenario", "rescuesim explain missing.dropout"),
            example("A term", "rescuesim explain spending function"),
        ],
    },
    Examples {
        command: "schema",
        examples: &[
            example("For an editor", "rescuesim schema > scenario.schema.json"),
            example("For people", "rescuesim schema --format markdown"),
        ],
    },
    Examples {
        command: "completions",
        examples: &[example(
            "For bash, until the shell ends",
            "rescuesim completions bash > rescuesim.bash && . ./rescuesim.bash",
        )],
    },
    Examples {
        command: "man",
        examples: &[example("All pages", "rescuesim man --out man && man ./man/rescuesim-run.1")],
    },
];

/// Returns the examples of a command, or of the program.
pub fn of(command: &str) -> &'static [Example] {
    // The manual names a command in full.
    let name = command.strip_prefix("rescuesim-").unwrap_or(command);
    let known = OF_COMMANDS.iter().find(|examples| examples.command == name);
    known.map_or(&OF_THE_PROGRAM, |examples| examples.examples)
}

/// Adds its examples to the help of the program and of each command.
pub fn added_to(program: Command) -> Command {
    let exit_codes = "Exit codes: 0 done, 1 failed while running, 2 wrong arguments or scenario.";
    let text = format!("{}\n\n{exit_codes}", as_help(&OF_THE_PROGRAM, &program));
    program.after_help(text).mut_subcommands(|command| {
        let text = as_help(of(command.get_name()), &command);
        command.after_help(text)
    })
}

fn as_help(examples: &[Example], command: &Command) -> String {
    let header = command.get_styles().get_header();
    let mut text = format!("{header}Examples:{header:#}");
    for Example { purpose, line } in examples {
        text += &format!("\n  # {purpose}\n  {line}");
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use clap::CommandFactory;

    use super::*;
    use crate::cli::Cli;

    /// Splits a line as a shell does; examples have no escapes but ends of lines, and no quotes within quotes.
    fn words(line: &str) -> Vec<String> {
        let line = line.replace("\\\n", " ");
        let mut words = vec![String::new()];
        let mut quote = None;
        for c in line.chars() {
            match (c, quote) {
                ('\'' | '"', None) => quote = Some(c),
                (c, Some(open)) if c == open => quote = None,
                (' ', None) => words.push(String::new()),
                (c, _) => words.last_mut().expect("it is never empty").push(c),
            }
        }
        words.retain(|word| !word.is_empty());
        words
    }

    #[test]
    fn every_command_has_examples_of_itself() {
        let program = Cli::command();
        let commands: BTreeSet<&str> = program.get_subcommands().map(Command::get_name).collect();
        let with: BTreeSet<&str> = OF_COMMANDS.iter().map(|examples| examples.command).collect();
        assert_eq!(commands, with);
        for Examples { command, examples } in &OF_COMMANDS {
            for Example { line, .. } in *examples {
                assert!(line.starts_with(&format!("rescuesim {command}")), "{line}");
            }
        }
    }

    #[test]
    fn every_example_is_a_valid_command_line() {
        let commands = OF_COMMANDS.iter().flat_map(|examples| examples.examples);
        for Example { line, .. } in commands.chain(&OF_THE_PROGRAM) {
            let line = line.split(['>', '&']).next().expect("a split has a part");
            let parsed = Cli::command().try_get_matches_from(words(line));
            assert!(parsed.is_ok(), "{line}: {}", parsed.expect_err("it is an error"));
        }
    }
}
