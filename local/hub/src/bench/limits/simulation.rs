//! Workers, networks, deaths and one item, event by event.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap},
};

use hub_domain::limiter::{
    Book, Decision, Lane, Limiter, Margin, Micros, Rule, SECOND, Seen, Take, Terms,
};

use super::{Figures, Shape, crm::Crm, event::Event};

/// The simulation begins at a moment like any other.
const START: Micros = 1_790_000_000 * SECOND;
const MS: Micros = SECOND / 1_000;

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

pub(super) struct World {
    shape: Shape,
    terms: Terms,
    random: u64,
    now: Micros,
    number: u64,
    queue: BinaryHeap<Reverse<(Micros, u64, Event)>>,
    workers: BTreeMap<usize, Worker>,
    item: (u64, Limiter),
    crm: Crm,
    calls: u64,
    refused: u64,
    others: u64,
    writes: u64,
    reads: u64,
    item_bytes: usize,
}

impl World {
    pub(super) fn new(shape: &Shape, seed: u64) -> Self {
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
            crm: Crm::new(shape.requests, shape.window_s * SECOND),
            calls: 0,
            refused: 0,
            others: 0,
            writes: 0,
            reads: 0,
            item_bytes: 0,
        }
    }

    /// Clocks this far apart, whatever the margin says.
    #[cfg(test)]
    pub(super) fn set_clocks_apart(&mut self, skew: Micros) {
        self.shape.skew = skew;
    }

    pub(super) fn run(mut self, time: Micros) -> Figures {
        self.begin(time);
        while let Some(Reverse((at, _, event))) = self.queue.pop() {
            if at > START + time {
                break;
            }
            self.now = at;
            self.step(event);
        }
        self.figures(time)
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
        let (now, terms) = (self.now, self.terms.clone());
        let Some(worker) = self.alive(place, life) else {
            return;
        };
        let local = now + worker.skew;
        let ask = worker.book.ask(&terms, &[1], Lane::Live, local);
        let mut state = worker.view.1.clone();
        let decision = state.lease(&terms, &ask, local);
        if let Decision::Wait {
            until,
            write: false,
            ..
        } = decision
        {
            return self.wait(place, life, until);
        }
        worker.next = Some((worker.view.0, state));
        worker.decision = Some(decision);
        let way = 2 * MS + self.below(8 * MS);
        self.later(way, Event::Write(place, life));
    }

    fn wait(&mut self, place: usize, life: u32, until: Micros) {
        let (now, dice) = (self.now, self.dice());
        if let Some(worker) = self.alive(place, life) {
            let until = worker.book.in_vain(until, dice);
            let wait = until - now - worker.skew;
            self.later(wait, Event::Next(place, life));
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
        match worker.decision.take() {
            Some(Decision::Wait { until, .. }) => {
                if done {
                    worker.book.told();
                }
                self.wait(place, life, until);
            }
            Some(decision) if done => {
                worker.book.granted(&decision, now + worker.skew);
                self.later(0, Event::Next(place, life));
            }
            // The refusal of the write brought the item along.
            _ => self.later(0, Event::Decide(place, life)),
        }
    }

    fn other(&mut self) {
        if self.crm.admit(self.now) {
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
        let accepted = self.crm.admit(self.now);
        if accepted {
            self.calls += 1;
            if let Some(worker) = self.workers.get_mut(&place) {
                worker.calls += 1;
            }
        } else {
            self.refused += 1;
        }
        let (left, trip) = (self.crm.left(), self.trip());
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
