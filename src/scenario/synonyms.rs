//! Names that other software and papers give to methods of this program, for hints in errors and for
//! `rescuesim explain`.

/// A method that a word means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Meaning {
    /// Its name in a scenario.
    pub name: &'static str,
    /// What to know of it, after the name; empty if nothing.
    pub note: &'static str,
}

/// Words and the methods that each of them means.
struct Synonym {
    words: &'static [&'static str],
    meanings: &'static [Meaning],
}

const fn meaning(name: &'static str, note: &'static str) -> Meaning {
    Meaning { name, note }
}

/// Words in lower case and British spelling, with spaces for underscores and hyphens.
static SYNONYMS: [Synonym; 11] = [
    Synonym {
        words: &[
            "stratified blocks",
            "stratified block randomisation",
            "stratified permuted blocks",
            "stratified randomisation",
            "block randomisation",
            "blocked randomisation",
            "random permuted blocks",
        ],
        meanings: &[meaning("permuted_blocks", "within strata with `stratify_by`")],
    },
    Synonym {
        words: &[
            "stochastic minimisation",
            "dynamic minimisation",
            "dynamic allocation",
            "dynamic randomisation",
            "pocock simon",
            "adaptive stratification",
            "covariate adaptive randomisation",
        ],
        meanings: &[meaning("minimisation", "with `biased_coin_p` below 1 it is stochastic")],
    },
    Synonym {
        words: &[
            "power family",
            "power family spending",
            "power spending",
            "power",
            "power function",
        ],
        meanings: &[meaning("kim_demets", "with `rho` for the power φ")],
    },
    Synonym {
        words: &["gamma family", "gamma family spending", "hsd"],
        meanings: &[meaning("hwang_shih_decani", "with `gamma`")],
    },
    Synonym {
        words: &[
            "wilcoxon mann whitney",
            "wmw",
            "mann whitney",
            "mann whitney u",
            "mann whitney wilcoxon",
            "wilcoxon rank sum",
            "rank sum",
            "u test",
            "net benefit",
        ],
        meanings: &[meaning("wilcoxon", "")],
    },
    Synonym {
        words: &["van elteren", "stratified wilcoxon"],
        meanings: &[meaning("wilcoxon", "with `stratify_by`")],
    },
    Synonym {
        words: &[
            "log binomial",
            "binomial log link",
            "poisson",
            "robust poisson",
            "poisson regression",
            "relative risk regression",
            "risk ratio regression",
        ],
        meanings: &[meaning(
            "modified_poisson",
            "the risk ratio of a log-binomial model, which often has no fit",
        )],
    },
    Synonym {
        words: &["generalised odds ratio", "generalised or", "genor", "wmw generalised odds ratio"],
        meanings: &[
            meaning("win_odds", "ties split, as Churilov et al. 2014"),
            meaning("win_ratio", "ties left out, as Agresti 1980"),
        ],
    },
    Synonym {
        words: &[
            "shift",
            "shift analysis",
            "ordinal logistic",
            "ordinal logistic regression",
            "ordinal regression",
            "cumulative logit",
            "common odds ratio",
        ],
        meanings: &[meaning("proportional_odds", "")],
    },
    Synonym {
        words: &[
            "chi square",
            "chi squared",
            "chi2",
            "pearson",
            "fisher",
            "fisher exact",
            "dichotomy",
        ],
        meanings: &[meaning("two_proportions", "")],
    },
    Synonym {
        words: &["cmh", "mantel haenszel"],
        meanings: &[meaning("cochran_mantel_haenszel", "")],
    },
];

/// Returns the methods that a word means; none if it is not known. Case, underscores, hyphens and
/// American spelling do not matter.
pub fn meanings(word: &str) -> &'static [Meaning] {
    let word = normalised(word);
    let found = SYNONYMS.iter().find(|synonym| synonym.words.contains(&&*word));
    found.map_or(&[], |synonym| synonym.meanings)
}

/// Returns the hint for a word in place of one of the `known` names; `None` if it means none of them.
pub fn hint(word: &str, known: &[&str]) -> Option<String> {
    let meant: Vec<String> = meanings(word)
        .iter()
        .filter(|meaning| known.contains(&meaning.name))
        .map(ToString::to_string)
        .collect();
    (!meant.is_empty()).then(|| format!(" (did you mean {}?)", meant.join(" or ")))
}

impl std::fmt::Display for Meaning {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "`{}`", self.name)?;
        if self.note.is_empty() { Ok(()) } else { write!(f, ", {}", self.note) }
    }
}

fn normalised(word: &str) -> String {
    let spaced = word.to_lowercase().replace(['_', '-', '–', '‑'], " ");
    let spelled = spaced.replace("iz", "is").replace(['’', '\''], "");
    spelled.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::key_help::KeyHelp;

    #[test]
    fn words_mean_values_of_keys_and_each_is_listed_once() {
        let mut seen = Vec::new();
        for Synonym { words, meanings } in &SYNONYMS {
            for word in *words {
                assert_eq!(normalised(word), *word);
                assert!(!seen.contains(word), "{word}");
                seen.push(word);
            }
            for meaning in *meanings {
                let mut choices = KeyHelp::all().iter().flat_map(|key| &key.choices);
                assert!(choices.any(|choice| choice.name == meaning.name), "{meaning}");
            }
        }
    }

    #[test]
    fn spelling_does_not_matter() {
        for word in ["Wilcoxon–Mann–Whitney", "wilcoxon_mann_whitney", "WMW"] {
            assert_eq!(meanings(word)[0].name, "wilcoxon");
        }
        assert_eq!(meanings("dynamic minimization")[0].name, "minimisation");
        assert_eq!(meanings("Generalized odds ratio").len(), 2);
        assert!(meanings("win_odds").is_empty());
    }
}
