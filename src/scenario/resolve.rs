//! From what is written to what it means: checks that need more than one key, and the building of
//! the domain types. Mistakes are collected, so that all are told at once.

use std::collections::BTreeSet;

use super::error::Problem;
use super::{Analysis, Scenario, Source, file};
use crate::accrual::{Accrual, FollowUp};
use crate::analysis::AnalysisMethod;
use crate::analysis::proportional_odds::ShiftTest;
use crate::design::{Design, EfficacyRule, FutilityRule, Plan, SpendingFunction};
use crate::outcome::{Mrs, MrsDistribution, OutcomeModel, SUM_TOLERANCE};
use crate::population::{Factor, Population};
use crate::randomisation::minimisation::Rule;
use crate::randomisation::{
    AllocationRatio, Imbalance, Minimisation, PermutedBlocks, RandomisationMethod,
};
use crate::rng::Seed;

/// The most combinations of factor levels.
const MAX_STRATA: usize = 10_000;

/// Collects problems while values are built; a value with a problem is `None`.
struct Resolver<'s> {
    source: &'s Source,
    file: &'s file::ScenarioFile,
    problems: Vec<Problem>,
}

pub(super) fn resolve(source: &Source) -> Result<Scenario, Vec<Problem>> {
    let mut resolver = Resolver { source, file: &source.file, problems: Vec::new() };
    let scenario = resolver.scenario();
    resolver.problems.sort_by_key(Problem::position);
    match scenario {
        Some(scenario) if resolver.problems.is_empty() => Ok(scenario),
        _ => Err(resolver.problems),
    }
}

