//! How well limits are used, and whether they are ever passed: the simulator's figures, the worst of all
//! numbers of workers.

use super::{
    Size,
    figures::{Figure, figure},
    limits::{Figures, Shape, run as simulate},
};

const SEED: u64 = 7;
/// Limits by name: calls in a window of so many seconds.
pub(crate) const LIMITS: [(&str, u32, i64); 4] = [
    ("100_10s", 100, 10),
    ("40_2s", 40, 2),
    ("10_1s", 10, 1),
    ("4_1s", 4, 1),
];
const WORKERS: [usize; 4] = [1, 2, 10, 50];

/// Half an hour of each.
pub(crate) fn run(size: &Size) -> Vec<Figure> {
    let mut figures = Vec::new();
    for (name, requests, window_s) in LIMITS {
        let all = WORKERS.map(|workers| {
            let shape = Shape::of(requests, window_s, workers);
            simulate(&shape, size.limit_minutes, SEED)
        });
        let key = |of: &str| format!("limits.{name}.{of}");
        figures.extend([
            figure(
                key("utilisation"),
                least(&all, |one| one.utilisation * 100.0),
                "%",
            ),
            figure(
                key("refused"),
                most(&all, |one| super::spent::number(one.refused)),
                "calls",
            ),
            figure(
                key("writes_per_call"),
                most(&all, |one| one.writes_per_call),
                "writes",
            ),
        ]);
    }
    // Another application takes 30 % of the limit.
    let shared = [1, 10, 50].map(|workers| {
        let shape = Shape::of(100, 10, workers).shared();
        simulate(&shape, size.limit_minutes, SEED)
    });
    figures.extend([
        figure(
            "limits.shared.refused_per_1000",
            most(&shared, |one| one.refused_per_1000),
            "calls",
        ),
        figure(
            "limits.shared.utilisation_of_rest",
            least(&shared, |one| one.utilisation * 100.0),
            "%",
        ),
    ]);
    figures
}

fn least(all: &[Figures], of: impl Fn(&Figures) -> f64) -> f64 {
    all.iter().map(of).fold(f64::INFINITY, f64::min)
}

fn most(all: &[Figures], of: impl Fn(&Figures) -> f64) -> f64 {
    all.iter().map(of).fold(0.0, f64::max)
}
