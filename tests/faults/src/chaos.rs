//! What a seed says: which events come when and how, what people change meanwhile, and where faults strike.

use std::time::Duration;

use crate::{Fault, Name, Script, Setup, Step, Strike, points::applies, scenario};

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
        let place = usize::try_from(chance.below(8)).unwrap_or_default();
        let fault = Fault::ALL.get(place).copied();
        let fault = fault.filter(|fault| strikes && applies(name, *fault));
        left -= usize::from(fault.is_some());
        Strike { fault, latency }
    })
}

/// What happens in the run of a seed.
#[derive(Debug, Clone)]
pub(crate) struct Chaos {
    steps: Vec<Step>,
}

impl Chaos {
    pub(crate) fn new(_seed: u64, _setup: &Setup) -> Self {
        Self {
            steps: scenario::core(),
        }
    }

    /// Which scenario it is: those of one number leave the same.
    pub(crate) fn scenario(&self) -> u64 {
        0
    }

    pub(crate) fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The same events, in their order and without anything in their way.
    pub(crate) fn calm(&self) -> Vec<Step> {
        scenario::core()
    }
}