impl Resolver<'_> {
    fn fail<T>(&mut self, path: &str, message: impl Into<String>) -> Option<T> {
        self.problems.push(self.source.problem(path, message));
        None
    }

    fn scenario(&mut self) -> Option<Scenario> {
        let file = self.file;
        let written = file.arms.allocation_ratio;
        let ratio =
            AllocationRatio { control: written.control, experimental: written.experimental };
        let dropout = match file.missing.dropout {
            file::Dropout::Both(p) => [p; 2],
            file::Dropout::ByArm { control, experimental } => [control, experimental],
        };
        // Each part is tried, whatever became of the others, so that all mistakes are told.
        let follow_up = self.follow_up();
        let population = self.population();
        let randomisation =
            population.as_ref().and_then(|population| self.randomisation(population, ratio));
        let marginal = self.outcome();
        let analyses = self.analyses();
        let analysed = self.analysed(ratio, dropout);
        let design = analysed.and_then(|analysed| self.design(analysed));

        let outcome = OutcomeModel::new(marginal?, population.as_ref()?);
        Some(Scenario {
            file: with_defaults(file, analysed?),
            randomised: file.sample_size.randomised,
            population: population?,
            accrual: Accrual::new(file.accrual.per_month, file.accrual.ramp_up_months),
            follow_up: follow_up?,
            ratio,
            randomisation: randomisation?,
            outcomes: [outcome.clone(), outcome.null_twin()],
            dropout,
            design: design?,
            decision_lag_days: file.design.decision_lag_days,
            analyses: analyses?,
            replicates: file.run.replicates,
            seed: Seed(file.run.seed),
            warnings: Vec::new(),
        })
    }

    fn follow_up(&mut self) -> Option<FollowUp> {
        let file::FollowUp { days, window_days } = self.file.follow_up;
        if window_days > days {
            let allowed = format!("is {window_days}; allowed: 0 to follow_up.days ({days})");
            return self.fail("follow_up.window_days", allowed);
        }
        Some(FollowUp { days, window_days })
    }

    fn population(&mut self) -> Option<Population> {
        let factors: Vec<Option<Factor>> =
            (0..self.file.factors.len()).map(|index| self.factor(index)).collect();
        let joint = !self.file.strata.is_empty();
        let shares: Vec<Option<Vec<f64>>> =
            (0..self.file.factors.len()).map(|index| self.shares(index, joint)).collect();
        let factors: Vec<Factor> = factors.into_iter().collect::<Option<_>>()?;
        let strata = factors
            .iter()
            .map(|f| f.levels.len())
            .try_fold(1usize, |n, levels| n.checked_mul(levels).filter(|&n| n <= MAX_STRATA));
        if strata.is_none() {
            let message = format!("make more than {MAX_STRATA} combinations of levels");
            return self.fail("factors", message);
        }
        if joint {
            return self.joint_table(&factors).map(|table| Population::joint(factors, table));
        }
        let shares: Vec<Vec<f64>> = shares.into_iter().collect::<Option<_>>()?;
        Some(Population::independent(factors.into_iter().zip(shares).collect()))
    }

    fn factor(&mut self, index: usize) -> Option<Factor> {
        let file = self.file;
        let factor = &file.factors[index];
        let at = format!("factors[{index}]");
        if file.factors[..index].iter().any(|other| other.name == factor.name) {
            self.fail::<()>(
                &format!("{at}.name"),
                format!("\"{}\" is used twice; allowed: a name of its own", factor.name),
            );
        }
        if let Some(twice) = first_repeated(&factor.levels) {
            self.fail::<()>(
                &format!("{at}.levels"),
                format!("has \"{twice}\" twice; allowed: different names"),
            );
        }
        let log_odds = factor.log_odds.clone().unwrap_or_else(|| vec![0.0; factor.levels.len()]);
        if log_odds.len() != factor.levels.len() {
            return self.wrong_length(
                &format!("{at}.log_odds"),
                log_odds.len(),
                factor.levels.len(),
                "one per level",
            );
        }
        Some(Factor { name: factor.name.clone(), levels: factor.levels.clone(), log_odds })
    }

    fn wrong_length<T>(&mut self, path: &str, has: usize, allowed: usize, why: &str) -> Option<T> {
        self.fail(path, format!("has {has} values; allowed: {allowed} ({why})"))
    }

    fn shares(&mut self, index: usize, joint: bool) -> Option<Vec<f64>> {
        let factor = &self.file.factors[index];
        let at = format!("factors[{index}].shares");
        match (&factor.shares, joint) {
            (Some(_), true) => self.fail(&at, "is given beside `strata`; allowed: one of the two"),
            (None, true) => Some(Vec::new()),
            (None, false) => {
                self.fail(&at, "is missing; expected: the share of patients in each level")
            }
            (Some(shares), false) if shares.len() != factor.levels.len() => {
                self.wrong_length(&at, shares.len(), factor.levels.len(), "one per level")
            }
            (Some(shares), false) => self.normalised(&at, shares),
        }
    }

    /// Fractions or percentages as fractions that sum to 1.
    fn normalised(&mut self, path: &str, shares: &[f64]) -> Option<Vec<f64>> {
        let sum: f64 = shares.iter().sum();
        let whole = if shares.iter().any(|&share| share > 1.0) { 100.0 } else { 1.0 };
        if (sum - whole).abs() > SUM_TOLERANCE * whole {
            let miss = (sum - whole).abs();
            let side = if sum > whole { "too much" } else { "too little" };
            return self.fail(
                path,
                format!("sum to {sum}, {side} by {miss:.6}; allowed: a sum of {whole}"),
            );
        }
        Some(shares.iter().map(|share| share / sum).collect())
    }

    fn joint_table(&mut self, factors: &[Factor]) -> Option<Vec<(Vec<usize>, f64)>> {
        let strata = &self.file.strata;
        if factors.is_empty() {
            return self.fail(
                "strata",
                "is given without factors; expected: [[factors]] whose levels it names",
            );
        }
        let shares: Vec<f64> = strata.iter().map(|stratum| stratum.share).collect();
        let shares = self.normalised("strata", &shares);
        let mut seen = BTreeSet::new();
        let mut table = Vec::new();
        for (index, stratum) in strata.iter().enumerate() {
            let at = format!("strata[{index}].levels");
            let Some(levels) = self.stratum_levels(&at, &stratum.levels, factors) else { continue };
            if !seen.insert(levels.clone()) {
                self.fail::<()>(
                    &at,
                    "names a combination that is there already; allowed: each once",
                );
            }
            table.push(levels);
        }
        (table.len() == strata.len()).then_some(())?;
        Some(table.into_iter().zip(shares?).collect())
    }

    fn stratum_levels(
        &mut self,
        path: &str,
        names: &[String],
        factors: &[Factor],
    ) -> Option<Vec<usize>> {
        if names.len() != factors.len() {
            return self.wrong_length(path, names.len(), factors.len(), "one level of each factor");
        }
        let mut levels = Vec::new();
        for (name, factor) in names.iter().zip(factors) {
            match factor.levels.iter().position(|level| level == name) {
                Some(level) => levels.push(level),
                None => {
                    let known = factor.levels.join("\", \"");
                    return self.fail(
                        path,
                        format!("has \"{name}\"; allowed for `{}`: \"{known}\"", factor.name),
                    );
                }
            }
        }
        Some(levels)
    }

    /// Indices of named factors, each known and named once.
    fn factor_indices(
        &mut self,
        path: &str,
        names: &[String],
        population: &Population,
    ) -> Option<Vec<usize>> {
        let known: Vec<&str> = population.factors().iter().map(|f| f.name.as_str()).collect();
        if let Some(twice) = first_repeated(names) {
            return self.fail(path, format!("has \"{twice}\" twice; allowed: each factor once"));
        }
        let mut indices = Vec::new();
        for (i, name) in names.iter().enumerate() {
            match known.iter().position(|factor| factor == name) {
                Some(index) => indices.push(index),
                None => {
                    let hint = super::nearest(name, &known)
                        .map_or_else(String::new, |near| format!(" (did you mean \"{near}\"?)"));
                    let allowed = if known.is_empty() {
                        "none are defined in [[factors]]".to_owned()
                    } else {
                        known.join(", ")
                    };
                    self.fail::<()>(
                        &format!("{path}[{i}]"),
                        format!("is \"{name}\", not a factor{hint}; allowed: {allowed}"),
                    );
                }
            }
        }
        (indices.len() == names.len()).then_some(indices)
    }

    fn randomisation(
        &mut self,
        population: &Population,
        ratio: AllocationRatio,
    ) -> Option<RandomisationMethod> {
        match &self.file.randomisation {
            file::Randomisation::Complete {} => Some(RandomisationMethod::Complete(ratio)),
            file::Randomisation::PermutedBlocks { block_sizes, stratify_by } => {
                let factors =
                    self.factor_indices("randomisation.stratify_by", stratify_by, population);
                let multiples = self.block_multiples(block_sizes, ratio.reduced().parts());
                let series = block_series(population, &factors?);
                let blocks = PermutedBlocks::new(ratio.reduced(), multiples?, series);
                Some(RandomisationMethod::PermutedBlocks(blocks))
            }
            file::Randomisation::Minimisation {
                factors,
                weights,
                imbalance,
                biased_coin_p,
                preserve_ratio,
            } => {
                let all = || population.factors().iter().map(|f| f.name.clone()).collect();
                let names: Vec<String> = factors.clone().unwrap_or_else(all);
                if names.is_empty() {
                    return self.fail(
                        "randomisation",
                        "is minimisation without factors; allowed: at least one of [[factors]]",
                    );
                }
                let factors = self.factor_indices("randomisation.factors", &names, population)?;
                let weights = weights.clone().unwrap_or_else(|| vec![1.0; factors.len()]);
                if weights.len() != factors.len() {
                    return self.wrong_length(
                        "randomisation.weights",
                        weights.len(),
                        factors.len(),
                        "one per factor",
                    );
                }
                let rule = Rule {
                    ratio,
                    factors: factors.into_iter().zip(weights).collect(),
                    imbalance: match imbalance {
                        file::Imbalance::Range => Imbalance::Range,
                        file::Imbalance::Variance => Imbalance::Variance,
                        file::Imbalance::Sd => Imbalance::StandardDeviation,
                    },
                    biased_coin_p: *biased_coin_p,
                    preserve_ratio: *preserve_ratio,
                };
                Some(RandomisationMethod::Minimisation(Minimisation::new(&rule, population)))
            }
        }
    }

    fn block_multiples(&mut self, sizes: &[u32], parts: u32) -> Option<Vec<u32>> {
        for (i, size) in sizes.iter().enumerate().filter(|(_, size)| **size % parts != 0) {
            let path = format!("randomisation.block_sizes[{i}]");
            self.fail::<()>(
                &path,
                format!(
                    "is {size}; allowed: multiples of {parts}, the parts of the allocation ratio"
                ),
            );
        }
        sizes.iter().map(|size| (size % parts == 0).then_some(size / parts)).collect()
    }

    fn outcome(&mut self) -> Option<[MrsDistribution; 2]> {
        let control = self.distribution("outcome.control", self.file.outcome.control);
        let experimental = match self.file.outcome.experimental {
            file::Experimental::Distribution(shares) => {
                self.distribution("outcome.experimental.distribution", shares)
            }
            file::Experimental::CommonOddsRatio(odds_ratio) => {
                control.map(|control| control.shifted(odds_ratio))
            }
            file::Experimental::FunctionalIndependence(target) => {
                let control = control?;
                let now = control.at_most(Mrs::INDEPENDENT);
                if now <= 0.0 || now >= 1.0 {
                    return self.fail(
                        "outcome.experimental.functional_independence",
                        format!("cannot be reached by an odds ratio: the control arm has P(mRS 0–2) = {now}; allowed: between 0 and 1"),
                    );
                }
                Some(control.shifted(control.odds_ratio_to(Mrs::INDEPENDENT, target)))
            }
        };
        Some([control?, experimental?])
    }

    fn distribution(&mut self, path: &str, shares: [f64; 7]) -> Option<MrsDistribution> {
        match MrsDistribution::new(shares) {
            Ok(distribution) => Some(distribution),
            Err(error) => self.fail(path, format!("is not a distribution: {error}")),
        }
    }

    fn analyses(&mut self) -> Option<Vec<Analysis>> {
        let mut analyses: Vec<Analysis> = Vec::new();
        for (index, written) in self.file.analyses.iter().enumerate() {
            let (name, default, method) = match written {
                file::Analysis::TwoProportions { name, cut } => {
                    let cut = Mrs::new(*cut).expect("the reader checked its range");
                    (name, "two_proportions", AnalysisMethod::TwoProportions { cut })
                }
                file::Analysis::ProportionalOdds { name, test } => {
                    let test = match test {
                        file::ShiftTest::Score => ShiftTest::Score,
                        file::ShiftTest::Wald => ShiftTest::Wald,
                    };
                    (name, "proportional_odds", AnalysisMethod::ProportionalOdds { test })
                }
            };
            let name = name.clone().unwrap_or_else(|| default.to_owned());
            if analyses.iter().any(|other| other.name == name) {
                let path = format!("analyses[{index}].name");
                self.fail::<()>(
                    &path,
                    format!(
                        "is \"{name}\", which another analysis has; allowed: a name of its own"
                    ),
                );
            }
            analyses.push(Analysis { name, method });
        }
        Some(analyses)
    }

    /// The maximum information in patients.
    fn analysed(&mut self, ratio: AllocationRatio, dropout: [f64; 2]) -> Option<u32> {
        let randomised = self.file.sample_size.randomised;
        let Some(analysed) = self.file.sample_size.analysed else {
            let experimental = ratio.share_experimental();
            let known = 1.0 - (1.0 - experimental) * dropout[0] - experimental * dropout[1];
            // A whole number that rounding left a hair below itself must not lose a patient.
            let expected = (f64::from(randomised) * known + 1e-9).floor() as u32;
            return Some(expected.max(1));
        };
        if analysed > randomised {
            let message =
                format!("is {analysed}; allowed: at most sample_size.randomised ({randomised})");
            return self.fail("sample_size.analysed", message);
        }
        Some(analysed)
    }

    fn design(&mut self, analysed: u32) -> Option<Design> {
        let written = &self.file.design;
        let alpha = match (written.alpha_one_sided, written.alpha_two_sided) {
            (Some(alpha), None) => Some(alpha),
            (None, Some(alpha)) => Some(0.5 * alpha),
            (Some(_), Some(_)) => self.fail(
                "design.alpha_two_sided",
                "is given beside `design.alpha_one_sided`; allowed: exactly one of the two",
            ),
            (None, None) => self.fail(
                "design",
                "has no type I error; expected: exactly one of alpha_one_sided, alpha_two_sided",
            ),
        };
        let looks_analysed = self.looks(analysed);
        let interims = looks_analysed.as_ref()?.len() - 1;
        let futility = self.futility(interims);
        let has_futility = futility.as_ref() != Some(&FutilityRule::None);
        let plan = Plan {
            alpha_one_sided: alpha?,
            looks_analysed: looks_analysed?,
            efficacy: efficacy_rule(self.file.design.efficacy),
            futility: futility?,
        };
        let Ok(design) = Design::new(plan, self.file.sample_size.randomised) else {
            return self.fail("design.futility.power", "cannot be reached by these looks and efficacy bounds; allowed: a power above alpha that leaves some type II error to spend");
        };
        if has_futility {
            for (k, look) in design.interims().iter().enumerate() {
                if look.futility >= look.efficacy {
                    let (futility, efficacy) = (look.futility, look.efficacy);
                    let path = format!("design.futility.bounds[{k}]");
                    self.fail::<()>(&path, format!("is {futility:.4}; allowed: below the efficacy bound of look {} ({efficacy:.4})", k + 1));
                }
            }
        }
        Some(design)
    }

    /// Outcomes at each look, increasing, the last being the maximum.
    fn looks(&mut self, analysed: u32) -> Option<Vec<u32>> {
        let rounded = |fraction: f64| (fraction * f64::from(analysed)).round() as u32;
        let (path, counts): (&str, Vec<u32>) = match &self.file.design.looks {
            file::Looks::Analysed(counts) => ("design.looks.analysed", counts.clone()),
            file::Looks::InformationFractions(fractions) => {
                let path = "design.looks.information_fractions";
                if *fractions.last()? != 1.0 {
                    let last =
                        format!("ends at {}; allowed: 1 for the final look", fractions.last()?);
                    return self.fail(path, last);
                }
                (path, fractions.iter().map(|&fraction| rounded(fraction)).collect())
            }
            file::Looks::EquallySpaced(looks) => {
                let at = |k: u32| rounded(f64::from(k) / f64::from(*looks));
                ("design.looks.equally_spaced", (1..=*looks).map(at).collect())
            }
        };
        let mut before = 0;
        for (k, &count) in counts.iter().enumerate() {
            if count <= before {
                let at =
                    if path.ends_with("spaced") { path.to_owned() } else { format!("{path}[{k}]") };
                return self.fail(&at, format!("puts look {} at {count} outcomes; allowed: more than the {before} before it", k + 1));
            }
            before = count;
        }
        if before != analysed {
            let at = format!("{path}[{}]", counts.len() - 1);
            return self.fail(
                &at,
                format!(
                    "is {before}; allowed: sample_size.analysed ({analysed}) for the final look"
                ),
            );
        }
        Some(counts)
    }

    fn futility(&mut self, interims: usize) -> Option<FutilityRule> {
        match &self.file.design.futility {
            file::Futility::None => Some(FutilityRule::None),
            file::Futility::Z { bounds } if bounds.len() != interims => self.wrong_length(
                "design.futility.bounds",
                bounds.len(),
                interims,
                "one per interim look",
            ),
            file::Futility::Z { bounds } => {
                // −inf is read as the most negative number.
                let bound = |&z: &f64| (z > f64::MIN).then_some(z);
                Some(FutilityRule::Z(bounds.iter().map(bound).collect()))
            }
            file::Futility::BetaSpending { spending, power } => Some(FutilityRule::BetaSpending {
                function: spending_function(*spending),
                power: *power,
            }),
        }
    }
}

