//! The limiter against a CRM that counts strictly, in simulated time.
//!
//! Workers decide by the code that the engine uses ([`Limiter`], [`Book`]) over one item with
//! compare-and-swap; networks, deaths and the clock are simulated, so half an hour takes a moment and
//! the same seed gives the same figures. The CRM counts the calls of any window as they arrive, and
//! a call takes 20 to 120 ms to it and as long back.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap, VecDeque},
};

use hub_domain::limiter::{
    Book, Decision, Lane, Limiter, Margin, Micros, Rule, SECOND, Seen, Take, Terms,
};
use serde::Serialize;

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
    let mut world = World::new(shape, seed);
    let end = minutes * 60 * SECOND;
    world.begin(end);
    while let Some(Reverse((at, _, event))) = world.queue.pop() {
        if at > START + end {
            break;
        }
        world.now = at;
        world.step(event);
    }
    world.figures(end)
}

/// The simulation begins at a moment like any other.
const START: Micros = 1_790_000_000 * SECOND;
const MS: Micros = SECOND / 1_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    /// A worker wants to make its next call.
    Next(usize, u32),
    /// The item is read for a worker.
    Read(usize, u32),
    /// The item comes to a worker: what it had noted is in `World::views`.
    Decide(usize, u32),
    /// A worker's write reaches the item.
    Write(usize, u32),
    /// The answer to it comes back.
    Written(usize, u32, bool),
    /// A call leaves.
    Send(usize, u32),
    /// A call arrives at the CRM; the worker's own number.
    Arrive(usize, u32),
    /// The answer comes: accepted, what is left.
    Reply(usize, u32, bool, u32),
    /// A refusal is written down.
    Refuse(usize, u32),
    /// The other application calls.
    Other,
    /// A worker dies.
    Die(usize),
}

struct Worker {
    book: Book,
    /// Raised at each death: what was under way for the one before is nobody's.
    life: u32,
    skew: Micros,
    /// What it read, and what it would write.
    view: (u64, Limiter),
    decision: Option<Decision>,
    next: Option<(u64, Limiter)>,
    calls: u64,
}

struct World {
    shape: Shape,
    terms: Terms,
    random: u64,
    now: Micros,
    number: u64,
    queue: BinaryHeap<Reverse<(Micros, u64, Event)>>,
    workers: BTreeMap<usize, Worker>,
    item: (u64, Limiter),
    /// When the calls of the current window arrived at the CRM.
    window: VecDeque<Micros>,
    calls: u64,
    refused: u64,
    others: u64,
    writes: u64,
    reads: u64,
    item_bytes: usize,
}

impl World {
    fn new(shape: &Shape, seed: u64) -> Self {
        let rule = Rule {
            name: "r".to_owned(),
            requests: shape.requests,
            window: shape.window_s * SECOND,
            reserve_percent: 0,
        };
        let margin = Margin {
            skew: shape.skew,
            ..Margin::default()
        };
        Self {
            shape: shape.clone(),
            terms: Terms {
                rules: vec![rule],
                at_once: None,
                margin,
            },
            random: seed,
            now: START,
            number: 0,
            queue: BinaryHeap::new(),
            workers: BTreeMap::new(),
            item: (0, Limiter::default()),
            window: VecDeque::new(),
            calls: 0,
            refused: 0,
            others: 0,
            writes: 0,
            reads: 0,
            item_bytes: 0,
        }
    }

    fn begin(&mut self, end: Micros) {
        for place in 0..self.shape.workers {
            let skew = self.below(self.shape.skew + 1) - self.shape.skew / 2;
            let worker = self.worker(skew);
            self.workers.insert(place, worker);
            let soon = self.below(SECOND);
            self.later(soon, Event::Next(place, 0));
        }
        let dying = (self.shape.workers * self.shape.deaths_percent).div_ceil(100);
        for place in 0..dying {
            let at = self.below(end);
            self.later(at, Event::Die(place));
        }
        if self.shape.others_percent > 0 {
            self.later(0, Event::Other);
        }
    }

    fn worker(&mut self, skew: Micros) -> Worker {
        let number = u32::try_from(self.below(1 << 32)).unwrap_or(0);
        Worker {
            book: Book::new(number),
            life: 0,
            skew,
            view: (0, Limiter::default()),
            decision: None,
            next: None,
            calls: 0,
        }
    }

    /// A random number below `most` (splitmix64).
    fn below(&mut self, most: Micros) -> Micros {
        self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^= z >> 31;
        (z >> 1).cast_signed() % most.max(1)
    }

    fn dice(&mut self) -> u32 {
        u32::try_from(self.below(1_000)).unwrap_or(0)
    }

    fn trip(&mut self) -> Micros {
        20 * MS + self.below(100 * MS)
    }

