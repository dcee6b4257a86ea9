//! The figures of a report: what each shows, in words, as a drawing, and as the numbers behind it.

use super::Summary;
use super::csv;
use super::figure::{
    self, Axis, Curve, CurvePoint, CurveStyle, Flow, Labels, Link, LookBounds, LookShares,
    PowerCurve,
};
use super::rows::conclusion_name;
use crate::explore::dossier::{Distribution, Dossier};
use crate::explore::strategies::RuleSummary;
use crate::outcome::LEVELS;
use crate::outcome::flow::Group;
use crate::scenario::{Scenario, Truth};
use crate::summary::procedure::{ArmSummary, GroupSummary, ProcedureSummary};
use crate::summary::{
    AnalysisSummary, LookSummary, McEstimate, OperatingCharacteristics, TruthSummary,
};

/// A figure with what is behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Figure {
    /// Its name as a file, without an extension.
    pub name: String,
    /// What it is of.
    pub title: String,
    /// What is to be seen, and how it is to be read.
    pub caption: String,
    /// The drawing.
    pub svg: String,
    /// The numbers, as CSV with a header.
    pub data: String,
}

impl Figure {
    /// The drawing as a file that says what it is of and where it is from.
    pub fn to_file(&self, provenance: &str) -> String {
        let end = self.svg.find('>').map_or(0, |end| end + 1);
        let (title, from) = (escaped(&self.title), escaped(provenance));
        let (head, body) = self.svg.split_at(end);
        format!("{head}\n<title>{title}</title>\n<desc>{from}</desc>{body}")
    }
}

/// Text that can stand between the signs of a page or drawing, or between quotes there.
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}

/// All figures that the scenario has, in the order of a report.
pub fn figures(
    scenario: &Scenario,
    summary: &Summary,
    dossier: &Dossier,
    rules: &[RuleSummary],
) -> Vec<Figure> {
    let [effect, none, ..] = &summary.truths[..] else {
        unreachable!("these two are always there")
    };
    let first = &effect.analyses[0];
    let mut figures = vec![outcomes(scenario)];
    if let Some(procedure) = &summary.procedure {
        figures.extend(flows(procedure));
    }
    if !rules.is_empty() {
        figures.push(strategies(rules));
    }
    figures.extend([paths(first, dossier), shares(effect, none)]);
    if dossier.sizes.varies() {
        figures.push(sizes(&dossier.sizes));
    }
    figures.extend([
        durations(&dossier.durations),
        calendar(dossier),
        convergence(summary, dossier),
        balance(effect),
    ]);
    figures
}

fn outcomes(scenario: &Scenario) -> Figure {
    let arms = &scenario.file().arms;
    let [control, experimental] =
        scenario.marginal(Truth::Alternative).expect("only the prior has none");
    fn bar<'s>(name: &str, arm: &str, shares: &'s [f64; LEVELS]) -> (String, &'s [f64; LEVELS]) {
        (if name == arm { name.to_owned() } else { format!("{arm}: {name}") }, shares)
    }
    let bars = [
        bar(&arms.experimental, "experimental", experimental.probabilities()),
        bar(&arms.control, "control", control.probabilities()),
    ];
    let rows = bars.iter().map(|(name, shares)| {
        std::iter::once(name.clone()).chain(shares.iter().map(f64::to_string)).collect()
    });
    Figure {
        name: "mrs".to_owned(),
        title: "mRS of both arms, as the scenario has them".to_owned(),
        caption: "Shares of all patients as allocated. The line between mRS 2 and 3 is the cut of \
                  functional independence."
            .to_owned(),
        svg: figure::mrs(bars.each_ref().map(|(name, shares)| (name.as_str(), *shares))),
        data: csv::table(
            &["arm", "mrs_0", "mrs_1", "mrs_2", "mrs_3", "mrs_4", "mrs_5", "mrs_6"],
            rows,
        ),
    }
}

