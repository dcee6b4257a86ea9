//! The analyses, bound to the cells they work with.

use super::super::{Analysis, AnalysisSet, Description, Subgroups, file};
use super::centres::is_by_centre;
use super::{Checked, Reported, Resolver};
use crate::analysis::grouping::Grouping;
use crate::analysis::imputation::{MissingRule, MultipleImputation, SingleImputation};
use crate::analysis::method::{Proportions, Regression};
use crate::analysis::proportional_odds::ShiftTest;
use crate::analysis::proportional_odds::adjusted::Model;
use crate::analysis::proportional_odds::covariates::Covariates;
use crate::analysis::proportional_odds::levels::Levels;
use crate::analysis::two_proportions::{ProportionEffect, ProportionInterval, ProportionTest};
use crate::analysis::utilities::{self, Utilities, Variances};
use crate::analysis::wins::WinMeasure;
use crate::analysis::{AnalysisMethod, Detail};
use crate::outcome::{LEVELS, Mrs};
use crate::population::Population;
use file::analysis as written;

/// What the cells of the analyses are made of.
#[derive(Clone, Copy)]
struct Cells<'p> {
    population: &'p Population,
    /// Whether the early mRS tells them apart.
    by_early: bool,
}

impl<'p> Cells<'p> {
    fn of(file: &file::ScenarioFile, population: &'p Population) -> Self {
        let by_early = file.analyses.iter().any(|analysis| analysis.missing.uses_early());
        Self { population, by_early }
    }

    /// Stratum and early mRS of every cell.
    fn all(self) -> impl Iterator<Item = (usize, usize)> {
        let early = if self.by_early { LEVELS } else { 1 };
        (0..self.population.strata()).flat_map(move |s| (0..early).map(move |early| (s, early)))
    }

    /// By the levels of some factors.
    fn grouped(self, factors: &[usize]) -> Grouping {
        Grouping::new(self.all().map(|(stratum, _)| {
            let levels = self.population.levels(stratum);
            factors.iter().map(|&factor| levels[factor]).collect()
        }))
    }
}

/// What the analyses ask for beside the outcomes of the whole trial.
pub(super) fn detail(
    analyses: &[Analysis],
    file: &file::ScenarioFile,
    population: &Population,
    by_centre: bool,
) -> Detail {
    let by_early = Cells::of(file, population).by_early;
    let grouped = analyses.iter().any(|analysis| {
        analysis.method.grouping().is_some() || matches!(analysis.missing, MissingRule::Multiple(_))
    });
    let subgroups = file.description.as_ref().is_some_and(|it| !it.subgroups.is_empty());
    let cells = if grouped || by_early || subgroups {
        Cells::of(file, population).all().count()
    } else {
        0
    };
    let missing = analyses.iter().any(|analysis| analysis.missing != MissingRule::CompleteCase)
        || file.description.as_ref().is_some_and(|it| it.tipping_point);
    Detail { cells, by_centre, by_early, missing }
}

