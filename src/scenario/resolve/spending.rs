//! Functions that spend an error rate over the looks.

use super::super::file;
use super::super::problems::out_of_range;
use super::{Checked, Reported, Resolver};
use crate::design::{SpendingFunction, StatedSpending};

impl<F> Resolver<'_, F> {
    /// Returns a spending function for an error rate of `total`; `None` if there are problems with that.
    pub(super) fn spending(
        &mut self,
        path: &str,
        written: &file::Boundary,
        total: Option<f64>,
        fractions: &[f64],
    ) -> Checked<SpendingFunction> {
        Ok(match written {
            file::Boundary::LanDemetsObrienFleming {} => SpendingFunction::LanDeMetsObrienFleming,
            file::Boundary::LanDemetsPocock {} => SpendingFunction::LanDeMetsPocock,
            &file::Boundary::HwangShihDecani { gamma } => {
                SpendingFunction::HwangShihDeCani { gamma }
            }
            &file::Boundary::KimDemets { rho } => SpendingFunction::KimDeMets { rho },
            file::Boundary::Cumulative { spent } => {
                let total = total.ok_or(Reported)?;
                SpendingFunction::Stated(self.stated_spending(path, spent, total, fractions)?)
            }
            file::Boundary::None {}
            | file::Boundary::ObrienFleming {}
            | file::Boundary::Pocock {}
            | file::Boundary::WangTsiatis { .. }
            | file::Boundary::HaybittlePeto { .. } => {
                let message = "is a boundary and spends nothing by itself; allowed: \
                     lan_demets_obrien_fleming, lan_demets_pocock, hwang_shih_decani, kim_demets, \
                     cumulative";
                return self.fail(&format!("{path}.rule"), message);
            }
        })
    }

    fn stated_spending(
        &mut self,
        path: &str,
        spent: &[f64],
        total: f64,
        fractions: &[f64],
    ) -> Checked<Vec<StatedSpending>> {
        let path = format!("{path}.spent");
        if spent.len() != fractions.len() {
            return self.wrong_length(&path, spent.len(), fractions.len(), "one per look");
        }
        if let Some(k) = (1..spent.len()).find(|&k| spent[k] < spent[k - 1]) {
            let allowed = format!("no less than the {} before it", spent[k - 1]);
            return self.fail(&format!("{path}[{k}]"), out_of_range(spent[k], allowed));
        }
        let last = spent.len() - 1;
        // The final look spends the rest, so another total would not be spent as written. The tolerance
        // is for rates such as 1/3, which cannot be written exactly.
        if (spent[last] - total).abs() > 1e-9 * total {
            // Rounded, or the rest of a power of 0.8 would be printed as 0.19999999999999996.
            let total = (total * 1e12).round() / 1e12;
            let message = out_of_range(spent[last], format!("the whole error rate, {total}"));
            return self.fail(&format!("{path}[{last}]"), message);
        }
        let stated = fractions
            .iter()
            .zip(spent)
            .map(|(&fraction, &spent)| StatedSpending { fraction, share: spent / total });
        Ok(stated.collect())
    }
}
