//! Boundaries of every look of a monitored trial, with their nominal p values.

use serde::Serialize;

use crate::design::monitor::RunningTrial;
use crate::num::finite;
use crate::num::normal::{two_sided, upper_tail};

/// The boundaries of a look for the observed or planned information.
#[derive(Debug, Clone, Serialize)]
pub(super) struct BoundsOfLook {
    pub(super) look: usize,
    pub(super) analysed: u32,
    pub(super) information_fraction: f64,
    pub(super) z_efficacy: Option<f64>,
    /// Nominal p values at the boundary for efficacy; null if it is not tested, as its Z.
    pub(super) p_efficacy: Option<BoundaryP>,
    pub(super) z_futility: Option<f64>,
    pub(super) z_harm: Option<f64>,
    pub(super) alpha_spent: f64,
}

/// Nominal p values of Z at a boundary.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(super) struct BoundaryP {
    pub(super) one_sided: f64,
    pub(super) two_sided: f64,
}

/// Lists the boundaries of every look: past, current and planned.
pub(super) fn bounds(monitored: &RunningTrial) -> Vec<BoundsOfLook> {
    let boundaries = monitored.boundaries();
    let numbers = monitored.numbers().enumerate();
    numbers
        .map(|(k, look)| BoundsOfLook {
            look,
            analysed: monitored.analysed()[k],
            information_fraction: boundaries.information_fractions[k],
            // An infinite boundary is not tested.
            z_efficacy: finite(boundaries.efficacy[k]),
            p_efficacy: finite(boundaries.efficacy[k])
                .map(|z| BoundaryP { one_sided: upper_tail(z), two_sided: two_sided(z) }),
            z_futility: finite(boundaries.futility[k]),
            z_harm: finite(boundaries.harm[k]),
            alpha_spent: boundaries.alpha_spent[k],
        })
        .collect()
}