fn paths(analysis: &AnalysisSummary, dossier: &Dossier) -> Figure {
    let bounds = |look: &LookSummary| LookBounds {
        analysed: f64::from(look.planned_analysed),
        efficacy: look.z_efficacy,
        futility: look.z_futility,
        harm: look.z_harm,
    };
    let looks: Vec<LookBounds> = analysis.looks.iter().map(bounds).collect();
    let rows = dossier.paths.iter().flat_map(|path| {
        path.points.iter().map(|&(analysed, z)| {
            let end = conclusion_name(path.conclusion).to_owned();
            vec![path.replicate.to_string(), analysed.to_string(), z.to_string(), end]
        })
    });
    let bounds = looks.iter().flat_map(|look| {
        let bounds =
            [("efficacy", look.efficacy), ("futility", look.futility), ("harm", look.harm)];
        bounds.into_iter().filter_map(move |(name, z)| {
            let name = format!("{name} boundary");
            Some(vec![String::new(), look.analysed.to_string(), z?.to_string(), name])
        })
    });
    let rows: Vec<Vec<String>> = rows.chain(bounds).collect();
    Figure {
        name: "z-paths".to_owned(),
        title: format!("Boundaries and {} simulated trials with the effect", dossier.paths.len()),
        caption: format!(
            "The first replicates, monitored by \"{}\"; each ends in the colour and mark of its \
             conclusion. Squares are the planned boundaries; that of the final look is recomputed \
             for the outcomes that come.",
            analysis.name
        ),
        svg: figure::paths(&looks, &dossier.paths),
        data: csv::table(&["replicate", "analysed", "z", "conclusion"], rows),
    }
}

fn shares(effect: &TruthSummary, none: &TruthSummary) -> Figure {
    let of_look = |look: &LookSummary| LookShares {
        efficacy: look.efficacy_cumulative.value,
        futility: look.futility_cumulative.value,
        harm: look.harm_cumulative.value,
        safety: look.safety_cumulative.map_or(0.0, |share| share.value),
    };
    let panel = |name: &str, truth: &TruthSummary| {
        (name.to_owned(), truth.analyses[0].looks.iter().map(of_look).collect::<Vec<_>>())
    };
    let panels = [panel("with the effect", effect), panel("without it", none)];
    let rows = panels.iter().flat_map(|(name, looks)| {
        looks.iter().enumerate().map(move |(k, look)| {
            let shares = [look.efficacy, look.futility, look.harm, look.safety];
            let shares = shares.iter().map(f64::to_string);
            [name.clone(), (k + 1).to_string()].into_iter().chain(shares).collect()
        })
    });
    Figure {
        name: "outcomes".to_owned(),
        title: "What has become of the trials by each look".to_owned(),
        caption: format!("Per cent of all trials, monitored by \"{}\".", effect.analyses[0].name),
        svg: figure::looks(&panels),
        data: csv::table(&["truth", "by_look", "efficacy", "futility", "harm", "safety"], rows),
    }
}

fn sizes(sizes: &Distribution) -> Figure {
    distribution(sizes, "sample-size", ("Patients randomised", "patients"))
}

fn durations(durations: &Distribution) -> Figure {
    distribution(durations, "duration", ("Time from opening to decision", "months"))
}

fn distribution(of: &Distribution, name: &str, (what, unit): (&str, &str)) -> Figure {
    let curve = |name: &str, colour, points: &[(f64, f64)]| {
        let first = points.first().map(|&(value, _)| (value, 0.0, 0.0));
        let points = points.iter().map(|&(value, share)| (value, share, 0.0));
        let points = first.into_iter().chain(points).collect();
        Curve { name: name.to_owned(), style: CurveStyle::Steps, colour, points }
    };
    let curves = [curve("with the effect", 0, &of.effect), curve("without it", 1, &of.none)];
    let axes = (&axis(unit), &Axis { range: Some((0.0, 1.02)), ..axis("share of trials") });
    let rows = [("effect", &of.effect), ("none", &of.none)].into_iter().flat_map(|(truth, of)| {
        of.iter()
            .map(move |(value, share)| vec![truth.to_owned(), value.to_string(), share.to_string()])
    });
    Figure {
        name: name.to_owned(),
        title: format!("{what}: distribution over the trials"),
        caption: format!("Share of trials with no more {unit} than on the axis below."),
        svg: figure::curves(axes, &curves),
        data: csv::table(&["truth", unit, "share_at_most"], rows),
    }
}

fn axis(name: &str) -> Axis {
    Axis { name: name.to_owned(), range: None, logarithmic: false }
}