impl Resolver<'_> {
    pub(super) fn analyses(&mut self, population: &Population) -> Option<Vec<Analysis>> {
        let file = self.file;
        let cells = Cells::of(file, population);
        let mut analyses: Vec<Option<Analysis>> = Vec::new();
        for (index, written) in file.analyses.iter().enumerate() {
            let path = format!("analyses[{index}]");
            let method = self.method(&path, &written.method, cells);
            let missing = self.missing_rule(&path, &written.missing, cells);
            let rerandomisations = written.rerandomisations;
            if rerandomisations > 0 && matches!(missing, Some(MissingRule::Multiple(_))) {
                self.fail::<()>(
                    &format!("{path}.rerandomisations"),
                    "is given with multiple imputation; allowed there: 0",
                );
            }
            let set = written.population;
            if rerandomisations > 0 && set != AnalysisSet::IntentionToTreat {
                self.fail::<()>(
                    &format!("{path}.rerandomisations"),
                    "is given for patients picked by the treatment they got; allowed there: 0, or population = \"intention_to_treat\"",
                );
            }
            analyses.push(method.zip(missing).map(|(method, missing)| {
                let name = written.name.clone().unwrap_or_else(|| method.name().to_owned());
                let by_centre = is_by_centre(&written.method);
                Analysis { name, method, by_centre, rerandomisations, missing, set }
            }));
        }
        let analyses: Vec<Analysis> = analyses.into_iter().collect::<Option<_>>()?;
        for (index, analysis) in analyses.iter().enumerate() {
            let name = &analysis.name;
            if analyses[..index].iter().any(|other| other.name == *name) {
                let path = format!("analyses[{index}].name");
                let message = format!(
                    "is \"{name}\", which another analysis has; allowed: a name of its own"
                );
                self.fail::<()>(&path, message);
            }
        }
        Some(analyses)
    }

    /// Reads what is described when a trial ends; `None` if nothing is.
    pub(super) fn description(&mut self, population: &Population) -> Checked<Option<Description>> {
        let file = self.file;
        let Some(written) = &file.description else { return Ok(None) };
        if !written.proportional_odds && written.subgroups.is_empty() && !written.tipping_point {
            let message = "describes nothing; allowed: proportional_odds = true, subgroups, tipping_point = true, or no [description]";
            return self.fail("description", message);
        }
        if written.tipping_point && file.analyses[0].rerandomisations > 0 {
            let message = "is asked for a first analysis with rerandomisations; allowed with another first analysis";
            return self.fail("description.tipping_point", message);
        }
        let path = "description.subgroups";
        let factors = self.factor_indices(path, &written.subgroups, population).ok_or(Reported)?;
        let cells = Cells::of(file, population);
        let subgroups = written.subgroups.iter().zip(factors).map(|(name, factor)| {
            let grouping = cells.grouped(&[factor]);
            let rows = grouping.indicators();
            let covariates = Covariates::with_interactions(&rows, &rows);
            let model = Model { levels: Levels::ALL, covariates };
            Subgroups { factor: name.clone(), model, grouping }
        });
        Ok(Some(Description {
            proportional_odds: written.proportional_odds,
            tipping_point: written.tipping_point,
            subgroups: subgroups.collect(),
            alpha_two_sided: written.alpha_two_sided,
        }))
    }

    fn method(
        &mut self,
        path: &str,
        method: &written::Method,
        cells: Cells<'_>,
    ) -> Option<AnalysisMethod> {
        use written::Method;
        Some(match method {
            Method::TwoProportions { cut, test, effect, interval } => {
                let proportions = Proportions {
                    test: proportion_test(*test),
                    effect: proportion_effect(*effect),
                    interval: self.interval(path, *effect, *interval)?,
                };
                AnalysisMethod::TwoProportions { cut: mrs(*cut), proportions }
            }
            Method::ProportionalOdds { test, merge_5_and_6: false, adjust_for }
                if adjust_for.is_empty() =>
            {
                AnalysisMethod::ProportionalOdds { test: shift_test(*test) }
            }
            Method::ProportionalOdds { test, merge_5_and_6, adjust_for } => {
                let levels = if *merge_5_and_6 { Levels::SEVERE_WITH_DEATH } else { Levels::ALL };
                let (model, grouping) = self.model(path, adjust_for, levels, cells)?;
                let test = shift_test(*test);
                let regression = Regression { model, grouping, test, is_logistic: false };
                AnalysisMethod::Regression(Box::new(regression))
            }
            Method::Logistic { cut, test, adjust_for } => {
                let levels = Levels::at_most(mrs(*cut));
                let (model, grouping) = self.model(path, adjust_for, levels, cells)?;
                let test = shift_test(*test);
                let regression = Regression { model, grouping, test, is_logistic: true };
                AnalysisMethod::Regression(Box::new(regression))
            }
            Method::Wilcoxon { stratify_by } if stratify_by.is_empty() => {
                AnalysisMethod::Wins(WinMeasure::NetBenefit)
            }
            Method::Wilcoxon { stratify_by } => {
                AnalysisMethod::VanElteren(self.strata(path, stratify_by, cells)?)
            }
            Method::WinOdds {} => AnalysisMethod::Wins(WinMeasure::WinOdds),
            Method::WinRatio {} => AnalysisMethod::Wins(WinMeasure::WinRatio),
            Method::UtilityWeighted { utilities, test, adjust_for } => {
                self.utility_weighted(path, (utilities, *test), adjust_for, cells)?
            }
            Method::CochranMantelHaenszel { cut, stratify_by } => AnalysisMethod::MantelHaenszel {
                cut: mrs(*cut),
                grouping: self.strata(path, stratify_by, cells)?,
            },
            Method::SlidingDichotomy { points, cuts, test } => {
                let (grouping, cuts) = self.sliding(path, points, cuts, cells)?;
                AnalysisMethod::SlidingDichotomy { cuts, grouping, test: proportion_test(*test) }
            }
        })
    }

    fn strata(&mut self, path: &str, factors: &[String], cells: Cells<'_>) -> Option<Grouping> {
        let path = format!("{path}.stratify_by");
        Some(cells.grouped(&self.factor_indices(&path, factors, cells.population)?))
    }

    /// A regression's model, with its groups where it has covariates.
    fn model(
        &mut self,
        path: &str,
        adjust_for: &[String],
        levels: Levels,
        cells: Cells<'_>,
    ) -> Option<(Model, Option<Grouping>)> {
        if adjust_for.is_empty() {
            return Some((Model { levels, covariates: Covariates::none() }, None));
        }
        let path = format!("{path}.adjust_for");
        let factors = self.factor_indices(&path, adjust_for, cells.population)?;
        let grouping = cells.grouped(&factors);
        let covariates = Covariates::new(&grouping.indicators());
        Some((Model { levels, covariates }, Some(grouping)))
    }

    fn interval(
        &mut self,
        path: &str,
        effect: written::ProportionEffect,
        interval: written::ProportionInterval,
    ) -> Option<ProportionInterval> {
        let difference = effect == written::ProportionEffect::RiskDifference;
        if interval == written::ProportionInterval::Newcombe && !difference {
            let message = "is \"newcombe\", which is for the risk difference; allowed with this effect: wald, miettinen_nurminen, farrington_manning";
            return self.fail(&format!("{path}.interval"), message);
        }
        Some(match interval {
            written::ProportionInterval::Wald => ProportionInterval::Wald,
            written::ProportionInterval::Newcombe => ProportionInterval::Newcombe,
            written::ProportionInterval::MiettinenNurminen => ProportionInterval::MiettinenNurminen,
            written::ProportionInterval::FarringtonManning => ProportionInterval::FarringtonManning,
        })
    }

    fn utility_weighted(
        &mut self,
        path: &str,
        (values, test): (&[f64; LEVELS], written::MeansTest),
        adjust_for: &[String],
        cells: Cells<'_>,
    ) -> Option<AnalysisMethod> {
        let utilities = match Utilities::new(*values) {
            Ok(utilities) => utilities,
            Err(error) => return self.fail(&format!("{path}.utilities"), error.to_string()),
        };
        let welch = test == written::MeansTest::Welch;
        if adjust_for.is_empty() {
            let variances = if welch { Variances::Unequal } else { Variances::Equal };
            return Some(AnalysisMethod::Utilities { utilities, variances });
        }
        if welch {
            let message = "is \"welch\" with covariates; allowed with `adjust_for`: student";
            return self.fail(&format!("{path}.test"), message);
        }
        let path = format!("{path}.adjust_for");
        let factors = self.factor_indices(&path, adjust_for, cells.population)?;
        let grouping = cells.grouped(&factors);
        match utilities::Covariates::new(&grouping.indicators()) {
            Ok(covariates) => {
                Some(AnalysisMethod::AdjustedUtilities { utilities, covariates, grouping })
            }
            Err(error) => self.fail(&path, format!("makes {error}")),
        }
    }

    /// Groups by points, with the cut of each.
    fn sliding(
        &mut self,
        path: &str,
        points: &[written::FactorPoints],
        cuts: &[written::SlidingCut],
        cells: Cells<'_>,
    ) -> Option<(Grouping, Vec<Mrs>)> {
        let of_stratum = self.points(&format!("{path}.points"), points, cells.population)?;
        self.cuts_rise(&format!("{path}.cuts"), cuts)?;
        let least = of_stratum.iter().copied().min().unwrap_or(0);
        if i64::from(cuts[0].from_points) > least {
            let message = format!(
                "is {}; allowed: at most {least}, the least that a patient has",
                cuts[0].from_points
            );
            return self.fail(&format!("{path}.cuts[0].from_points"), message);
        }
        let place = |points: i64| {
            cuts.iter().rposition(|cut| i64::from(cut.from_points) <= points).unwrap_or(0)
        };
        let grouping =
            Grouping::new(cells.all().map(|(stratum, _)| vec![place(of_stratum[stratum])]));
        let of_groups = grouping.levels().iter().map(|group| mrs(cuts[group[0]].cut)).collect();
        Some((grouping, of_groups))
    }

    /// The points of each stratum.
    fn points(
        &mut self,
        path: &str,
        points: &[written::FactorPoints],
        population: &Population,
    ) -> Option<Vec<i64>> {
        self.factors_once(path, points.iter().map(|written| written.factor.as_str()))?;
        let mut of_stratum = vec![0i64; population.strata()];
        for (i, written) in points.iter().enumerate() {
            let path = format!("{path}[{i}]");
            let factor =
                self.factor_index(&format!("{path}.factor"), &written.factor, population)?;
            let levels = population.factors()[factor].levels.len();
            if written.of_levels.len() != levels {
                let why = format!("one for each level of \"{}\"", written.factor);
                let has = written.of_levels.len();
                return self.wrong_length(&format!("{path}.of_levels"), has, levels, &why);
            }
            for (stratum, sum) in of_stratum.iter_mut().enumerate() {
                *sum += i64::from(written.of_levels[population.levels(stratum)[factor]]);
            }
        }
        Some(of_stratum)
    }

    fn cuts_rise(&mut self, path: &str, cuts: &[written::SlidingCut]) -> Option<()> {
        let fall = cuts.windows(2).position(|pair| pair[1].from_points <= pair[0].from_points);
        let Some(i) = fall else { return Some(()) };
        let message = format!(
            "is {}; allowed: more than the {} before it",
            cuts[i + 1].from_points,
            cuts[i].from_points
        );
        self.fail(&format!("{path}[{}].from_points", i + 1), message)
    }

    fn missing_rule(
        &mut self,
        path: &str,
        written: &written::MissingRule,
        cells: Cells<'_>,
    ) -> Option<MissingRule> {
        if written.uses_early() && self.file.early_outcome.is_none() {
            let message = "needs [early_outcome]; allowed without it: complete_case, single_value, by_arm, multiple_imputation without `early`";
            return self.fail(&format!("{path}.missing"), message);
        }
        let value = |control, experimental| {
            MissingRule::Single(SingleImputation::Value([mrs(control), mrs(experimental)]))
        };
        Some(match *written {
            written::MissingRule::CompleteCase {} => MissingRule::CompleteCase,
            written::MissingRule::SingleValue { mrs } => value(mrs, mrs),
            written::MissingRule::ByArm { control, experimental } => value(control, experimental),
            written::MissingRule::LastObservation {} => {
                MissingRule::Single(SingleImputation::LastObservation)
            }
            written::MissingRule::MultipleImputation {
                imputations,
                ref adjust_for,
                early,
                log_odds_experimental,
            } => {
                let path = format!("{path}.missing.adjust_for");
                let factors = self.factor_indices(&path, adjust_for, cells.population)?;
                let grouping = Grouping::new(cells.all().map(|(stratum, first)| {
                    let levels = cells.population.levels(stratum);
                    let of_factors = factors.iter().map(|&factor| levels[factor]);
                    of_factors.chain(early.then_some(first)).collect()
                }));
                let mut rows = grouping.indicators_of(factors.len());
                if early {
                    // As a number: seven indicators would leave many of them empty.
                    for (row, levels) in rows.iter_mut().zip(grouping.levels()) {
                        row.extend(levels.last().map(|&first| first as f64));
                    }
                }
                let model = Model { levels: Levels::ALL, covariates: Covariates::new(&rows) };
                let dead_early =
                    |levels: &Vec<usize>| early && levels.last() == Some(&Mrs::DEAD.index());
                let left_out = grouping.levels().iter().map(dead_early).collect();
                MissingRule::Multiple(Box::new(MultipleImputation {
                    imputations,
                    model,
                    grouping,
                    left_out,
                    log_odds_experimental,
                }))
            }
        })
    }
}

