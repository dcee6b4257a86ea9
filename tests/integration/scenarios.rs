//! Every shipped scenario says what it asks, is valid without a warning that was not meant, and
//! runs.

use crate::util::{output, project, rescuesim};

#[test]
fn every_shipped_scenario_opens_with_its_question_and_runs() {
    let mut seen = 0;
    for entry in std::fs::read_dir(project("scenarios")).expect("the folder is shipped") {
        let path = entry.expect("it can be listed").path();
        if path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("it is text");
        let opening: String = text.lines().take_while(|line| line.starts_with('#')).collect();
        assert!(opening.contains('?'), "{path:?} opens with its question");
        let mut command = rescuesim();
        let run = output(command.arg("run").arg(&path).args(["--replicates", "200", "--quiet"]));
        assert!(run.contains("Does the trial show an effect?"), "{run}");
        let checked = output(rescuesim().arg("check").arg(&path));
        assert!(checked.contains("Boundaries"), "{checked}");
        seen += 1;
    }
    assert!(seen >= 1);
}
