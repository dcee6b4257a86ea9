//! Graphical procedures for several hypotheses of one trial (Bretz, Maurer, Brannath & Posch 2009, Stat
//! Med 28:586): each hypothesis has a share of α, and one that is rejected passes its share on.
//!
//! Bonferroni, Holm and hierarchical procedures are graphs. With looks, each hypothesis has the
//! boundaries of its current share of α (Maurer & Bretz 2013, Stat Biopharm Res 5:311).

/// Largest number of hypotheses of a graph.
// Small, so that a graph is copied for every trial without an allocation.
pub const MAX_HYPOTHESES: usize = 8;

/// Rounding error that sums of weights may have.
const ROUNDING: f64 = 1e-9;

/// Shares of α of the hypotheses, and where the share of a rejected one goes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Graph {
    hypotheses: usize,
    /// Share of α, from 0 to 1.
    weights: [f64; MAX_HYPOTHESES],
    /// Share of a hypothesis's weight, by row, that each other one gets when it is rejected.
    transitions: [[f64; MAX_HYPOTHESES]; MAX_HYPOTHESES],
}

/// The reason why weights and transitions are no graph. Positions are from 0.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum NotAGraph {
    /// The weights sum to more than 1, or to 0.
    #[error("sum to {sum:.4}; allowed: a sum above 0 and at most 1")]
    Weights {
        /// Sum of the weights.
        sum: f64,
    },
    /// A hypothesis passes on more than it has.
    #[error("sum to {sum:.4}; allowed: at most 1")]
    Row {
        /// Position of the hypothesis.
        row: usize,
        /// Sum of its transitions.
        sum: f64,
    },
    /// A hypothesis passes its weight to itself.
    #[error(
        "is {value}; allowed on the diagonal: 0, as a rejected hypothesis needs no share of alpha"
    )]
    Diagonal {
        /// Position of the hypothesis.
        row: usize,
        /// The transition.
        value: f64,
    },
}

impl Graph {
    /// Builds a graph of two to [`MAX_HYPOTHESES`] hypotheses from shares between 0 and 1, with as many
    /// rows and columns of transitions as weights.
    ///
    /// # Errors
    /// If the procedure would spend more than α.
    pub fn new(weights: &[f64], transitions: &[Vec<f64>]) -> Result<Self, NotAGraph> {
        let sum: f64 = weights.iter().sum();
        if !(sum > 0.0 && sum <= 1.0 + ROUNDING) {
            return Err(NotAGraph::Weights { sum });
        }
        for (row, shares) in transitions.iter().enumerate() {
            if shares[row] != 0.0 {
                return Err(NotAGraph::Diagonal { row, value: shares[row] });
            }
            let sum: f64 = shares.iter().sum();
            if sum > 1.0 + ROUNDING {
                return Err(NotAGraph::Row { row, sum });
            }
        }
        let mut graph = Self::without_transitions(weights);
        for (row, shares) in transitions.iter().enumerate() {
            graph.transitions[row][..shares.len()].copy_from_slice(shares);
        }
        Ok(graph)
    }

    fn without_transitions(weights: &[f64]) -> Self {
        let mut graph = Self {
            hypotheses: weights.len(),
            weights: [0.0; MAX_HYPOTHESES],
            transitions: [[0.0; MAX_HYPOTHESES]; MAX_HYPOTHESES],
        };
        graph.weights[..weights.len()].copy_from_slice(weights);
        graph
    }

    /// All hypotheses at the whole α: no control of the familywise error.
    pub fn uncorrected(hypotheses: usize) -> Self {
        Self::without_transitions(&vec![1.0; hypotheses])
    }

    /// Equal shares that are never passed on (Bonferroni).
    pub fn bonferroni(hypotheses: usize) -> Self {
        Self::without_transitions(&vec![1.0 / hypotheses as f64; hypotheses])
    }

    /// Equal shares, that of a rejected hypothesis being divided among the others (Holm 1979, Scand J
    /// Stat 6:65).
    pub fn holm(hypotheses: usize) -> Self {
        let mut graph = Self::bonferroni(hypotheses);
        for (row, shares) in graph.transitions[..hypotheses].iter_mut().enumerate() {
            for (column, share) in shares[..hypotheses].iter_mut().enumerate() {
                *share = if row == column { 0.0 } else { 1.0 / (hypotheses - 1) as f64 };
            }
        }
        graph
    }

    /// The whole α for the first hypothesis, which passes it to the second when it is rejected, and so
    /// on.
    pub fn hierarchical(hypotheses: usize) -> Self {
        let mut weights = vec![0.0; hypotheses];
        weights[0] = 1.0;
        let mut graph = Self::without_transitions(&weights);
        for row in 1..hypotheses {
            graph.transitions[row - 1][row] = 1.0;
        }
        graph
    }

    /// Number of hypotheses, those rejected included.
    pub fn hypotheses(&self) -> usize {
        self.hypotheses
    }

    /// Share of α of a hypothesis that has not been rejected; 0 once it has.
    pub fn weight(&self, hypothesis: usize) -> f64 {
        self.weights[hypothesis]
    }

    /// Returns the graph after a hypothesis is rejected (algorithm 1 of Bretz et al. 2009). The graph
    /// after several rejections does not depend on their order.
    #[must_use]
    pub fn without(&self, rejected: usize) -> Self {
        // Algorithm 1 reads the old weights and transitions throughout: updated in place, later
        // rows would see new ones.
        let mut graph = *self;
        let (n, j) = (self.hypotheses, rejected);
        for l in 0..n {
            graph.weights[l] += self.weights[j] * self.transitions[j][l];
            for k in 0..n {
                let kept = 1.0 - self.transitions[l][j] * self.transitions[j][l];
                let passed =
                    self.transitions[l][k] + self.transitions[l][j] * self.transitions[j][k];
                // A pair that passes everything to each other has nothing left for others.
                graph.transitions[l][k] =
                    if l == k || kept <= ROUNDING { 0.0 } else { passed / kept };
            }
        }
        graph.weights[j] = 0.0;
        for l in 0..n {
            graph.transitions[l][j] = 0.0;
            graph.transitions[j][l] = 0.0;
        }
        graph
    }

