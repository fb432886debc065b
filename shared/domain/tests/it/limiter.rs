//! The limiter holds, whatever happens: no window of the CRM ever sees more than the limit.

use std::collections::BTreeMap;

use hub_domain::limiter::{
    Ask, Book, Chunk, Decision, Lane, Limiter, Margin, Micros, Rule, SECOND, Seen, Take, Terms,
    Want,
};
use proptest::{collection::vec, prelude::*};

const START: Micros = 1_790_000_000 * SECOND;
const MS: Micros = SECOND / 1_000;

/// What happens to one of the workers, so long after the event before.
#[derive(Debug, Clone)]
enum Step {
    /// It makes what calls it may, and waits for those that are due within a second.
    Call(usize),
    /// It takes a lease and does not write it: somebody else was faster, or it died.
    Lost(usize),
    /// It dies; another takes its place without knowing anything.
    Dies(usize),
    /// The CRM refuses a call until so many milliseconds later.
    Refused(usize, i64),
    /// A reply tells what is left: true or not.
    Told(usize, u32),
}

fn steps() -> impl Strategy<Value = Vec<(i64, Step)>> {
    let who = 0..4_usize;
    let step = prop_oneof![
        12 => who.clone().prop_map(Step::Call),
        1 => who.clone().prop_map(Step::Lost),
        1 => who.clone().prop_map(Step::Dies),
        1 => (who.clone(), 1..15_000_i64).prop_map(|(who, ms)| Step::Refused(who, ms)),
        2 => (who, 0..200_u32).prop_map(|(who, left)| Step::Told(who, left)),
    ];
    // Mostly busy, sometimes idle for long enough that calls become free.
    let gap = prop_oneof![8 => 0..300_i64, 2 => 0..3_000_i64, 1 => 0..60_000_i64];
    vec((gap, step), 1..250)
}

/// No window of this length holds more than `most` of these times.
fn holds(mut times: Vec<Micros>, window: Micros, most: usize) -> Result<(), TestCaseError> {
    times.sort_unstable();
    for pair in times.windows(most + 1) {
        let span = pair[most] - pair[0];
        prop_assert!(
            span >= window,
            "{} calls within {span} µs, of {most} in {window}",
            most + 1
        );
    }
    Ok(())
}

struct Crew {
    terms: Terms,
    limiter: Limiter,
    books: Vec<Book>,
    skews: Vec<Micros>,
    jitters: Vec<Micros>,
    arrived: Vec<Micros>,
}

impl Crew {
    fn new(rule: Rule, skew: Micros, skews: Vec<Micros>, jitters: Vec<Micros>) -> Self {
        let margin = Margin {
            skew,
            ..Margin::default()
        };
        Self {
            terms: Terms {
                rules: vec![rule],
                at_once: None,
                margin,
            },
            limiter: Limiter::default(),
            books: (0..4).map(Book::new).collect(),
            skews,
            jitters,
            arrived: Vec::new(),
        }
    }

    fn arrives(&mut self, at: Micros) {
        let jitter = self.jitters[self.arrived.len() % self.jitters.len()];
        self.arrived.push(at + 20 * MS + jitter);
    }

    /// Takes a lease by the worker's own clock; `written` if it reached the item.
    fn lease(&mut self, who: usize, at: Micros, written: bool) -> bool {
        let local = at + self.skews[who];
        let ask = self.books[who].ask(&self.terms, &[1], Lane::Live, local);
        let mut next = self.limiter.clone();
        let decision = next.lease(&self.terms, &ask, local);
        let granted = matches!(decision, Decision::Granted { .. });
        if written && granted {
            self.limiter = next;
            self.books[who].granted(&decision, local);
        }
        written && granted
    }

