//! ANGEL-REBOOT by hand: the minimum that any simulator of this trial must do.
//!
//! Fixed arrays, three binary factors, no scenario. Patients arrive with exponential gaps, get three
//! factor levels, are minimised by range with p = 0.8, get an outcome and a day on which it is known;
//! the two proportions are tested at 104, 208 and 312 known outcomes.

use rand::{Rng, SeedableRng};
use rand_distr::{Distribution, Exp1};
use rand_xoshiro::Xoshiro256PlusPlus;

const PATIENTS: usize = 348;
const LOOKS: [(usize, f64); 3] = [(104, 3.7103), (208, 2.5114), (312, 1.9930)];
/// P(mRS ≤ 2) in the control and the experimental arm.
const INDEPENDENT: [f64; 2] = [0.25, 0.40];
const SECOND_LEVEL: [f64; 3] = [0.48, 0.32, 0.21];

pub struct BareTrial {
    rng: Xoshiro256PlusPlus,
    /// Day of the outcome of each patient, as the bits of an `f64`: positive numbers have the order of
    /// their bits, and integers are quicker to select from.
    days: [u64; PATIENTS],
    arms: [u8; PATIENTS],
    successes: [u8; PATIENTS],
    buffer: [u64; PATIENTS],
}

impl BareTrial {
    pub fn new(seed: u64) -> Self {
        let rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        let (days, buffer) = ([0; PATIENTS], [0; PATIENTS]);
        Self { rng, days, arms: [0; PATIENTS], successes: [0; PATIENTS], buffer }
    }

    fn uniform(&mut self) -> f64 {
        (self.rng.next_u64() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }

    /// Simulates a trial and returns the look at which it rejects H0, from 0; `None` if it does not.
    pub fn run(&mut self) -> Option<usize> {
        let mut day = 0.0;
        let mut lean = [[0i32; 2]; 3];
        for i in 0..PATIENTS {
            let gap: f64 = Exp1.sample(&mut self.rng);
            day += gap / 0.7356;
            let levels = SECOND_LEVEL.map(|share| usize::from(self.uniform() < share));
            let sum: i32 = (0..3).map(|f| lean[f][levels[f]].signum()).sum();
            let p = [0.2, 0.5, 0.8][(sum.signum() + 1) as usize];
            let arm = u8::from(self.uniform() < p);
            for (f, level) in levels.into_iter().enumerate() {
                lean[f][level] += 1 - 2 * i32::from(arm);
            }
            let dropped = self.uniform() < 0.10;
            let window = 28.0 * self.uniform();
            self.days[i] = if dropped { f64::INFINITY } else { day + 76.0 + window }.to_bits();
            self.arms[i] = arm;
            self.successes[i] = u8::from(self.uniform() < INDEPENDENT[usize::from(arm)]);
        }
        LOOKS.iter().position(|&(planned, bound)| {
            // The final look includes all patients with an outcome.
            let mut last = f64::MAX.to_bits();
            if planned < 312 {
                self.buffer = self.days;
                last = *self.buffer.select_nth_unstable(planned - 1).1;
            }
            self.z(last) >= bound
        })
    }

    fn z(&self, by: u64) -> f64 {
        let (mut n, mut x) = ([0u32; 2], [0u32; 2]);
        for i in 0..PATIENTS {
            let seen = u32::from(self.days[i] <= by);
            let arm = usize::from(self.arms[i]);
            n[arm] += seen;
            x[arm] += seen * u32::from(self.successes[i]);
        }
        let [n_c, n_e] = n.map(f64::from);
        let [x_c, x_e] = x.map(f64::from);
        let pooled = (x_c + x_e) / (n_c + n_e);
        (x_e / n_e - x_c / n_c) / (pooled * (1.0 - pooled) * (1.0 / n_c + 1.0 / n_e)).sqrt()
    }
}
