//! Groups of curves that lie on each other, so that one line is drawn for each group.

/// Differences up to which curves are drawn as one, from the smallest.
// One point of power is 2.4 px of a power curve, hardly more than the width of its line.
const TOLERANCES: [f64; 4] = [0.01, 0.02, 0.03, 0.05];

/// Curves that lie on each other.
#[derive(Debug, Clone, PartialEq)]
pub struct CurveGroups {
    /// Numbers of the curves of each group, the first of which stands for it.
    pub groups: Vec<Vec<usize>>,
    /// Largest difference between a curve and the one that stands for it; 0 if every curve is drawn.
    pub tolerance: f64,
}

/// Groups curves, given by their heights at common points, so that at most `most` lines are drawn: by the
/// smallest tolerance that is enough, or the largest. Curves up to this number are drawn each.
pub fn groups(curves: &[Vec<f64>], most: usize) -> CurveGroups {
    if curves.len() <= most {
        return CurveGroups {
            groups: (0..curves.len()).map(|i| vec![i]).collect(),
            tolerance: 0.0,
        };
    }
    let mut found = CurveGroups { groups: Vec::new(), tolerance: 0.0 };
    for tolerance in TOLERANCES {
        found = CurveGroups { groups: within(curves, tolerance), tolerance };
        if found.groups.len() <= most {
            break;
        }
    }
    found
}

fn within(curves: &[Vec<f64>], tolerance: f64) -> Vec<Vec<usize>> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for (i, curve) in curves.iter().enumerate() {
        // Compared with the first of a group, not with its last: a chain of small steps would join curves
        // that are far apart. The primary analysis comes first and so always stands for its group.
        let found = groups.iter_mut().find(|group| distance(&curves[group[0]], curve) <= tolerance);
        match found {
            Some(group) => group.push(i),
            None => groups.push(vec![i]),
        }
    }
    groups
}

/// Returns the largest difference between two curves.
fn distance(one: &[f64], other: &[f64]) -> f64 {
    // Heights at other points cannot be compared, and such curves are never one.
    if one.len() != other.len() {
        return f64::INFINITY;
    }
    one.iter().zip(other).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn curves_on_each_other_are_one_line() {
        let curves =
            [vec![0.1, 0.5], vec![0.3, 0.8], vec![0.105, 0.497], vec![0.3, 0.795], vec![0.9]];
        let found = groups(&curves, 3);
        assert_eq!(found.groups, [vec![0, 2], vec![1, 3], vec![4]]);
        assert_eq!(found.tolerance, 0.01);
        assert_eq!(groups(&curves, 5).groups.len(), 5);
        assert_eq!(groups(&curves, 5).tolerance, 0.0);
    }

    #[test]
    fn every_curve_is_in_a_group_however_many_differ() {
        let curves: Vec<Vec<f64>> = (0..12).map(|i| vec![f64::from(i)]).collect();
        assert_eq!(groups(&curves, 8).groups.len(), 12);
    }
}
