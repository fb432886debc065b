//! What a seed says: which events come when and how, what people and the CRM do meanwhile, where faults
//! strike, and how unruly the queues are. The events are the same for every seed, so all leave the same.

use std::time::Duration;

use hub_local_aws::Unruly;
use serde_json::Value;

use crate::{
    Act, Fault, Name, Script, Step, Strike,
    points::applies,
    scenario::{item, session, step, summary},
};

/// A stream of numbers that looks random (splitmix64, <https://prng.di.unimi.it/splitmix64.c>).
#[derive(Debug, Clone)]
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed ^ 0x6c61_6220_6368_616f)
    }

    pub(crate) fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `most`.
    pub(crate) fn below(&mut self, most: u64) -> u64 {
        self.draw() % most.max(1)
    }

    /// True so many times of a thousand.
    pub(crate) fn hits(&mut self, per_mille: u64) -> bool {
        self.below(1_000) < per_mille
    }
}

/// Faults of one run: enough to meet each other, few enough that it ends.
const MOST_FAULTS: usize = 12;

/// Strikes about one call in thirty, and lets each take up to 40 ms, so that workers overtake each other.
pub(crate) fn script(seed: u64) -> Script {
    let mut chance = Chance::new(seed.wrapping_mul(0x2545_f491_4f6c_dd1d));
    let mut left = MOST_FAULTS;
    Box::new(move |name: Name, _| {
        let latency = Duration::from_millis(chance.below(40));
        let strikes = left > 0 && chance.hits(33);
        let classes = u64::try_from(Fault::ALL.len()).unwrap_or(1);
        let place = usize::try_from(chance.below(classes)).unwrap_or_default();
        let fault = Fault::ALL.get(place).copied();
        let fault = fault.filter(|fault| strikes && applies(name, *fault));
        left -= usize::from(fault.is_some());
        Strike { fault, latency }
    })
}

/// How a queue and its event source behave.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Weather {
    /// Duplicates and reorderings.
    pub unruly: Unruly,
    /// Of a thousand batches, how many are brought to a second worker while the first is still at them.
    pub early_per_mille: u16,
    /// Where the chances of that come from.
    pub seed: u64,
}

impl Weather {
    pub(crate) fn of(seed: u64) -> Self {
        let mut chance = Chance::new(!seed);
        let mut up_to = |most: u64| u16::try_from(chance.below(most)).unwrap_or_default();
        Self {
            unruly: Unruly {
                duplicate_per_mille: up_to(200),
                reorder_per_mille: up_to(300),
            },
            early_per_mille: up_to(200),
            seed,
        }
    }
}

/// The events of every seed, in the order of their times.
fn events() -> Vec<Value> {
    let mut events = Vec::new();
    for (n, s) in ["ses_lab1", "ses_lab2"].into_iter().enumerate() {
        let id = |what: u32| format!("evt_{n}{what}");
        events.extend([
            item(&id(1), s, "a1", 1, 1),
            session(&id(2), s, 1, 2),
            summary(&id(3), s, 1, 3),
            item(&id(4), s, "a2", 1, 4),
            item(&id(5), s, "a1", 2, 5),
            summary(&id(6), s, 2, 6),
            session(&id(7), s, 2, 7),
        ]);
    }
    events
}

/// The same events in their order, without anything in their way: a quarter of an hour and more between the
/// first of each session and the next, so that those are written alone.
pub(crate) fn calm() -> Vec<Step> {
    let events = (0..).zip(events());
    events
        .map(|(place, event)| step(place * 1_000, Act::Post(vec![event])))
        .collect()
}

/// The time over which the events of a seed are spread, in seconds.
const SPREAD: u64 = 1_500;

/// What happens in the run of a seed.
pub(crate) fn steps(seed: u64) -> Vec<Step> {
    let mut chance = Chance::new(seed);
    let mut steps = Vec::new();
    // Some runs are over in a minute, so that everything meets everything.
    let spread = if chance.hits(300) { 60 } else { SPREAD };
    let in_order = chance.hits(300);
    let mut at = 0;
    for event in events() {
        at = if in_order {
            at + chance.below(spread / 14)
        } else {
            chance.below(spread)
        };
        let again = chance.hits(150).then(|| at + chance.below(spread));
        for at in std::iter::once(at).chain(again) {
            steps.push(step(at, sent(&mut chance, event.clone())));
        }
    }
    for _ in 0..chance.below(3) {
        steps.push(step(chance.below(spread), Act::ExpireToken));
    }
    for _ in 0..chance.below(3) {
        steps.push(step(chance.below(spread), Act::Busy));
    }
    for (queue, body) in [("events", "{}"), ("live", "{\"v\":1}"), ("events", "lab")] {
        if chance.hits(150) {
            steps.push(step(chance.below(spread), Act::Poison(queue, body)));
        }
    }
    if chance.hits(150) {
        steps.push(step(chance.below(spread), Act::Jump(3_600)));
    }
    if chance.hits(200) {
        steps.push(step(chance.below(spread), Act::Reconfigure));
    }
    if chance.hits(150) {
        steps.push(step(chance.below(spread), Act::Revoke));
    }
    // What comes while a connection is off is not for it: liveprompt sends it again later.
    let is_off = chance.hits(200);
    if is_off {
        steps.push(step(chance.below(spread), Act::Pause));
    }
    steps.sort_by_key(|step| step.at);
    let last = steps.last().map_or(0, |step| step.at.as_secs());
    let mended = last.max(spread) + chance.below(600);
    steps.push(step(mended, Act::Mend));
    if is_off {
        // Longer than configuration is cached.
        let later = mended + 100;
        let all = events().into_iter();
        steps.extend(
            (0..)
                .zip(all)
                .map(|(place, event)| step(later + place, Act::Post(vec![event]))),
        );
    }
    steps
}

fn sent(chance: &mut Chance, event: Value) -> Act {
    if chance.hits(300) {
        Act::Enqueue(event)
    } else {
        Act::Post(vec![event])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_always_says_the_same() {
        for seed in 0..50 {
            assert_eq!(steps(seed), steps(seed));
        }
        assert_ne!(steps(1), steps(2));
        let (mut one, mut same) = (script(7), script(7));
        for nth in 0..1_000 {
            let name = Name::DeliverCrmWrite;
            assert_eq!(one(name, nth), same(name, nth));
        }
    }

    #[test]
    fn every_event_comes_and_a_run_is_mended_in_the_end() {
        for seed in 0..200 {
            let steps = steps(seed);
            let ids: std::collections::BTreeSet<String> = steps
                .iter()
                .flat_map(|step| match &step.act {
                    Act::Post(events) => events.clone(),
                    Act::Enqueue(event) => vec![event.clone()],
                    _ => Vec::new(),
                })
                .map(|event| event["id"].to_string())
                .collect();
            assert_eq!(ids.len(), 14, "{seed}");
            assert!(steps.iter().any(|step| step.act == Act::Mend), "{seed}");
        }
    }

    #[test]
    fn everything_happens_in_some_run() {
        let all: Vec<Step> = (0..300).flat_map(steps).collect();
        for act in [
            Act::Pause,
            Act::Revoke,
            Act::Reconfigure,
            Act::Jump(3_600),
            Act::ExpireToken,
            Act::Busy,
        ] {
            assert!(all.iter().any(|step| step.act == act), "{act:?}");
        }
    }
}