    fn step(&mut self, now: &mut Micros, step: &Step) {
        match *step {
            Step::Call(who) => {
                let until = *now + SECOND;
                for _ in 0..60 {
                    let local = *now + self.skews[who];
                    match self.books[who].take(&self.terms, &[1], local) {
                        Take::Now => {
                            self.arrives(*now);
                            self.books[who].ended();
                        }
                        Take::At(at) if at - self.skews[who] <= until => {
                            *now = at - self.skews[who];
                        }
                        Take::At(_) | Take::Full => return,
                        Take::Lease => {
                            if !self.lease(who, *now, true) {
                                return;
                            }
                        }
                    }
                }
            }
            Step::Lost(who) => drop(self.lease(who, *now, false)),
            Step::Dies(who) => self.books[who] = Book::new(u32::try_from(who).unwrap() + 100),
            Step::Refused(who, ms) => {
                let local = *now + self.skews[who];
                let wants = [Want { need: 1, up_to: 1 }];
                self.books[who].pause(local + ms * MS);
                self.limiter
                    .refused(&self.terms, &wants, local + ms * MS, local);
            }
            Step::Told(who, left) => {
                let at = *now + self.skews[who];
                let limit = None;
                let seen = hub_domain::limiter::Seen { left, limit, at };
                self.books[who].saw(0, seen);
            }
        }
    }

    fn play(&mut self, steps: &[(i64, Step)]) {
        let mut now = START;
        for (gap, step) in steps {
            now += gap * MS;
            self.step(&mut now, step);
        }
    }
}

fn rule(requests: u32, window_s: i64) -> Rule {
    Rule {
        name: "r".to_owned(),
        requests,
        window: window_s * SECOND,
        reserve_percent: 0,
    }
}

const SHAPES: [(u32, i64); 6] = [(100, 10), (110, 10), (40, 2), (10, 1), (4, 1), (180, 60)];

proptest! {
    /// Whatever the order of calls, lost writes, deaths, refusals and what replies say, with clocks up
    /// to a second apart where the margin says so, and within a hundredth of one where it does not.
    #[test]
    fn no_window_holds_more_than_the_limit(
        shape in prop::sample::select(SHAPES.to_vec()),
        skewed: bool,
        skews in vec(0..1_000 * MS, 4),
        jitters in vec(0..100 * MS, 1..40),
        steps in steps(),
    ) {
        let skew = if skewed { SECOND } else { 0 };
        let skews = skews.into_iter().map(|by| if skewed { by } else { 0 }).collect();
        let (requests, window_s) = shape;
        let mut crew = Crew::new(rule(requests, window_s), skew, skews, jitters);
        crew.play(&steps);
        holds(crew.arrived, window_s * SECOND, requests as usize)?;
    }

    /// A budget is never overspent in any rolling window, nor in one that begins at a whole hour, and its
    /// reserve is left alone.
    #[test]
    fn no_hour_spends_more_than_its_budget(
        reserve in 0..60_u32,
        asks in vec((0..200_000_i64, 0..4_u32, 1..20_u32), 1..300),
    ) {
        let hour = Rule { reserve_percent: reserve, ..rule(1_000, 3_600) };
        let terms = Terms { rules: vec![hour], ..Terms::default() };
        let mut limiter = Limiter::default();
        let (mut now, mut given) = (START, BTreeMap::<Micros, u32>::new());
        for (gap, worker, need) in asks {
            now += gap * MS;
            let ask = Ask {
                from: 0,
                worker, lane: Lane::Live, wants: vec![Want { need, up_to: need }],
                seen: vec![None], spent: vec![None], unused: vec![0],
            };
            if let Decision::Granted { chunks, .. } = limiter.lease(&terms, &ask, now) {
                let [Chunk::Free { count, until }] = chunks[..] else {
                    return Err(TestCaseError::fail("a budget gives free calls"));
                };
                // It is spent at the last moment, or at once.
                let at = if worker % 2 == 0 { now } else { until };
                *given.entry(at).or_default() += count;
            }
        }
        let most = 1_000 - 10 * reserve;
        for from in given.keys() {
            let spent: u32 = given.range(from..&(from + 3_600 * SECOND)).map(|(_, n)| n).sum();
            prop_assert!(spent <= most, "{spent} of {most}");
        }
    }

    /// Calls at once: never more than the CRM takes, and those of the dead come back.
    #[test]
    fn no_more_run_at_once_than_the_crm_takes(
        most in 1..30_u32,
        asks in vec((0..20_000_i64, 0..40_u32), 1..200),
    ) {
        let terms = Terms { rules: Vec::new(), at_once: Some(most), ..Terms::default() };
        let mut limiter = Limiter::default();
        let (mut now, mut held) = (START, BTreeMap::<u32, (u32, Micros)>::new());
        let ask = |worker| Ask {
            from: 0,
            worker, lane: Lane::Live, wants: Vec::new(),
            seen: Vec::new(), spent: Vec::new(), unused: Vec::new(),
        };
        for (gap, worker) in asks {
            now += gap * MS;
            if let Decision::Granted { at_once: Some(places), .. } = limiter.lease(&terms, &ask(worker), now) {
                held.insert(worker, places);
            }
            let busy: u32 = held.values().filter(|held| held.1 > now).map(|held| held.0).sum();
            prop_assert!(busy <= most, "{busy} of {most}");
        }
        let later = limiter.lease(&terms, &ask(99), now + 3_600 * SECOND);
        prop_assert!(matches!(later, Decision::Granted { at_once: Some(_), .. }), "{later:?}");
    }
}