    fn later(&mut self, after: Micros, event: Event) {
        self.number += 1;
        let at = self.now + after.max(0);
        self.queue.push(Reverse((at, self.number, event)));
    }

    fn step(&mut self, event: Event) {
        match event {
            Event::Other => self.other(),
            Event::Die(place) => self.die(place),
            Event::Next(place, life) => self.next(place, life),
            Event::Read(place, life) => self.read(place, life),
            Event::Decide(place, life) => self.decide(place, life),
            Event::Write(place, life) => self.write(place, life),
            Event::Written(place, life, done) => self.written(place, life, done),
            Event::Send(place, life) => {
                if self.alive(place, life).is_some() {
                    let trip = self.trip();
                    self.later(trip, Event::Arrive(place, life));
                    // The next one is asked for once this one is on its way.
                    self.later(0, Event::Next(place, life));
                }
            }
            Event::Arrive(place, life) => self.arrive(place, life),
            Event::Reply(place, life, accepted, left) => self.reply(place, life, accepted, left),
            Event::Refuse(place, life) => self.refuse(place, life),
        }
    }

    fn alive(&mut self, place: usize, life: u32) -> Option<&mut Worker> {
        self.workers
            .get_mut(&place)
            .filter(|worker| worker.life == life)
    }

    fn die(&mut self, place: usize) {
        let skew = self.below(self.shape.skew + 1) - self.shape.skew / 2;
        let fresh = self.worker(skew);
        let Some(worker) = self.workers.get_mut(&place) else {
            return;
        };
        let life = worker.life + 1;
        let calls = worker.calls;
        *worker = Worker {
            life,
            calls,
            ..fresh
        };
        self.later(SECOND, Event::Next(place, life));
    }

    fn next(&mut self, place: usize, life: u32) {
        let (now, terms) = (self.now, self.terms.clone());
        let late = self.below(terms.margin.late / 2);
        let Some(worker) = self.alive(place, life) else {
            return;
        };
        let local = now + worker.skew;
        match worker.book.take(&terms, &[1], local) {
            Take::Now => self.later(0, Event::Send(place, life)),
            Take::At(at) => self.later(at - local + late, Event::Next(place, life)),
            Take::Full => self.later(50 * MS, Event::Next(place, life)),
            Take::Lease => {
                let way = 2 * MS + self.below(3 * MS);
                self.later(way, Event::Read(place, life));
            }
        }
    }

    fn read(&mut self, place: usize, life: u32) {
        self.reads += 1;
        let item = self.item.clone();
        if let Some(worker) = self.alive(place, life) {
            worker.view = item;
            let way = 2 * MS + self.below(3 * MS);
            self.later(way, Event::Decide(place, life));
        }
    }

    fn decide(&mut self, place: usize, life: u32) {
        let (now, terms, dice) = (self.now, self.terms.clone(), self.dice());
        let Some(worker) = self.alive(place, life) else {
            return;
        };
        let local = now + worker.skew;
        let ask = worker.book.ask(&terms, &[1], Lane::Live);
        let mut state = worker.view.1.clone();
        let decision = state.lease(&terms, &ask, local);
        match decision {
            Decision::Granted { .. } => {
                worker.next = Some((worker.view.0, state));
                worker.decision = Some(decision);
                let way = 2 * MS + self.below(8 * MS);
                self.later(way, Event::Write(place, life));
            }
            Decision::Wait { until, .. } => {
                let until = worker.book.in_vain(until, dice);
                self.later(until - local, Event::Next(place, life));
            }
        }
    }

    fn write(&mut self, place: usize, life: u32) {
        self.writes += 1;
        // A worker that died meanwhile has written all the same.
        let done = match self
            .workers
            .get_mut(&place)
            .map(|worker| worker.next.take())
        {
            Some(Some((version, state))) if version == self.item.0 => {
                let size = serde_json::to_string(&state).map_or(0, |text| text.len());
                self.item_bytes = self.item_bytes.max(size);
                self.item = (version + 1, state);
                true
            }
            _ => false,
        };
        let item = self.item.clone();
        if let Some(worker) = self.alive(place, life) {
            worker.view = item;
        }
        let way = 2 * MS + self.below(8 * MS);
        self.later(way, Event::Written(place, life, done));
    }

    fn written(&mut self, place: usize, life: u32, done: bool) {
        let now = self.now;
        let Some(worker) = self.alive(place, life) else {
            return;
        };
        let decision = worker.decision.take();
        if done {
            if let Some(decision) = decision {
                worker.book.granted(&decision, now + worker.skew);
            }
            self.later(0, Event::Next(place, life));
        } else {
            // The refusal of the write brought the item along.
            self.later(0, Event::Decide(place, life));
        }
    }

    /// The CRM counts.
    fn admit(&mut self) -> bool {
        let gone = self.now - self.shape.window_s * SECOND;
        while self.window.front().is_some_and(|at| *at <= gone) {
            self.window.pop_front();
        }
        let room = self.window.len() < self.shape.requests as usize;
        if room {
            self.window.push_back(self.now);
        }
        room
    }

