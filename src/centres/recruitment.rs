//! Arrivals of one replicate at its centres.
//!
//! The rate of all open centres together is constant between openings, so the cumulative intensity is
//! piecewise linear and is inverted exactly. A patient's centre is one of those open, with probability
//! proportional to its rate.

use rand::Rng;

use super::{Centre, CentreEffects, Centres, Opening};
use crate::accrual::{Accrual, DAYS_PER_MONTH, unit_gaps};
use crate::rng::uniform;

/// The centres of a replicate. One value serves many replicates, so that their memory is reused.
#[derive(Debug, Clone, Default)]
pub struct Recruitment {
    /// The centres, by position.
    centres: Vec<Centre>,
    /// Positions of the centres in the order of opening.
    order: Vec<u32>,
    /// Day of each opening, in the order of opening.
    opening_days: Vec<f64>,
    /// Sum of the relative rates from each opening on.
    cumulative_rates: Vec<f64>,
    /// Cumulative intensity at each opening.
    intensities: Vec<f64>,
    /// Patients per day and unit of relative rate.
    per_day: f64,
}

/// Streams of the arrivals of one replicate.
#[derive(Debug)]
pub struct ArrivalStreams<R> {
    /// Gaps between arrivals.
    pub gaps: R,
    /// Choices of a centre.
    pub choices: R,
}

/// Columns of the patients of one replicate.
#[derive(Debug)]
pub struct Arrivals<'a> {
    /// Day of arrival.
    pub days: &'a mut Vec<f64>,
    /// Position of the patient's centre.
    pub centres: &'a mut Vec<u32>,
}

impl Recruitment {
    /// Draws the centres of a replicate, one key for each.
    pub fn draw(&mut self, centres: &Centres, accrual: &Accrual, keys: &mut impl Rng) {
        let number = centres.number as usize;
        self.open(centres, accrual, (0..number).map(|position| centres.draw(position, keys)));
    }

    /// Stores these centres, in the order of position, and computes how the rate changes over time.
    pub(super) fn open(
        &mut self,
        of: &Centres,
        accrual: &Accrual,
        centres: impl Iterator<Item = Centre>,
    ) {
        self.centres.clear();
        self.centres.extend(centres);
        // Columns are cleared, not replaced: this runs for every replicate and must not allocate.
        let Self { centres, order, opening_days, cumulative_rates, intensities, .. } = self;
        // The rate of all centres together is that of `accrual`, on average.
        self.per_day = accrual.per_month() / DAYS_PER_MONTH / f64::from(of.number);
        order.clear();
        order.extend(0..centres.len() as u32);
        if of.opening != Opening::WithTheTrial {
            // Ties by position, so that the order is that of a stable sort, without its allocation.
            order.sort_unstable_by(|&a, &b| {
                let days = [a, b].map(|centre| centres[centre as usize].opening_day);
                days[0].total_cmp(&days[1]).then(a.cmp(&b))
            });
        }
        opening_days.clear();
        cumulative_rates.clear();
        intensities.clear();
        let (mut rate, mut intensity, mut last_day) = (0.0, 0.0, 0.0);
        for &centre in &*order {
            let Centre { opening_day, relative_rate, .. } = centres[centre as usize];
            intensity += rate * self.per_day * (opening_day - last_day);
            rate += relative_rate;
            last_day = opening_day;
            opening_days.push(opening_day);
            cumulative_rates.push(rate);
            intensities.push(intensity);
        }
    }

    /// Returns the effects of a centre.
    #[inline]
    pub fn effects(&self, centre: u32) -> &CentreEffects {
        &self.centres[centre as usize].effects
    }

    /// Returns the day by which the cumulative intensity is `intensity`.
    pub fn day_of(&self, intensity: f64) -> f64 {
        let open = self.intensities.partition_point(|&before| before <= intensity).max(1);
        self.day_among(open, intensity)
    }

    /// Returns that day, given that `open` centres have opened by then.
    fn day_among(&self, open: usize, intensity: f64) -> f64 {
        let rate = self.cumulative_rates[open - 1] * self.per_day;
        self.opening_days[open - 1] + (intensity - self.intensities[open - 1]) / rate
    }