fn first_repeated(names: &[String]) -> Option<&String> {
    let mut seen = BTreeSet::new();
    names.iter().find(|name| !seen.insert(*name))
}

/// The number of the series of blocks that serves each stratum.
fn block_series(population: &Population, factors: &[usize]) -> Vec<u32> {
    (0..population.strata())
        .map(|stratum| {
            let levels = population.levels(stratum);
            factors.iter().fold(0, |series, &factor| {
                let count = population.factors()[factor].levels.len();
                series * count as u32 + levels[factor] as u32
            })
        })
        .collect()
}

fn efficacy_rule(written: file::Efficacy) -> EfficacyRule {
    let spending = |function| EfficacyRule::Spending(function);
    match written {
        file::Efficacy::None {} => EfficacyRule::FinalOnly,
        file::Efficacy::ObrienFleming {} => EfficacyRule::ObrienFleming,
        file::Efficacy::Pocock {} => EfficacyRule::Pocock,
        file::Efficacy::LanDemetsObrienFleming {} => {
            spending(SpendingFunction::LanDeMetsObrienFleming)
        }
        file::Efficacy::LanDemetsPocock {} => spending(SpendingFunction::LanDeMetsPocock),
        file::Efficacy::HwangShihDecani { gamma } => {
            spending(SpendingFunction::HwangShihDeCani { gamma })
        }
        file::Efficacy::KimDemets { rho } => spending(SpendingFunction::KimDeMets { rho }),
    }
}

