//! Times of the looks, and the outcomes that each is expected to have.

use super::super::file;
use super::super::look_timing::LookCalendar;
use super::super::problems::out_of_range;
use super::{Checked, Reported, Resolver};
use crate::accrual::DAYS_PER_MONTH;

/// Returns numbers per look as shares of that of the final look.
pub(super) fn shares_of_last(counts: &[u32]) -> Vec<f64> {
    let last = counts.last().map_or(f64::NAN, |&last| f64::from(last));
    counts.iter().map(|&count| f64::from(count) / last).collect()
}

/// Smallest step between information fractions.
// Looks closer than this would leave an interim test without patients of its own.
const LEAST_STEP: f64 = 1e-6;

impl Resolver<'_> {
    /// Returns the outcomes at each look, increasing, the last being the maximum: the expected ones
    /// where trials differ.
    pub(super) fn looks(
        &mut self,
        analysed: u32,
        calendar: Option<&LookCalendar<'_>>,
    ) -> Checked<Vec<u32>> {
        let file = self.file;
        let counts: Vec<u32> = match &file.design.looks {
            file::Looks::Analysed(counts) => counts.clone(),
            file::Looks::Randomised(patients) => self.known_of_first(patients, analysed)?,
            file::Looks::Months(months) => {
                self.known_by_month(months, analysed, calendar.ok_or(Reported)?)?
            }
            file::Looks::InformationFractions(_) | file::Looks::EquallySpaced(_) => {
                // The last fraction is exactly 1, so the final look has the maximum.
                let counts = self.information_fractions()?.into_iter();
                counts.map(|fraction| (fraction * f64::from(analysed)).round() as u32).collect()
            }
        };
        let mut before = 0;
        for (k, &count) in counts.iter().enumerate() {
            // Rounding can put two looks of a small trial at the same number of outcomes.
            if count <= before {
                let look = k + 1;
                let path = look_path(&self.file.design.looks, k);
                return self.fail(&path, format!("puts look {look} at {count} outcomes; allowed: more than the {before} before it"));
            }
            before = count;
        }
        if before != analysed {
            let allowed = format!(
                "sample_size.analysed ({analysed}) for the final look, or looks that follow it: \
                 {{ equally_spaced = {} }}",
                counts.len()
            );
            let path = look_path(&self.file.design.looks, counts.len() - 1);
            return self.fail(&path, out_of_range(before, allowed));
        }
        Ok(counts)
    }

    /// Returns the outcomes expected of the patients randomised first, by look.
    fn known_of_first(&mut self, patients: &[u32], analysed: u32) -> Checked<Vec<u32>> {
        let looks = &self.file.design.looks;
        let randomised = self.file.sample_size.randomised;
        let last = patients.len() - 1;
        if let Some(k) = (1..patients.len()).find(|&k| patients[k] <= patients[k - 1]) {
            let allowed = format!("more than the {} before it", patients[k - 1]);
            return self.fail(&look_path(looks, k), out_of_range(patients[k], allowed));
        }
        if patients[last] != randomised {
            let allowed = format!("sample_size.randomised ({randomised}) for the final look");
            return self.fail(&look_path(looks, last), out_of_range(patients[last], allowed));
        }
        // By the same share as at the final look, which the plan states.
        let share = f64::from(analysed) / f64::from(randomised);
        let interims = patients[..last].iter().map(|&n| (share * f64::from(n)).round() as u32);
        Ok(interims.chain([analysed]).collect())
    }

    /// Returns the outcomes expected to be known in these months, by look; all at the final one.
    fn known_by_month(
        &mut self,
        months: &[f64],
        analysed: u32,
        calendar: &LookCalendar<'_>,
    ) -> Checked<Vec<u32>> {
        let looks = &self.file.design.looks;
        let randomised = self.file.sample_size.randomised;
        if let Some(k) = (1..months.len()).find(|&k| months[k] <= months[k - 1]) {
            let allowed = format!("more than the {} before it", months[k - 1]);
            return self.fail(&look_path(looks, k), out_of_range(months[k], allowed));
        }
        let share = f64::from(analysed) / f64::from(randomised);
        let mut counts = Vec::with_capacity(months.len());
        for (k, month) in months[..months.len() - 1].iter().enumerate() {
            let followed = calendar.followed_by(month * DAYS_PER_MONTH, randomised);
            let known = (share * f64::from(followed)).round() as u32;
            if known == 0 || known >= analysed {
                let (number, what) = match known {
                    0 => ("no", "a later month"),
                    _ => ("all", "an earlier month"),
                };
                let message = format!(
                    "is month {month}, by which {number} outcomes are expected at this accrual; allowed: {what}, or another accrual"
                );
                return self.fail(&look_path(looks, k), message);
            }
            counts.push(known);
        }
        counts.push(analysed);
        Ok(counts)
    }
}

