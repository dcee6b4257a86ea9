//! What simulating a replicate spends its time on.

/// A part of the work, in the order in which a replicate begins with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Arrivals, centres, days of follow-up and draws of dropout.
    Accrual,
    /// Strata.
    Baseline,
    /// Arms, and how balanced and predictable they are.
    Allocation,
    /// What is done in the angiography suite, and the mRS that comes of it.
    Procedure,
    /// The mRS where it is stated, adherence, adverse events.
    Outcome,
    /// Who is lost, when the looks take place, what is known by then.
    Looks,
    /// Tests, estimates, decisions.
    Analysis,
    /// Taking the replicate into the total.
    Summary,
}

impl Phase {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Accrual,
        Self::Baseline,
        Self::Allocation,
        Self::Procedure,
        Self::Outcome,
        Self::Looks,
        Self::Analysis,
        Self::Summary,
    ];

    /// For files and tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Accrual => "accrual",
            Self::Baseline => "baseline",
            Self::Allocation => "allocation",
            Self::Procedure => "procedure",
            Self::Outcome => "outcome",
            Self::Looks => "looks",
            Self::Analysis => "analysis",
            Self::Summary => "summary",
        }
    }
}