    /// Replaces the columns of `arrivals` by those of `patients` patients, in order of arrival. Patient
    /// i reads position i of either stream.
    pub fn arrivals(
        &self,
        of: &Centres,
        accrual: &Accrual,
        patients: u32,
        streams: &mut ArrivalStreams<impl Rng>,
        arrivals: Arrivals<'_>,
    ) {
        let Arrivals { days, centres } = arrivals;
        days.clear();
        unit_gaps(patients, &mut streams.gaps, days);
        centres.clear();
        let all = self.centres.len();
        // Exactly 1 if the rates are equal, so that the days are those without centres, bit for bit.
        let pace = self.cumulative_rates[all - 1] / f64::from(of.number);
        let together = of.opening == Opening::WithTheTrial;
        let (mut intensity, mut open) = (0.0, if together { all } else { 1 });
        for day in days {
            intensity += *day;
            // Intensities rise from patient to patient: the search continues from the last opening.
            while open < all && self.intensities[open] <= intensity {
                open += 1;
            }
            // Only a trial whose centres all open at once may have a ramp-up.
            *day = if together {
                accrual.expected_day(intensity / pace)
            } else {
                self.day_among(open, intensity)
            };
            centres.push(self.pick(open, uniform(&mut streams.choices)));
        }
    }

    /// Picks one of the `open` centres that opened first, with probability proportional to its rate.
    fn pick(&self, open: usize, u: f64) -> u32 {
        let rates = &self.cumulative_rates[..open];
        let at = u * rates[open - 1];
        // Rounding may put `at` on the last sum.
        self.order[rates.partition_point(|&below| below <= at).min(open - 1)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{Purpose, Replicate, Seed, Streams};

    fn centres(rate_shape: Option<f64>, opening: Opening) -> Centres {
        Centres { number: 7, rate_shape, opening, sd: CentreEffects::default() }
    }

    fn arrivals(centres: &Centres, accrual: &Accrual) -> (Vec<f64>, Vec<u32>) {
        let stream = |purpose| Streams::new(Seed(3)).stream(Replicate(4), purpose);
        let mut recruitment = Recruitment::default();
        recruitment.draw(centres, accrual, &mut stream(Purpose::Centre));
        let (mut days, mut of_patient) = (Vec::new(), Vec::new());
        let mut streams = ArrivalStreams {
            gaps: stream(Purpose::Arrival),
            choices: stream(Purpose::CentreOfPatient),
        };
        let columns = Arrivals { days: &mut days, centres: &mut of_patient };
        recruitment.arrivals(centres, accrual, 300, &mut streams, columns);
        (days, of_patient)
    }

    #[test]
    fn alike_centres_open_from_the_start_have_the_days_without_centres() {
        for ramp_up in [0.0, 4.0] {
            let accrual = Accrual::new(22.39, ramp_up);
            let mut gaps = Streams::new(Seed(3)).stream(Replicate(4), Purpose::Arrival);
            let mut expected = Vec::new();
            accrual.arrivals(300, &mut gaps, &mut expected);
            let (days, _) = arrivals(&centres(None, Opening::WithTheTrial), &accrual);
            assert_eq!(days, expected);
        }
    }

    #[test]
    fn no_patient_is_recruited_before_the_centre_opens() {
        let opening = Opening::Planned(vec![400.0, 0.0, 90.0, 90.0, 10.0, 200.0, 1e5]);
        let Opening::Planned(plan) = &opening else { unreachable!() };
        let plan = plan.clone();
        let accrual = Accrual::new(22.39, 0.0);
        let (days, of_patient) = arrivals(&centres(Some(1.2), opening), &accrual);
        assert!(days.windows(2).all(|pair| pair[0] <= pair[1]));
        let mut seen = [0; 7];
        for (day, centre) in days.iter().zip(of_patient) {
            assert!(plan[centre as usize] <= *day);
            seen[centre as usize] += 1;
        }
        assert!(seen[6] == 0 && seen.iter().filter(|n| **n > 0).count() > 3, "{seen:?}");
    }

    /// The number of draws of one centre does not shift those of another.
    #[test]
    fn centres_have_draws_of_their_own() {
        let accrual = Accrual::new(22.39, 0.0);
        let draw = |shape| {
            let mut keys = Streams::new(Seed(3)).stream(Replicate(4), Purpose::Centre);
            let mut recruitment = Recruitment::default();
            recruitment.draw(&centres(shape, Opening::Over(100.0)), &accrual, &mut keys);
            let days = recruitment.centres.iter().map(|centre| centre.opening_day);
            days.collect::<Vec<f64>>()
        };
        assert_eq!(draw(None), draw(Some(0.3)));
        assert_eq!(draw(Some(5.0)), draw(Some(0.3)));
    }
}