/// Returns the key that has the size of look `k`, from 0.
pub(super) fn look_path(looks: &file::Looks, k: usize) -> String {
    match looks {
        file::Looks::Analysed(_) => format!("design.looks.analysed[{k}]"),
        file::Looks::InformationFractions(_) => format!("design.looks.information_fractions[{k}]"),
        file::Looks::EquallySpaced(_) => "design.looks.equally_spaced".to_owned(),
        file::Looks::Randomised(_) => format!("design.looks.randomised[{k}]"),
        file::Looks::Months(_) => format!("design.looks.months[{k}]"),
    }
}

impl<F: AsRef<file::WrittenDesign>> Resolver<'_, F> {
    /// Returns the information at each look over the maximum, increasing to 1.
    pub(super) fn information_fractions(&mut self) -> Checked<Vec<f64>> {
        let looks = &self.file.as_ref().looks;
        let fractions = match looks {
            file::Looks::Analysed(counts) | file::Looks::Randomised(counts) => {
                shares_of_last(counts)
            }
            file::Looks::Months(_) => {
                let message = "needs the accrual of a scenario; allowed without one: analysed, information_fractions, equally_spaced, randomised";
                return self.fail("design.looks.months", message);
            }
            file::Looks::InformationFractions(fractions) => fractions.clone(),
            file::Looks::EquallySpaced(looks) => {
                // Divided one by one, so that a third look of six has exactly the fraction 0.5.
                (1..=*looks).map(|k| f64::from(k) / f64::from(*looks)).collect()
            }
        };
        if let Some(last) = fractions.last().filter(|last| **last != 1.0) {
            // The maximum is the number of the final look, which rounding could miss.
            let path = "design.looks.information_fractions";
            return self.fail(path, format!("ends at {last}; allowed: 1 for the final look"));
        }
        if let Some(k) =
            (1..fractions.len()).find(|&k| fractions[k] - fractions[k - 1] < LEAST_STEP)
        {
            let message = format!(
                "puts look {} at an information fraction of {}; allowed: more than the {} before it",
                k + 1,
                fractions[k],
                fractions[k - 1]
            );
            return self.fail(&look_path(looks, k), message);
        }
        Ok(fractions)
    }

    /// Reports rules whose bounds are known only together with the outcomes at every look, if the looks
    /// leave these open.
    pub(super) fn refuse_rules_of_planned_outcomes(&mut self) {
        let written = self.file.as_ref();
        let looks = match &written.looks {
            file::Looks::Randomised(_) => "design.looks.randomised",
            file::Looks::Months(_) => "design.looks.months",
            file::Looks::Analysed(_)
            | file::Looks::InformationFractions(_)
            | file::Looks::EquallySpaced(_) => return,
        };
        let has_constant = match &written.efficacy {
            Some(
                file::Boundary::ObrienFleming {}
                | file::Boundary::Pocock {}
                | file::Boundary::WangTsiatis { .. },
            ) => true,
            Some(
                file::Boundary::None {}
                | file::Boundary::LanDemetsObrienFleming {}
                | file::Boundary::LanDemetsPocock {}
                | file::Boundary::HwangShihDecani { .. }
                | file::Boundary::KimDemets { .. }
                | file::Boundary::Cumulative { .. }
                | file::Boundary::HaybittlePeto { .. },
            )
            | None => false,
        };
        let is_effect = match &written.futility {
            file::Futility::Effect { .. } => true,
            file::Futility::None
            | file::Futility::Z { .. }
            | file::Futility::P { .. }
            | file::Futility::ConditionalPower { .. }
            | file::Futility::PredictivePower { .. }
            | file::Futility::BetaSpending { .. } => false,
        };
        if has_constant {
            self.report("design.efficacy.rule", format!("has a constant that depends on the outcomes at every look, which {looks} leaves open; allowed: none, haybittle_peto, or a spending function (lan_demets_obrien_fleming, lan_demets_pocock, hwang_shih_decani, kim_demets, cumulative)"));
        }
        if is_effect {
            self.report("design.futility.rule", format!("is on the effect scale, whose Z depends on the outcomes at the look, which {looks} leaves open; allowed: z, p, conditional_power, predictive_power, beta_spending, none"));
        }
    }
}
