//! The limiter against a CRM that counts strictly, in simulated time.
//!
//! Workers decide by the code that the engine uses (`Limiter`, `Book`) over one item with
//! compare-and-swap; networks, deaths and the clock are simulated, so half an hour takes a moment and
//! the same seed gives the same figures. The CRM counts the calls of any window as they arrive, and
//! a call takes 20 to 120 ms to it and as long back.

mod crm;
mod event;
mod simulation;

use hub_domain::limiter::{Micros, SECOND};
use serde::Serialize;

use simulation::World;

/// What is simulated.
#[derive(Debug, Clone)]
pub struct Shape {
    /// Calls in a window.
    pub requests: u32,
    /// The window in seconds.
    pub window_s: i64,
    /// Workers that always have work.
    pub workers: usize,
    /// How many of a hundred die once, each replaced a second later.
    pub deaths_percent: usize,
    /// How many of a hundred calls of the limit another application makes.
    pub others_percent: u32,
    /// Whether it makes them at random times, or at about even ones.
    pub random: bool,
    /// How far two clocks may be apart, and the margin for it.
    pub skew: Micros,
}

impl Shape {
    /// A limit that nobody else uses, with a fifth of the workers dying.
    pub fn of(requests: u32, window_s: i64, workers: usize) -> Self {
        Self {
            requests,
            window_s,
            workers,
            deaths_percent: 20,
            others_percent: 0,
            random: false,
            skew: 0,
        }
    }

    /// The same with another application that takes 30 % of the limit.
    #[must_use]
    pub fn shared(self) -> Self {
        Self {
            others_percent: 30,
            ..self
        }
    }

    /// And makes its calls at random times: nothing tells when the next one comes.
    #[must_use]
    pub fn random(self) -> Self {
        Self {
            random: true,
            ..self.shared()
        }
    }

    /// Its name in lists of figures.
    pub fn name(&self) -> String {
        let shared = match (self.others_percent, self.random) {
            (0, _) => "",
            (_, false) => ".shared",
            (_, true) => ".shared-random",
        };
        let Self {
            requests,
            window_s,
            workers,
            ..
        } = self;
        format!("limits.{requests}-per-{window_s}s.{workers}-workers{shared}")
    }
}

/// What came out.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Figures {
    /// Calls the CRM took.
    pub calls: u64,
    /// Calls it refused.
    pub refused: u64,
    /// The same of a thousand calls that were made.
    pub refused_per_1000: f64,
    /// Calls taken, of those that the limit has room for beside the other application's.
    pub utilisation: f64,
    /// Writes of the item for each call, refused ones too.
    pub writes_per_call: f64,
    /// Reads of the item for each call.
    pub reads_per_call: f64,
    /// The largest item in bytes.
    pub item_bytes: usize,
    /// The fewest calls one worker made, in a thousandth of its fair part.
    pub fairness: f64,
}

/// The limits of the bench: the shapes whose figures are gated.
pub fn shapes() -> Vec<Shape> {
    let mut shapes = Vec::new();
    for (requests, window_s) in [(100, 10), (40, 2), (10, 1), (4, 1)] {
        for workers in [1, 2, 10, 50] {
            shapes.push(Shape::of(requests, window_s, workers));
        }
    }
    for workers in [1, 10, 50] {
        shapes.push(Shape::of(100, 10, workers).shared());
        shapes.push(Shape::of(100, 10, workers).random());
    }
    shapes
}

/// Runs a shape for so many simulated minutes.
pub fn run(shape: &Shape, minutes: i64, seed: u64) -> Figures {
    World::new(shape, seed).run(minutes * 60 * SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Half an hour of each shape.
    #[test]
    fn the_limit_is_used_and_never_passed() {
        for shape in shapes() {
            let figures = run(&shape, 30, 7);
            let name = shape.name();
            println!("{name}: {figures:?}");
            assert!(figures.item_bytes < 900, "{name}: {figures:?}");
            assert!(figures.writes_per_call <= 0.1, "{name}: {figures:?}");
            let least = match (shape.requests, shape.others_percent) {
                (100, 0) => 0.98,
                (40, _) => 0.94,
                (100, _) => 0.90,
                _ => 0.88,
            };
            assert!(figures.utilisation >= least, "{name}: {figures:?}");
            let most = match (shape.others_percent, shape.random) {
                (0, _) => 0.0,
                (_, false) => 2.0,
                // Nothing tells when the next call of the other application comes.
                (_, true) => 3.5,
            };
            assert!(figures.refused_per_1000 <= most, "{name}: {figures:?}");
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_figures_and_clocks_apart_pass_no_limit() {
        let shape = Shape::of(100, 10, 10);
        assert_eq!(run(&shape, 2, 3), run(&shape, 2, 3));
        assert_ne!(run(&shape, 2, 3), run(&shape, 2, 4));
        let skewed = Shape {
            skew: SECOND,
            ..shape
        };
        for seed in 0..5 {
            let figures = run(&skewed, 5, seed);
            assert_eq!(figures.refused, 0, "{figures:?}");
            // A second's uncertainty costs a second of each ten.
            assert!(figures.utilisation > 0.85, "{figures:?}");
        }
    }

    /// Without the margin the CRM refuses: the simulation would show a limiter that is wrong.
    #[test]
    fn clocks_apart_without_a_margin_are_refused() {
        let shape = Shape::of(100, 10, 10);
        let mut world = World::new(&shape, 1);
        world.set_clocks_apart(SECOND);
        let figures = world.run(300 * SECOND);
        assert!(figures.refused > 0, "{figures:?}");
    }
}