#[test]
fn bulk_gets_nothing_new_while_live_work_was_seen_and_the_item_stays_small() {
    let terms = Terms {
        rules: vec![
            rule(110, 10),
            Rule {
                reserve_percent: 20,
                ..rule(100_000, 86_400)
            },
        ],
        at_once: Some(25),
        ..Terms::default()
    };
    let mut limiter = Limiter::default();
    let ask = |worker, lane| Ask {
        from: 0,
        worker,
        lane,
        wants: vec![Want { need: 1, up_to: 16 }; 2],
        seen: vec![None, None],
        spent: vec![None, None],
        unused: vec![0, 0],
    };
    let granted = limiter.lease(&terms, &ask(1, Lane::Live), START);
    assert!(matches!(granted, Decision::Granted { .. }), "{granted:?}");
    let refused = limiter.lease(&terms, &ask(2, Lane::Bulk), START + SECOND);
    let Decision::Wait { until, .. } = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(until, START + 3 * SECOND);
    let later = limiter.lease(&terms, &ask(2, Lane::Bulk), until);
    assert!(matches!(later, Decision::Granted { .. }), "{later:?}");
    // A crowd, for a day, and a breaker with a history.
    for n in 0..2_000_u32 {
        let at = START + i64::from(n) * 43 * SECOND;
        limiter.lease(&terms, &ask(3_000_000_000 + n, Lane::Live), at);
        limiter.lease(&terms, &ask(4_000_000_000 + n, Lane::Live), at + 1);
        limiter.breaker.failed(false, at, 999);
        limiter.breaker.succeeded(true);
    }
    let size = serde_json::to_string(&limiter).unwrap().len();
    assert!(size < 900, "{size} bytes");
}

/// A CRM that tells nothing of what is left refuses some calls, and then none: it takes a while, and the whole limit is
/// used again. Nothing but time has to pass.
#[test]
fn what_refusals_showed_fades() {
    let terms = Terms {
        rules: vec![rule(180, 60)],
        ..Terms::default()
    };
    let wants = [Want { need: 1, up_to: 1 }];
    let mut limiter = Limiter::default();
    let of_minute = |limiter: &mut Limiter, from: Micros| {
        let mut granted = 0;
        for tenth in 0..600 {
            let ask = Ask {
                from: 0,
                worker: 1,
                lane: Lane::Live,
                wants: wants.to_vec(),
                seen: vec![None],
                spent: vec![None],
                unused: vec![0],
            };
            let decision = limiter.lease(&terms, &ask, from + tenth * 100 * MS);
            granted += u32::from(matches!(decision, Decision::Granted { .. }));
        }
        granted
    };
    for n in 0..10 {
        let now = START + n * SECOND;
        limiter.refused(&terms, &wants, now + SECOND, now);
    }
    let careful = of_minute(&mut limiter, START + 60 * SECOND);
    assert!(careful < 30, "{careful} calls in the minute after");
    let mut first = START + 120 * SECOND;
    for _ in 0..60 {
        of_minute(&mut limiter, first);
        first += 60 * SECOND;
    }
    let whole = of_minute(&mut limiter, first);
    assert!(whole > 150, "{whole} calls in a minute an hour later");
}

