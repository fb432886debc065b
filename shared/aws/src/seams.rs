//! Time and randomness, injected. Nothing else in the hub reads the system's clock or its
//! randomness.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use jiff::Timestamp;

/// Where the time comes from.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl Clock {
    /// The system's clock.
    #[allow(
        clippy::disallowed_methods,
        reason = "the one place that reads the system's clock; everybody else is given a Clock"
    )]
    pub fn system() -> Self {
        Self::new(Timestamp::now)
    }

    /// A clock that asks `now` each time.
    pub fn new(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// Starts at `start` and goes as fast as tokio's clock does, which tests pause and advance.
    pub fn paused(start: Timestamp) -> Self {
        let zero = tokio::time::Instant::now();
        Self::new(move || start.checked_add(zero.elapsed()).unwrap_or(Timestamp::MAX))
    }

    /// The time now.
    pub fn now(&self) -> Timestamp {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}

/// Where random bytes come from.
#[derive(Clone)]
pub struct Entropy(Arc<Fill>);

type Fill = dyn Fn(&mut [u8]) + Send + Sync;

impl Entropy {
    /// The operating system's, by the one crypto library.
    pub fn system() -> Self {
        let random = SystemRandom::new();
        Self::of(move |out| {
            #[allow(
                clippy::expect_used,
                reason = "without randomness no key, nonce or id is safe, so nothing may go on"
            )]
            random.fill(out).expect("the system gives random bytes");
        })
    }

    /// The same bytes for the same seed (splitmix64). For tests and simulation only: whoever knows
    /// the seed knows every key, and two runs with one seed reuse nonces.
    pub fn seeded(seed: u64) -> Self {
        let state = AtomicU64::new(seed);
        Self::of(move |out| {
            for chunk in out.chunks_mut(8) {
                let word = splitmix64(&state).to_le_bytes();
                chunk.copy_from_slice(word.get(..chunk.len()).unwrap_or_default());
            }
        })
    }

    pub(crate) fn of(fill: impl Fn(&mut [u8]) + Send + Sync + 'static) -> Self {
        Self(Arc::new(fill))
    }

    /// Fills `out` with random bytes.
    pub fn fill(&self, out: &mut [u8]) {
        (self.0)(out);
    }

    /// `N` random bytes.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut out = [0; N];
        self.fill(&mut out);
        out
    }

    /// A random number, uniform over all of `u64`.
    pub fn u64(&self) -> u64 {
        u64::from_le_bytes(self.bytes())
    }

    /// A random number in `[0, 1)`, for jitter. It has the 53 bits that an `f64` holds exactly.
    #[allow(
        clippy::cast_precision_loss,
        reason = "53 bits fit an f64 without loss"
    )]
    pub fn unit(&self) -> f64 {
        (self.u64() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

impl fmt::Debug for Entropy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Entropy")
    }
}

/// <https://prng.di.unimi.it/splitmix64.c>: the state only grows by a constant, so an atomic add is
/// enough.
fn splitmix64(state: &AtomicU64) -> u64 {
    const STEP: u64 = 0x9E37_79B9_7F4A_7C15;
    let mut z = state.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// A new ULID (<https://github.com/ulid/spec>): 48 bits of milliseconds, 80 random bits, 26
/// uppercase characters. Ids of different milliseconds sort by time; within one millisecond their
/// order is random.
pub fn ulid(clock: &Clock, entropy: &Entropy) -> String {
    const CROCKFORD: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let ms = u128::try_from(clock.now().as_millisecond()).unwrap_or_default();
    let mut random = [0; 16];
    if let Some(low) = random.get_mut(6..) {
        entropy.fill(low);
    }
    let value = (ms << 80) | u128::from_be_bytes(random);
    (0..26)
        .rev()
        .filter_map(|digit| CROCKFORD.get((value >> (5 * digit)) as usize & 31))
        .map(|&byte| char::from(byte))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(ms: i64) -> Clock {
        Clock::new(move || Timestamp::from_millisecond(ms).unwrap())
    }

    #[test]
    fn splitmix_gives_the_published_numbers() {
        // The reference implementation's first three outputs for the seed 1234567.
        let entropy = Entropy::seeded(1_234_567);
        assert_eq!(entropy.u64(), 6_457_827_717_110_365_317);
        assert_eq!(entropy.u64(), 3_203_168_211_198_807_973);
        assert_eq!(entropy.u64(), 9_817_491_932_198_370_423);
    }

    #[test]
    fn units_lie_in_the_half_open_interval() {
        let ones = Entropy::of(|out| out.fill(0xFF));
        assert!(ones.unit() < 1.0);
        let zeros = Entropy::of(|out| out.fill(0));
        assert!(zeros.unit().abs() < f64::EPSILON);
        let seeded = Entropy::seeded(1);
        let mean = (0..100_000).map(|_| seeded.unit()).sum::<f64>() / 100_000.0;
        assert!((0.495..0.505).contains(&mean), "{mean}");
    }

    #[test]
    fn system_bytes_differ() {
        let entropy = Entropy::system();
        assert_ne!(entropy.bytes::<16>(), entropy.bytes::<16>());
    }

    #[test]
    fn ulids_are_the_specification_s() {
        // The time part of the specification's example: 1469918176385 ms is 01ARYZ6S41.
        let zeros = Entropy::of(|out| out.fill(0));
        assert_eq!(
            ulid(&at(1_469_918_176_385), &zeros),
            "01ARYZ6S410000000000000000"
        );
        let ones = Entropy::of(|out| out.fill(0xFF));
        assert_eq!(ulid(&at(0), &ones), "0000000000ZZZZZZZZZZZZZZZZ");
        assert_eq!(ulid(&at(-5), &zeros), "00000000000000000000000000");
    }

    #[test]
    fn ulids_sort_by_time() {
        let entropy = Entropy::seeded(7);
        let ids: Vec<_> = (0..100).map(|ms| ulid(&at(ms * 31), &entropy)).collect();
        assert!(ids.is_sorted());
    }

    #[tokio::test(start_paused = true)]
    async fn a_paused_clock_follows_tokio() {
        let start: Timestamp = "2026-11-20T15:46:00Z".parse().unwrap();
        let clock = Clock::paused(start);
        assert_eq!(clock.now(), start);
        tokio::time::advance(Duration::from_hours(1)).await;
        assert_eq!(clock.now().to_string(), "2026-11-20T16:46:00Z");
    }
}
