//! Predictability of allocation: the share guessed correctly by an observer who knows the arms of
//! all earlier patients.

use super::{AllocationRatio, Arm};

/// Convergence strategy of Blackwell & Hodges (1957, Ann Math Stat 28:449): the guess is the arm
/// that is behind, relative to the ratio; in a tie it is the larger arm, and half a guess on each
/// if the arms are equal.
///
/// Between equal arms it is the best strategy against any coin that never favours the arm that is
/// ahead, and right half the time under complete randomisation. Between unequal arms, always
/// guessing the larger one may be right more often.
#[derive(Debug, Clone, Copy)]
pub struct ConvergenceStrategy {
    control: i32,
    experimental: i32,
    /// Lead of the experimental arm below which each half of the guess is that arm.
    leads: [i32; 2],
}

impl ConvergenceStrategy {
    /// Constructs the strategy against an allocation with these target shares, for at most 1 000
    /// 000 patients.
    pub fn new(ratio: AllocationRatio) -> Self {
        let AllocationRatio { control, experimental } = ratio;
        // A lead is a whole number, so below 1 is a lead of at most 0.
        let leads = [i32::from(experimental > control), i32::from(experimental >= control)];
        Self { control: control as i32, experimental: experimental as i32, leads }
    }

    /// Returns the correct halves (0, 1 or 2) of the guess of a patient's arm, after `so_far`
    /// earlier patients of control and experimental arm.
    #[inline(always)]
    pub fn halves_right(self, so_far: [u32; 2], arm: Arm) -> u32 {
        let [control, experimental] = so_far.map(|n| n as i32);
        let lead = experimental * self.control - control * self.experimental;
        let is_experimental = arm == Arm::Experimental;
        self.leads.map(|below| u32::from((lead < below) == is_experimental)).iter().sum()
    }

    /// Returns the contribution of a patient to the sum of correct halves, to which
    /// [`halves_at_the_end`](Self::halves_at_the_end) is added once.
    #[inline(always)]
    pub fn halves_before_the_end(self, so_far: [u32; 2], arm: Arm) -> u32 {
        // Between equal arms a guess is right when the difference shrinks and wrong when it grows,
        // so that all but the ties follow from the final difference (Blackwell & Hodges 1957): one
        // comparison per patient instead of two products.
        if self.control == self.experimental {
            u32::from(so_far[0] == so_far[1])
        } else {
            self.halves_right(so_far, arm)
        }
    }

    /// Returns the contribution of all patients together to the sum of correct halves.
    pub fn halves_at_the_end(self, patients: [u32; 2]) -> u32 {
        let [control, experimental] = patients;
        // One for each patient, less the difference.
        if self.control == self.experimental { 2 * control.min(experimental) } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Arm::{Control as C, Experimental as E};

    fn halves(ratio: (u32, u32), arms: &[Arm]) -> Vec<u32> {
        let ratio = AllocationRatio { control: ratio.0, experimental: ratio.1 };
        let strategy = ConvergenceStrategy::new(ratio);
        let mut so_far = [0; 2];
        let score = |&arm: &Arm| {
            let halves = strategy.halves_right(so_far, arm);
            so_far[arm.index()] += 1;
            halves
        };
        arms.iter().map(score).collect()
    }

    #[test]
    fn guesses_name_the_arm_that_is_behind() {
        // Guesses: tie, control, tie, experimental, experimental, experimental, tie.
        assert_eq!(halves((1, 1), &[E, C, C, C, E, E, C]), [1, 2, 1, 0, 2, 2, 1]);
        // Experimental in ties and when behind its two thirds: leads 0, 1, 2, 0, −2, −1, 0, −2.
        assert_eq!(halves((1, 2), &[E, E, C, C, E, E, C, E]), [2, 0, 2, 0, 2, 2, 0, 2]);
        // The arms exchanged.
        assert_eq!(halves((2, 1), &[C, C, E, E, C, C, E, C]), [2, 0, 2, 0, 2, 2, 0, 2]);
        assert_eq!(halves((1000, 1000), &[E, E, C, C]), [1, 0, 2, 2]);
    }

    #[test]
    fn the_shorter_sum_equals_the_sum_of_all_guesses() {
        for ratio in [(1, 1), (2, 2), (1, 2), (3, 2)] {
            let (control, experimental) = ratio;
            let strategy = ConvergenceStrategy::new(AllocationRatio { control, experimental });
            for bits in 0..1u32 << 11 {
                let arms: Vec<Arm> =
                    (0..11).map(|i| if bits >> i & 1 == 1 { E } else { C }).collect();
                let mut so_far = [0; 2];
                let mut sum = 0;
                for &arm in &arms {
                    sum += strategy.halves_before_the_end(so_far, arm);
                    so_far[arm.index()] += 1;
                }
                sum += strategy.halves_at_the_end(so_far);
                assert_eq!(sum, halves(ratio, &arms).iter().sum::<u32>(), "{ratio:?} {arms:?}");
            }
        }
    }

    /// All six orders of a block of four: 17 of 24 guesses are right (Blackwell & Hodges: 2 + 5/6
    /// in each); both orders of a block of two: three of four.
    #[test]
    fn blocks_are_guessed_as_often_as_published() {
        let fours =
            [[E, E, C, C], [E, C, E, C], [E, C, C, E], [C, E, E, C], [C, E, C, E], [C, C, E, E]];
        let right: u32 = fours.iter().flat_map(|block| halves((1, 1), block)).sum();
        assert_eq!(right, 2 * 17);
        let right: u32 = [[E, C], [C, E]].iter().flat_map(|block| halves((1, 1), block)).sum();
        assert_eq!(right, 2 * 3);
    }
}