    /// Lists the shares of α above 0 that any hypothesis can have, in increasing order, those that
    /// differ by rounding once.
    pub fn shares(&self) -> Vec<f64> {
        let mut shares = Vec::new();
        // Every set of rejected hypotheses, by its bits.
        for set in 0..1_usize << self.hypotheses {
            let rejected = (0..self.hypotheses).filter(|i| set >> i & 1 == 1);
            let graph = rejected.fold(*self, |graph, i| graph.without(i));
            shares
                .extend(graph.weights[..self.hypotheses].iter().filter(|&&share| share > ROUNDING));
        }
        shares.sort_by(f64::total_cmp);
        shares.dedup_by(|later, earlier| *later - *earlier <= ROUNDING);
        shares
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A graph from positive numbers: weights and rows are divided by their sums.
    fn graphs() -> impl Strategy<Value = Graph> {
        (2usize..5).prop_flat_map(|n| {
            let numbers = prop::collection::vec(0.01..1.0f64, n);
            (numbers, prop::collection::vec(prop::collection::vec(0.01..1.0f64, n), n)).prop_map(
                move |(weights, mut rows)| {
                    let sum: f64 = weights.iter().sum();
                    let weights: Vec<f64> = weights.iter().map(|weight| weight / sum).collect();
                    for (i, row) in rows.iter_mut().enumerate() {
                        row[i] = 0.0;
                        let sum: f64 = row.iter().sum();
                        row.iter_mut().for_each(|share| *share /= sum);
                    }
                    Graph::new(&weights, &rows).expect("shares of 1")
                },
            )
        })
    }

    fn near(a: &Graph, b: &Graph) -> bool {
        let weights = a.weights.iter().zip(&b.weights);
        let transitions = a.transitions.iter().flatten().zip(b.transitions.iter().flatten());
        weights.chain(transitions).all(|(a, b)| (a - b).abs() < 1e-9)
    }

    proptest! {
        #[test]
        fn the_order_of_rejections_does_not_matter(graph in graphs()) {
            let one = graph.without(0).without(1);
            let other = graph.without(1).without(0);
            prop_assert!(near(&one, &other), "{one:?} {other:?}");
        }

        #[test]
        fn complete_graphs_keep_the_whole_alpha_until_all_is_rejected(graph in graphs()) {
            let mut graph = graph;
            for rejected in 0..graph.hypotheses() - 1 {
                graph = graph.without(rejected);
                let sum: f64 = graph.weights.iter().sum();
                prop_assert!((sum - 1.0).abs() < 1e-9, "{graph:?}");
            }
        }
    }

    #[test]
    fn holm_gives_each_of_those_left_an_equal_share() {
        let graph = Graph::holm(4).without(2).without(0);
        assert_eq!(
            graph.weights[..4].iter().map(|w| (w * 1e9).round()).collect::<Vec<_>>(),
            [0.0, 5e8, 0.0, 5e8]
        );
        let shares = Graph::holm(3).shares();
        assert_eq!(shares.len(), 3, "{shares:?}");
        for (share, expected) in shares.iter().zip([1.0 / 3.0, 0.5, 1.0]) {
            assert!((share - expected).abs() < 1e-12);
        }
        assert_eq!(Graph::hierarchical(3).shares(), [1.0]);
        assert_eq!(Graph::bonferroni(2).shares(), [0.5]);
    }

    /// Two primary hypotheses at α/2 that pass their shares to a secondary one each, which passes it to
    /// the other primary one (figure 5 of Bretz et al. 2009).
    #[test]
    fn a_parallel_gatekeeping_graph_is_updated_as_published() {
        let transitions = [
            vec![0.0, 0.0, 1.0, 0.0],
            vec![0.0, 0.0, 0.0, 1.0],
            vec![0.0, 1.0, 0.0, 0.0],
            vec![1.0, 0.0, 0.0, 0.0],
        ];
        let graph = Graph::new(&[0.5, 0.5, 0.0, 0.0], &transitions).expect("it is published");
        let after = graph.without(0);
        assert_eq!(after.weights[..4], [0.0, 0.5, 0.5, 0.0]);
        // H4 now passes its share to H3, which H1 would have given it.
        assert_eq!(after.transitions[3][2], 1.0);
        assert_eq!(after.without(2).weights[..4], [0.0, 1.0, 0.0, 0.0]);
    }

    #[test]
    fn what_spends_more_than_alpha_is_no_graph() {
        let none = [vec![0.0, 0.0], vec![0.0, 0.0]];
        assert_eq!(Graph::new(&[0.6, 0.5], &none), Err(NotAGraph::Weights { sum: 1.1 }));
        assert_eq!(Graph::new(&[0.0, 0.0], &none), Err(NotAGraph::Weights { sum: 0.0 }));
        let itself = [vec![0.0, 1.0], vec![0.0, 0.5]];
        assert_eq!(
            Graph::new(&[0.5, 0.5], &itself),
            Err(NotAGraph::Diagonal { row: 1, value: 0.5 })
        );
        let more = [vec![0.0, 1.5], vec![0.0, 0.0]];
        assert_eq!(Graph::new(&[0.5, 0.5], &more), Err(NotAGraph::Row { row: 0, sum: 1.5 }));
    }
}