fn calendar(dossier: &Dossier) -> Figure {
    let calendar = &dossier.calendar;
    let row = |what: &str, (month, randomised, known): (f64, f64, f64)| {
        let numbers = [month, randomised, known].map(|number| format!("{number:.4}"));
        std::iter::once(what.to_owned()).chain(numbers).collect()
    };
    let months = calendar.months.iter().map(|&at| row("", at));
    let looks = calendar.looks.iter().enumerate();
    let rows = months.chain(looks.map(|(k, &at)| row(&format!("look {}", k + 1), at)));
    Figure {
        name: "calendar".to_owned(),
        title: "The calendar of a trial that runs to its end".to_owned(),
        caption: "Means over simulated trials with the effect. A look is drawn at the day of its data; the \
                  grey bar is the patients who are then randomised without a known outcome: most of them \
                  the overrun if the trial stops there without a delay."
            .to_owned(),
        svg: figure::calendar(calendar),
        data: csv::table(&["look", "month", "randomised", "known"], rows),
    }
}

/// Curves at most where each has a band.
const SHOWN: usize = 4;

fn convergence(summary: &Summary, dossier: &Dossier) -> Figure {
    let analyses = &summary.truths[0].analyses;
    // Fewer say nothing.
    let least = 50.min(summary.provenance.replicates);
    let points = || dossier.convergence.iter().filter(move |point| point.replicates >= least);
    let curve = |(i, analysis): (usize, &AnalysisSummary)| Curve {
        name: analysis.name.clone(),
        style: CurveStyle::Line,
        colour: i,
        points: points()
            .map(|point| {
                let share = &point.efficacy[i];
                (libm::log10(point.replicates as f64), share.value, share.mcse)
            })
            .collect(),
    };
    let curves: Vec<Curve> = analyses.iter().enumerate().take(SHOWN).map(curve).collect();
    let rows = dossier.convergence.iter().flat_map(|point| {
        let (powers, errors) = point.efficacy.split_at(analyses.len());
        analyses.iter().zip(powers.iter().zip(errors)).map(move |(analysis, (power, error))| {
            let figures = [power.value, power.mcse, error.value, error.mcse];
            [point.replicates.to_string(), analysis.name.clone()]
                .into_iter()
                .chain(figures.iter().map(f64::to_string))
                .collect()
        })
    });
    let replicates = Axis { logarithmic: true, ..axis("replicates so far") };
    let header =
        ["replicates", "analysis", "power", "power_mcse", "type_i_error", "type_i_error_mcse"];
    Figure {
        name: "convergence".to_owned(),
        title: "How the simulated power settles".to_owned(),
        caption: format!(
            "Power over the replicates so far, with its 95 % Monte-Carlo band{}.",
            if analyses.len() > SHOWN { ", of the first four analyses" } else { "" }
        ),
        svg: figure::curves((&replicates, &axis("power")), &curves),
        data: csv::table(&header, rows),
    }
}

fn balance(truth: &TruthSummary) -> Figure {
    let balance = &truth.balance;
    let whole = ("whole trial".to_owned(), &balance.arm_difference);
    let levels = balance.levels.iter();
    let levels =
        levels.map(|level| (format!("{}: {}", level.factor, level.level), &level.arm_difference));
    let centres = balance.centres.iter().map(|of| ("a centre".to_owned(), &of.arm_difference));
    let rows: Vec<(String, f64, f64)> = std::iter::once(whole)
        .chain(levels)
        .chain(centres)
        .map(|(name, of)| (name, of.mean.value, of.p95.value))
        .collect();
    let data =
        rows.iter().map(|(name, mean, p95)| vec![name.clone(), mean.to_string(), p95.to_string()]);
    Figure {
        name: "balance".to_owned(),
        title: "Balance of the allocation".to_owned(),
        caption:
            "Difference between the arms in numbers of patients when all are randomised, in the whole \
             trial and within each level of each factor; with unequal arms, twice the distance of the \
             experimental arm from its share."
                .to_owned(),
        svg: figure::balance(&rows),
        data: csv::table(&["among", "mean_difference", "p95_difference"], data),
    }
}