fn mrs(score: u8) -> Mrs {
    Mrs::new(score).expect("the reader checked its range")
}

fn shift_test(written: written::ShiftTest) -> ShiftTest {
    match written {
        written::ShiftTest::Score => ShiftTest::Score,
        written::ShiftTest::Wald => ShiftTest::Wald,
        written::ShiftTest::LikelihoodRatio => ShiftTest::LikelihoodRatio,
    }
}

pub(super) fn proportion_test(written: written::ProportionTest) -> ProportionTest {
    match written {
        written::ProportionTest::PooledZ => ProportionTest::PooledZ,
        written::ProportionTest::UnpooledZ => ProportionTest::UnpooledZ,
        written::ProportionTest::ContinuityCorrected => ProportionTest::ContinuityCorrected,
        written::ProportionTest::Fisher => ProportionTest::Fisher,
        written::ProportionTest::FisherMidP => ProportionTest::FisherMidP,
    }
}

fn proportion_effect(written: written::ProportionEffect) -> ProportionEffect {
    match written {
        written::ProportionEffect::RiskDifference => ProportionEffect::RiskDifference,
        written::ProportionEffect::LogRiskRatio => ProportionEffect::LogRiskRatio,
        written::ProportionEffect::LogOddsRatio => ProportionEffect::LogOddsRatio,
    }
}