/// A worker that waits writes what others have to know: that live work waits, where bulk work would take the next
/// lease; what a reply said of a limit that others use too. Once told, it is not written again.
#[test]
fn who_waits_writes_what_others_have_to_know_and_nothing_else() {
    let terms = Terms {
        rules: vec![rule(100, 10)],
        ..Terms::default()
    };
    let ask = |worker, lane, seen| Ask {
        from: 0,
        worker,
        lane,
        wants: vec![Want { need: 1, up_to: 16 }],
        seen: vec![seen],
        spent: vec![None],
        unused: vec![0],
    };
    // Leases until there is none, for one who comes with nothing to tell, and what that one has to write.
    let waits = |limiter: &mut Limiter, lane| {
        for worker in 0..100 {
            if let Decision::Wait { write, .. } =
                limiter.lease(&terms, &ask(worker, lane, None), START)
            {
                return write;
            }
        }
        panic!("the limit never ends");
    };
    let written = |limiter: &mut Limiter, lane, seen| match limiter.lease(
        &terms,
        &ask(1_000, lane, seen),
        START,
    ) {
        Decision::Wait { write, .. } => write,
        granted @ Decision::Granted { .. } => panic!("{granted:?}"),
    };
    let mut live = Limiter::default();
    assert!(!waits(&mut live, Lane::Live));
    let seen = Seen {
        left: 5,
        limit: None,
        at: START,
    };
    assert!(written(&mut live, Lane::Live, Some(seen)));
    assert!(!written(&mut live, Lane::Live, Some(seen)));
    let mut bulk = Limiter::default();
    assert!(!waits(&mut bulk, Lane::Bulk));
    assert!(written(&mut bulk, Lane::Live, None));
    assert!(!written(&mut bulk, Lane::Live, None));
}

/// A worker reads, which counts for the fast limit alone, and then writes, which counts for both: the slow one
/// sets the pace, and what was leased of the fast one is there when its turn comes.
#[test]
fn limits_of_different_pace_are_kept_together() {
    let rule = |name: &str, requests| Rule {
        name: name.to_owned(),
        requests,
        window: 60 * SECOND,
        reserve_percent: 0,
    };
    let terms = Terms {
        rules: vec![rule("calls", 1_000), rule("points", 50)],
        ..Terms::default()
    };
    let (mut limiter, mut book) = (Limiter::default(), Book::new(1));
    let (mut now, mut written, mut leases) = (START, 0, 0);
    while now < START + 60 * SECOND {
        for costs in [[1, 0], [1, 1]] {
            loop {
                assert!(leases < 1_000, "{written} writes by then");
                match book.take(&terms, &costs, now) {
                    Take::Now => break,
                    Take::At(at) => now = at,
                    Take::Full => panic!("there are places enough"),
                    Take::Lease => {
                        leases += 1;
                        let ask = book.ask(&terms, &costs, Lane::Live, now);
                        match limiter.lease(&terms, &ask, now) {
                            Decision::Wait { until, .. } => now = until,
                            granted @ Decision::Granted { .. } => book.granted(&granted, now),
                        }
                    }
                }
            }
            book.ended();
            now += 150 * MS;
        }
        written += 1;
    }
    assert!((40..=55).contains(&written), "{written} of 50");
    assert!(
        leases <= written * 2,
        "{leases} leases for {written} writes"
    );
}