/// Power over values of a quantity, each with what came of it; a line for each analysis.
pub fn power_curve(quantity: &str, points: &[(f64, OperatingCharacteristics)]) -> Figure {
    let analyses = || points.first().into_iter().flat_map(|(_, of)| &of.truths[0].analyses);
    let curve = |(i, analysis): (usize, &AnalysisSummary)| {
        let point = |(x, of): &(f64, OperatingCharacteristics)| {
            let analysis = &of.truths[0].analyses[i];
            let formula = analysis.normal_approximation.as_ref().map(|formula| formula.rejection);
            let McEstimate { value: power, mcse, .. } = analysis.rejection;
            CurvePoint { x: *x, power, mcse, formula }
        };
        PowerCurve { name: analysis.name.clone(), points: points.iter().map(point).collect() }
    };
    let curves: Vec<PowerCurve> = analyses().enumerate().map(curve).collect();
    let row = |curve: &PowerCurve, point: &CurvePoint| {
        let formula = point.formula.map_or(String::new(), |formula| formula.to_string());
        let figures = [point.x, point.power, point.mcse].map(|figure| figure.to_string());
        [vec![curve.name.clone()], figures.to_vec(), vec![formula]].concat()
    };
    let rows = curves.iter().flat_map(|curve| curve.points.iter().map(|point| row(curve, point)));
    Figure {
        name: "power-curve".to_owned(),
        title: format!("Power over the {quantity}"),
        caption: "Everything else as in the scenario, and the same patients at every point. An odds \
                  ratio shifts all cuts of the control arm's mRS alike, also where the scenario's own \
                  effect does not. At most eight analyses are drawn."
            .to_owned(),
        svg: figure::power_curve(&curves, &Labels {
            title: String::new(),
            x: quantity.to_owned(),
            footer: String::new(),
        }),
        data: csv::table(&["analysis", "value", "power", "power_mcse", "by_formula"], rows),
    }
}

fn strategies(rules: &[RuleSummary]) -> Figure {
    let place = |(i, rule): (usize, &RuleSummary)| rule.stent_after.unwrap_or(i + 1) as f64;
    let of = |name: &'static str, colour| {
        let points = move |rule: &RuleSummary| {
            let everyone = super::procedure::everyone(&rule.patients);
            everyone.measures.get(name).map(|measure| (measure.simulated, measure.exact))
        };
        let simulated = rules.iter().enumerate().filter_map(move |(i, rule)| {
            let (figure, _) = points(rule)?;
            Some((place((i, rule)), 100.0 * figure.value, 100.0 * figure.mcse))
        });
        let exact = rules
            .iter()
            .enumerate()
            .filter_map(move |(i, rule)| Some((place((i, rule)), 100.0 * points(rule)?.1, 0.0)));
        let curve =
            |name: &str, style, points| Curve { name: name.to_owned(), style, colour, points };
        [
            curve(super::procedure::measure_name(name), CurveStyle::Marked, simulated.collect()),
            curve("", CurveStyle::Dashed, exact.collect()),
        ]
    };
    let curves =
        [of("functional_independence", 0), of("mortality", 1), of("haemorrhage", 2)].concat();
    let curves: Vec<Curve> = curves.into_iter().filter(|curve| !curve.points.is_empty()).collect();
    let rows = rules.iter().map(|rule| {
        let everyone = super::procedure::everyone(&rule.patients);
        let after = rule.stent_after.map_or("never".to_owned(), |after| after.to_string());
        let figures =
            ["functional_independence", "mortality", "haemorrhage"].iter().flat_map(|name| {
                let of = everyone.measures.get(name);
                let numbers = of.map(|m| [m.simulated.value, m.simulated.mcse, m.exact]);
                numbers.map_or([const { String::new() }; 3], |of| {
                    of.map(|share| (100.0 * share).to_string())
                })
            });
        std::iter::once(after).chain(figures).collect()
    });
    let header = [
        "stent_after",
        "independence_percent",
        "independence_mcse",
        "independence_exact",
        "mortality_percent",
        "mortality_mcse",
        "mortality_exact",
        "haemorrhage_percent",
        "haemorrhage_mcse",
        "haemorrhage_exact",
    ];
    Figure {
        name: "strategies".to_owned(),
        title: "When to stent".to_owned(),
        caption:
            "Per cent of all patients who come to thrombectomy, if whoever is unresolved after so many \
             passes is stented; the last point is never. Dashed: exact."
                .to_owned(),
        svg: figure::curves(
            (&axis("stent after so many passes (last: never)"), &axis("per cent of patients")),
            &curves,
        ),
        data: csv::table(&header, rows),
    }
}