fn spending_function(written: file::Spending) -> SpendingFunction {
    match written {
        file::Spending::LanDemetsObrienFleming {} => SpendingFunction::LanDeMetsObrienFleming,
        file::Spending::LanDemetsPocock {} => SpendingFunction::LanDeMetsPocock,
        file::Spending::HwangShihDecani { gamma } => SpendingFunction::HwangShihDeCani { gamma },
        file::Spending::KimDemets { rho } => SpendingFunction::KimDeMets { rho },
    }
}

/// The file with the defaults that depend on other keys written out.
fn with_defaults(file: &file::ScenarioFile, analysed: u32) -> file::ScenarioFile {
    let mut file = file.clone();
    file.sample_size.analysed = Some(analysed);
    let names: Vec<String> = file.factors.iter().map(|factor| factor.name.clone()).collect();
    for factor in &mut file.factors {
        factor.log_odds.get_or_insert_with(|| vec![0.0; factor.levels.len()]);
    }
    if let file::Randomisation::Minimisation { factors, weights, .. } = &mut file.randomisation {
        let used = factors.get_or_insert(names).len();
        weights.get_or_insert_with(|| vec![1.0; used]);
    }
    for analysis in &mut file.analyses {
        match analysis {
            file::Analysis::TwoProportions { name, .. } => {
                name.get_or_insert_with(|| "two_proportions".into());
            }
            file::Analysis::ProportionalOdds { name, .. } => {
                name.get_or_insert_with(|| "proportional_odds".into());
            }
        }
    }
    file
}
