//! Ids and chances from one seed (splitmix64), so that a run replays exactly.

/// How far real SQS may stray from the plain case: it delivers at least once, and in order at best.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Unruly {
    /// Of a thousand receives, how many leave a second copy of the message behind.
    pub duplicate_per_mille: u16,
    /// Of a thousand sends, how many overtake up to 32 messages that were sent before.
    pub reorder_per_mille: u16,
}

/// A stream of numbers that looks random.
#[derive(Debug, Clone)]
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// True `per_mille` times of a thousand. Draws nothing at 0, so a plain run is not shifted.
    pub(crate) fn hits(&mut self, per_mille: u16) -> bool {
        per_mille > 0 && self.draw() % 1000 < u64::from(per_mille)
    }

    /// A number from 1 to `most`.
    pub(crate) fn up_to(&mut self, most: u64) -> u64 {
        1 + self.draw() % most.max(1)
    }

    /// In the form of a version 4 UUID, like SQS's message ids.
    pub(crate) fn uuid(&mut self) -> String {
        let (a, b) = (self.draw(), self.draw());
        format!(
            "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
            a >> 32,
            (a >> 16) & 0xffff,
            a & 0xfff,
            0x8000 | ((b >> 48) & 0x3fff),
            b & 0xffff_ffff_ffff,
        )
    }
}