/// Where procedures end, as states of the columns.
const ENDS: [(&str, Group, usize); 3] = [
    ("open", Group::Reperfused, 0),
    ("stented", Group::Stented, 1),
    ("not opened", Group::Unopened, 2),
];
/// The colour of those who go on.
const ON: usize = 2;

fn flows(procedure: &ProcedureSummary) -> Vec<Figure> {
    let names = ["flow-control", "flow-experimental"];
    let flow = |(name, arm): (&'static str, &ArmSummary)| {
        let flow = patient_flow(arm);
        let rows = flow.links.iter().map(|link| {
            let at = |(column, i): (usize, usize)| {
                format!("{}: {}", flow_column(&flow, column), flow.columns[column][i])
            };
            vec![at(link.from), at(link.to), link.share.to_string()]
        });
        Figure {
            name: name.to_owned(),
            title: format!("Patients on their way to their outcome, {} arm", arm.arm),
            caption: "From randomisation through the passes, with the passes made before it counted \
                      in, to the mRS; ribbons are as wide as their share of the arm's patients (exact)."
                .to_owned(),
            svg: figure::flow(&flow),
            data: csv::table(&["from", "to", "share"], rows),
        }
    };
    names.into_iter().zip(&procedure.arms).map(flow).collect()
}

fn flow_column(flow: &Flow, column: usize) -> String {
    match column {
        0 => "start".to_owned(),
        last if last + 1 == flow.columns.len() => "mRS".to_owned(),
        pass => format!("step {pass}"),
    }
}

/// After each number of passes: how it has ended so far, and who goes on.
fn patient_flow(arm: &ArmSummary) -> Flow {
    let mut columns = vec![vec!["randomised".to_owned()]];
    let mut links = Vec::new();
    let mut on = ((0, 0), 1.0);
    for (step, pass) in arm.passes.iter().enumerate() {
        let column = step + 1;
        let ended = [pass.reperfused.exact, pass.stented.exact, pass.unopened.exact];
        columns.push(vec![
            ENDS[0].0.to_owned(),
            format!("pass {} on", pass.passes + 1),
            ENDS[1].0.to_owned(),
            ENDS[2].0.to_owned(),
        ]);
        // Open, on, stented, not opened.
        for (state, end) in [(0, 0), (2, 1), (3, 2)] {
            if step > 0 {
                let share = so_far(arm, step, end);
                let (from, to) = ((column - 1, state), (column, state));
                links.push(Link { from, to, share, colour: ENDS[end].2 });
            }
            links.push(Link {
                from: on.0,
                to: (column, state),
                share: ended[end],
                colour: ENDS[end].2,
            });
        }
        let left = on.1 - ended.iter().sum::<f64>();
        links.push(Link { from: on.0, to: (column, 1), share: left.max(0.0), colour: ON });
        on = ((column, 1), left);
    }
    let last = columns.len();
    columns.push(["mRS 0–2", "mRS 3–5", "dead"].map(str::to_owned).to_vec());
    for (state, end) in [(0, 0), (2, 1), (3, 2)] {
        let Some(group) = arm.groups.iter().find(|group| group.group == ENDS[end].1) else {
            continue;
        };
        for (i, share) in ends_in(group).into_iter().enumerate() {
            let (from, to) = ((last - 1, state), (last, i));
            links.push(Link { from, to, share, colour: ENDS[end].2 });
        }
    }
    links.retain(|link| link.share > 1e-9);
    Flow { columns, links }
}

/// Share of the arm whose procedure ended so before a step.
fn so_far(arm: &ArmSummary, step: usize, end: usize) -> f64 {
    let of = arm.passes[..step].iter();
    of.map(|pass| [pass.reperfused.exact, pass.stented.exact, pass.unopened.exact][end]).sum()
}

/// Shares of the arm that are in a group with mRS 0–2, 3–5, and 6.
fn ends_in(group: &GroupSummary) -> [f64; 3] {
    let share = group.share.exact;
    let independent = share * group.measures["functional_independence"].exact;
    let dead = share * group.measures["mortality"].exact;
    [independent, share - independent - dead, dead]
}
