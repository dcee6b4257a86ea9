//! Fixed points of a function of several variables.

use super::{difference, dot};

/// Largest number of steps of a search.
const MOST_STEPS: usize = 100;
/// Largest number of Jacobians that a search computes by differences, each at the cost of one or two
/// evaluations per variable.
const MOST_JACOBIANS: usize = 6;
/// Number of failed steps after which the Jacobian is computed by differences.
const MOST_FAILURES: usize = 2;
/// Length of a step, in its largest component, below which a search has stalled.
const SHORTEST_STEP: f64 = 1e-9;
/// Step of the differences that approximate a Jacobian.
const DIFFERENCE: f64 = 1e-6;

/// Finds a point that `f` maps to within `tolerance` of itself in every component, starting from
/// `start`; `None` if the search does not converge. `f` returns `None` outside its domain, which the
/// search does not leave.
///
/// Broyden (1965), Math Comp 19:577, first method, for the zero of r(x) = f(x) − x: the first step is
/// that of plain iteration, and every value of f corrects the inverse Jacobian by the secant it gives.
/// A step that leaves the domain or does not reduce |r| is tried again shorter, from the best point so
/// far; if that fails too, the Jacobian is computed by differences.
pub fn fixed_point(
    f: impl Fn(&[f64]) -> Option<Vec<f64>>,
    start: Vec<f64>,
    tolerance: f64,
) -> Option<Vec<f64>> {
    let mut x = start;
    let mut r = residual(&f, &x)?;
    let mut inverse = Inverse::identity(x.len());
    let (mut failures, mut jacobians, mut is_exact) = (0, 0, false);
    let mut longest = f64::INFINITY;
    for _ in 0..MOST_STEPS {
        if largest(&r) <= tolerance {
            return Some(x);
        }
        // Not twice at one point: an exact Jacobian whose step failed there would only fail again.
        if failures >= MOST_FAILURES && !is_exact && jacobians < MOST_JACOBIANS {
            inverse = Inverse::exact(&f, &x, &r)?;
            (is_exact, longest) = (true, f64::INFINITY);
            jacobians += 1;
        }
        let newton = inverse.times(&r);
        // The whole step is shortened, not single components, so that its direction is that of Newton.
        let share = (longest / largest(&newton)).min(1.0);
        let step: Vec<f64> = newton.iter().map(|d| share * d).collect();
        let candidate: Vec<f64> = x.iter().zip(&step).map(|(x, d)| x + d).collect();
        match residual(&f, &candidate).filter(|there| length(there) < length(&r)) {
            Some(there) => {
                inverse.learn(&step, &difference(&there, &r));
                (x, r) = (candidate, there);
                // Broyden's correction makes the Jacobian inexact again. The trust radius doubles
                // rather than being lifted: the next step may fail for the reason of the last.
                (failures, is_exact, longest) = (0, false, 2.0 * longest);
            }
            None => (failures, longest) = (failures + 1, 0.5 * largest(&step)),
        }
        if longest < SHORTEST_STEP {
            return None;
        }
    }
    None
}

/// Minus the inverse of the Jacobian of the residual, by rows.
struct Inverse(Vec<Vec<f64>>);

impl Inverse {
    /// Builds the identity, which is right for a constant f: one step of plain iteration solves it.
    fn identity(size: usize) -> Self {
        let mut rows = vec![vec![0.0; size]; size];
        for (i, row) in rows.iter_mut().enumerate() {
            row[i] = 1.0;
        }
        Self(rows)
    }

    /// Computes the inverse at `x`, where the residual is `r`, by differences; `None` if it is singular
    /// or the domain is narrower than the differences.
    fn exact(f: impl Fn(&[f64]) -> Option<Vec<f64>>, x: &[f64], r: &[f64]) -> Option<Self> {
        let mut columns = Vec::with_capacity(x.len());
        for k in 0..x.len() {
            // At the edge of the domain one of the two sides is outside.
            let (there, by) = [-DIFFERENCE, DIFFERENCE].into_iter().find_map(|by| {
                let mut moved = x.to_vec();
                moved[k] += by;
                Some((residual(&f, &moved)?, by))
            })?;
            columns.push(difference(r, &there).iter().map(|change| change / by).collect());
        }
        inverted(&columns)
    }

    fn times(&self, r: &[f64]) -> Vec<f64> {
        self.0.iter().map(|row| dot(row, r)).collect()
    }

