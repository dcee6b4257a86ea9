//! Where the quantities of a result are: in which object of the JSON, and under which name in CSV.

use super::list::{
    ANALYSIS, ARM, BALANCE, CENTRES, COMPONENT, CUT, DESCRIPTION, GROUP, LEVEL, LOOK, MODIFIED,
    PASS, POPULATION, POPULATION_CHOICE, POPULATION_LEVEL, PRIOR, PRIOR_ANALYSIS, PROCEDURE,
    REESTIMATION, SAFETY, SAFETY_LOOK, SUBGROUP, SUCCESS, SUCCESS_ANALYSIS, SUCCESS_LOOK, TRUTH,
    ZONE,
};
use super::{Quantity, Reading};
use crate::summary::procedure::ProcedureSummary;
use crate::summary::{
    AllocationBalance, AnalysisSummary, DescriptionSummary, OperatingCharacteristics, PriorSummary,
    SafetySummary, TruthSummary,
};

/// Lists of objects in summaries, each with the fields that name its elements in the rows of
/// `--format csv`; elements of lists that are neither here nor in `OTHER_LISTS` are numbered from 1.
pub const LISTS: &[(&str, &[&str])] = &[
    ("truths", &["truth"]),
    ("analyses", &["name"]),
    ("looks", &["look"]),
    ("safety", &["name"]),
    ("cuts", &["cut"]),
    ("subgroups", &["factor"]),
    ("levels", &["factor", "level"]),
    ("arms", &["arm"]),
    ("groups", &["group"]),
    ("zones", &["zone"]),
    ("populations", &["population"]),
];

/// JSON pointer (RFC 6901) of an object in a result.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct JsonPlace(String);

impl JsonPlace {
    /// The place of a truth in a result, by its position.
    pub fn truth(truth: usize) -> Self {
        Self::default().item("truths", truth)
    }

    /// The place of the summary of a prior.
    pub fn prior() -> Self {
        Self::default().key("prior")
    }

    /// The place of an analysis within a truth or a prior.
    #[must_use]
    pub fn analysis(&self, analysis: usize) -> Self {
        self.item("analyses", analysis)
    }

    /// The place of the results of a rule within a truth.
    #[must_use]
    pub fn success(&self) -> Self {
        self.key("success")
    }

    /// The JSON pointer of a quantity of this object.
    pub fn pointer<T>(&self, quantity: &Quantity<T>) -> String {
        self.key(quantity.key).0
    }

    fn key(&self, key: &str) -> Self {
        Self(key.split('.').fold(self.0.clone(), |place, key| place + "/" + key))
    }

    fn item(&self, list: &str, index: usize) -> Self {
        Self(format!("{}/{list}/{index}", self.0))
    }
}

/// Reads every quantity off a result, each with its JSON pointer.
pub fn readings(result: &OperatingCharacteristics) -> Vec<(String, Reading<'_>)> {
    let mut out = Readings(Vec::new());
    for (i, truth) in result.truths.iter().enumerate() {
        out.truth(&JsonPlace::truth(i), truth);
    }
    if let Some(prior) = &result.prior {
        out.prior(&JsonPlace::prior(), prior);
    }
    if let Some(procedure) = &result.procedure {
        out.procedure(&JsonPlace::default().key("procedure"), procedure);
    }
    out.0
}

/// Readings made so far, each with its pointer.
struct Readings<'r>(Vec<(String, Reading<'r>)>);

impl<'r> Readings<'r> {
    fn all_of<T>(&mut self, place: &JsonPlace, catalogue: &'static [Quantity<T>], of: &'r T) {
        self.0
            .extend(catalogue.iter().map(|quantity| (place.pointer(quantity), quantity.read(of))));
    }

    fn items<T>(
        &mut self,
        place: &JsonPlace,
        list: &str,
        catalogue: &'static [Quantity<T>],
        items: &'r [T],
    ) {
        for (i, item) in items.iter().enumerate() {
            self.all_of(&place.item(list, i), catalogue, item);
        }
    }

    fn truth(&mut self, place: &JsonPlace, truth: &'r TruthSummary) {
        self.all_of(place, TRUTH, truth);
        for (i, analysis) in truth.analyses.iter().enumerate() {
            self.analysis(&place.analysis(i), analysis);
        }
        self.items(place, "levels", MODIFIED, &truth.levels);
        if let Some(description) = &truth.description {
            self.description(&place.key("description"), description);
        }
        for (i, event) in truth.safety.iter().enumerate() {
            self.safety(&place.item("safety", i), event);
        }
        if let Some(success) = &truth.success {
            let place = place.success();
            self.all_of(&place, SUCCESS, success);
            self.items(&place, "analyses", SUCCESS_ANALYSIS, &success.analyses);
            self.items(&place, "looks", SUCCESS_LOOK, &success.looks);
        }
        self.balance(&place.key("balance"), &truth.balance);
    }

    fn analysis(&mut self, place: &JsonPlace, analysis: &'r AnalysisSummary) {
        self.all_of(place, ANALYSIS, analysis);
        self.items(place, "looks", LOOK, &analysis.looks);
        if let Some(reestimation) = &analysis.reestimation {
            let place = place.key("reestimation");
            self.all_of(&place, REESTIMATION, reestimation);
            self.items(&place, "zones", ZONE, &reestimation.zones);
        }
        if let Some(population) = &analysis.population {
            let place = place.key("population");
            self.all_of(&place, POPULATION, population);
            self.items(&place, "levels", POPULATION_LEVEL, &population.levels);
            self.items(&place, "populations", POPULATION_CHOICE, &population.populations);
        }
    }

    fn description(&mut self, place: &JsonPlace, description: &'r DescriptionSummary) {
        self.all_of(place, DESCRIPTION, description);
        self.items(place, "cuts", CUT, &description.cuts);
        self.items(place, "subgroups", SUBGROUP, &description.subgroups);
    }

    fn safety(&mut self, place: &JsonPlace, event: &'r SafetySummary) {
        self.all_of(place, SAFETY, event);
        self.items(place, "looks", SAFETY_LOOK, &event.looks);
    }

    fn balance(&mut self, place: &JsonPlace, balance: &'r AllocationBalance) {
        self.all_of(place, BALANCE, balance);
        self.items(place, "levels", LEVEL, &balance.levels);
        if let Some(centres) = &balance.centres {
            self.all_of(&place.key("centres"), CENTRES, centres);
        }
    }

    fn prior(&mut self, place: &JsonPlace, prior: &'r PriorSummary) {
        self.all_of(place, PRIOR, prior);
        self.items(place, "components", COMPONENT, &prior.components);
        self.items(place, "analyses", PRIOR_ANALYSIS, &prior.analyses);
    }

    fn procedure(&mut self, place: &JsonPlace, procedure: &'r ProcedureSummary) {
        self.all_of(place, PROCEDURE, procedure);
        for (i, arm) in procedure.arms.iter().enumerate() {
            let place = place.item("arms", i);
            self.all_of(&place, ARM, arm);
            self.items(&place, "groups", GROUP, &arm.groups);
            self.items(&place, "passes", PASS, &arm.passes);
        }
    }
}
