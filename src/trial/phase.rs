//! The phases of simulating a replicate, and who times them.

/// A part of the work, in the order in which a replicate begins with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Arrivals, centres, days of follow-up and draws of dropout.
    Accrual,
    /// Strata.
    Baseline,
    /// Arms, and how balanced and predictable they are.
    Allocation,
    /// The procedure and the mRS that follows.
    Procedure,
    /// The mRS if it is stated, adherence, adverse events.
    Outcome,
    /// Dropout, the days of the looks, the outcomes known by then.
    Looks,
    /// Tests, estimates, decisions.
    Analysis,
    /// Adding the replicate to the total.
    Summary,
}

impl Phase {
    /// All phases.
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

    /// Name of the phase in files and tables.
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

/// Sees the phases of a replicate end.
// A type parameter of the simulator, so that a run, whose observer is `()`, has no trace of it.
pub trait PhaseObserver {
    /// Receives a phase that has just ended. A replicate may have several parts of one phase.
    fn ended(&mut self, phase: Phase);
}

impl PhaseObserver for () {
    #[inline]
    fn ended(&mut self, _: Phase) {}
}