    /// Corrects the inverse for a `step` that changed the residual by `change` (Sherman & Morrison);
    /// skips a correction that would make it singular.
    fn learn(&mut self, step: &[f64], change: &[f64]) {
        let predicted = self.times(change);
        let weights: Vec<f64> = (0..step.len())
            .map(|j| step.iter().zip(&self.0).map(|(d, row)| d * row[j]).sum())
            .collect();
        let scale = -dot(step, &predicted);
        if scale.abs() < 1e-12 * dot(step, step) {
            return;
        }
        for ((row, d), predicted) in self.0.iter_mut().zip(step).zip(&predicted) {
            let missed = (d + predicted) / scale;
            row.iter_mut().zip(&weights).for_each(|(entry, weight)| *entry += missed * weight);
        }
    }
}

/// Inverts a matrix given by columns, by Gauss–Jordan elimination with row pivots; `None` if it is
/// singular.
fn inverted(columns: &[Vec<f64>]) -> Option<Inverse> {
    // A handful of variables: no need for a library.
    let size = columns.len();
    let Inverse(identity) = Inverse::identity(size);
    // Each row of the matrix, followed by the same row of the unit matrix.
    let mut rows: Vec<Vec<f64>> = (0..size)
        .map(|i| columns.iter().map(|column| column[i]).chain(identity[i].clone()).collect())
        .collect();
    for k in 0..size {
        let pivot = (k..size).max_by(|&a, &b| rows[a][k].abs().total_cmp(&rows[b][k].abs()))?;
        rows.swap(k, pivot);
        let scale = rows[k][k];
        if scale == 0.0 || !scale.is_finite() {
            return None;
        }
        rows[k].iter_mut().for_each(|entry| *entry /= scale);
        let unit = rows[k].clone();
        for (i, row) in rows.iter_mut().enumerate() {
            let times = row[k];
            if i != k {
                row.iter_mut().zip(&unit).for_each(|(entry, unit)| *entry -= times * unit);
            }
        }
    }
    Some(Inverse(rows.into_iter().map(|row| row[size..].to_vec()).collect()))
}

/// Returns r(x) = f(x) − x; `None` outside the domain of `f`.
fn residual(f: impl Fn(&[f64]) -> Option<Vec<f64>>, x: &[f64]) -> Option<Vec<f64>> {
    Some(difference(&f(x)?, x))
}

fn length(a: &[f64]) -> f64 {
    dot(a, a).sqrt()
}

fn largest(a: &[f64]) -> f64 {
    a.iter().map(|a| a.abs()).fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The fixed point of the cosine, from which plain iteration is 1e-9 away after 50 rounds.
    #[test]
    fn finds_the_fixed_point_of_the_cosine() {
        let found = fixed_point(|x| Some(vec![libm::cos(x[0])]), vec![0.5], 1e-14);
        assert!((found.expect("it has one")[0] - 0.739_085_133_215_160_6).abs() < 1e-13);
    }

    /// A map that repels plain iteration: x ← 3 − A·x with the eigenvalues 2 and 6 of A; the fixed
    /// point solves (I + A)·x = (3, 3).
    #[test]
    fn finds_a_repelling_fixed_point() {
        let found = fixed_point(
            |x| Some(vec![3.0 - 4.0 * x[0] - 2.0 * x[1], 3.0 - 2.0 * x[0] - 4.0 * x[1]]),
            vec![0.0, 1.0],
            1e-12,
        );
        for x in found.expect("it has one") {
            assert!((x - 3.0 / 7.0).abs() < 1e-11, "{x}");
        }
    }

    /// The root of −√x = x − 2 is 1; from 4, plain iteration leaves the domain of the root.
    #[test]
    fn stays_in_the_domain() {
        let f = |x: &[f64]| (x[0] >= 0.0).then(|| vec![2.0 - 3.0 * x[0].sqrt()]);
        let found = fixed_point(f, vec![4.0], 1e-13).expect("it has one");
        assert!((found[0] - (17.0_f64.sqrt() - 3.0).powi(2) / 4.0).abs() < 1e-12, "{found:?}");
        assert_eq!(fixed_point(|x| Some(vec![x[0] + 1.0]), vec![0.0], 1e-9), None);
        assert_eq!(fixed_point(|x| (x[0] < 1.0).then_some(vec![2.0]), vec![0.0], 1e-9), None);
    }
}