    fn left(&self) -> u32 {
        let used = u32::try_from(self.window.len()).unwrap_or(u32::MAX);
        self.shape.requests.saturating_sub(used)
    }

    fn other(&mut self) {
        if self.admit() {
            self.others += 1;
        }
        let per_second =
            f64::from(self.shape.requests * self.shape.others_percent) / 100.0 / self.window_s();
        #[expect(clippy::cast_precision_loss, reason = "a random number below 2^30")]
        let unit = (self.below(1 << 30) + 1) as f64 / f64::from(1 << 30);
        // Random times: the wait is exponential. About even ones: half to one and a half times as long.
        let waits = if self.shape.random {
            -unit.ln()
        } else {
            0.5 + unit
        };
        let seconds = waits / per_second;
        #[expect(
            clippy::cast_possible_truncation,
            reason = "some seconds in microseconds"
        )]
        let wait = (seconds * 1e6) as Micros;
        self.later(wait, Event::Other);
    }

    #[expect(clippy::cast_precision_loss, reason = "some seconds")]
    fn window_s(&self) -> f64 {
        self.shape.window_s as f64
    }

    fn arrive(&mut self, place: usize, life: u32) {
        let accepted = self.admit();
        if accepted {
            self.calls += 1;
            if let Some(worker) = self.workers.get_mut(&place) {
                worker.calls += 1;
            }
        } else {
            self.refused += 1;
        }
        let (left, trip) = (self.left(), self.trip());
        self.later(trip, Event::Reply(place, life, accepted, left));
    }

    fn reply(&mut self, place: usize, life: u32, accepted: bool, left: u32) {
        let (now, limit) = (self.now, self.shape.requests);
        let Some(worker) = self.alive(place, life) else {
            return;
        };
        worker.book.ended();
        let seen = Seen {
            left,
            limit: Some(limit),
            at: now + worker.skew,
        };
        worker.book.saw(0, seen);
        if !accepted {
            worker.book.pause(now + worker.skew + SECOND);
            let way = 5 * MS + self.below(10 * MS);
            self.later(way, Event::Refuse(place, life));
        }
    }

    /// A refusal, with a `Retry-After` of a second. Read and write are one step here.
    fn refuse(&mut self, place: usize, life: u32) {
        let (now, terms) = (self.now, self.terms.clone());
        let Some(worker) = self.alive(place, life) else {
            return;
        };
        let local = now + worker.skew;
        let wants = [hub_domain::limiter::Want { need: 1, up_to: 1 }];
        self.reads += 1;
        self.writes += 1;
        self.item.0 += 1;
        self.item.1.refused(&terms, &wants, local + SECOND, local);
    }

    #[expect(clippy::cast_precision_loss, reason = "counts")]
    fn figures(&self, end: Micros) -> Figures {
        let seconds = end as f64 / 1e6;
        let room = f64::from(self.shape.requests) * seconds / self.window_s() - self.others as f64;
        let calls = self.calls as f64;
        let fair = calls / self.shape.workers as f64;
        let least = self.workers.values().map(|worker| worker.calls).min();
        let made = (self.calls + self.refused) as f64;
        Figures {
            calls: self.calls,
            refused: self.refused,
            refused_per_1000: self.refused as f64 * 1_000.0 / made,
            utilisation: calls / room,
            writes_per_call: self.writes as f64 / calls,
            reads_per_call: self.reads as f64 / calls,
            item_bytes: self.item_bytes,
            fairness: least.unwrap_or(0) as f64 / fair,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ten minutes of each shape; the bench takes thirty.
    #[test]
    fn the_limit_is_used_and_never_passed() {
        for shape in shapes() {
            let figures = run(&shape, 10, 11);
            let name = shape.name();
            println!("{name}: {figures:?}");
            assert!(figures.item_bytes < 900, "{name}: {figures:?}");
            // The first leases of many workers are small, which tells in ten minutes, not in thirty.
            assert!(figures.writes_per_call <= 0.11, "{name}: {figures:?}");
            let least = match (shape.requests, shape.others_percent) {
                (100, 0) => 0.975,
                (40, _) => 0.94,
                (100, _) => 0.86,
                _ => 0.88,
            };
            assert!(figures.utilisation >= least, "{name}: {figures:?}");
            let most = if shape.others_percent == 0 { 0.0 } else { 3.5 };
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
        world.shape.skew = SECOND;
        let end = 300 * SECOND;
        world.begin(end);
        while let Some(Reverse((at, _, event))) = world.queue.pop() {
            if at > START + end {
                break;
            }
            world.now = at;
            world.step(event);
        }
        let figures = world.figures(end);
        assert!(figures.refused > 0, "{figures:?}");
    }
}
