//! Record ids as the vendor makes them: 15 case-sensitive characters, or 18 with a checksum of the
//! capitals.

/// Base 62 in the order the vendor counts.
const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const CHECK: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ012345";

/// Gives out ids, in order, from a place that the seed decides.
#[derive(Debug, Clone)]
pub(super) struct Ids {
    pod: String,
    next: u64,
}

impl Ids {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            pod: base62(seed % (62 * 62), 2),
            next: 1 + (seed % 9_973) * 100_003,
        }
    }

    /// The next id of an object, 18 characters.
    pub(super) fn next(&mut self, prefix: &str) -> String {
        let id = format!("{prefix}{}0{}", self.pod, base62(self.next, 9));
        self.next += 1;
        with_checksum(&id)
    }
}

fn base62(mut value: u64, width: usize) -> String {
    let mut digits = vec![b'0'; width];
    for place in digits.iter_mut().rev() {
        let digit = usize::try_from(value % 62).unwrap_or_default();
        *place = DIGITS.get(digit).copied().unwrap_or(b'0');
        value /= 62;
    }
    String::from_utf8(digits).unwrap_or_default()
}

/// The 18-character form of a 15-character id.
pub(super) fn with_checksum(id: &str) -> String {
    let mut long = id.to_owned();
    for chunk in id.as_bytes().chunks(5) {
        let capitals = chunk
            .iter()
            .enumerate()
            .filter(|(_, c)| c.is_ascii_uppercase());
        let bits = capitals.fold(0_usize, |bits, (place, _)| bits | (1 << place));
        long.push(CHECK.get(bits).copied().map_or('A', char::from));
    }
    long
}

/// The 18-character form of what a caller sent; `None` when it cannot be an id.
pub(super) fn normalise(id: &str) -> Option<String> {
    if !id.bytes().all(|c| c.is_ascii_alphanumeric()) {
        return None;
    }
    match id.len() {
        15 => Some(with_checksum(id)),
        18 => {
            let long = with_checksum(id.get(..15)?);
            (long == id).then_some(long)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Ids, normalise, with_checksum};

    #[test]
    fn checksum_of_known_ids() {
        assert_eq!(with_checksum("00U63000001T8XG"), "00U63000001T8XGEA0");
        assert_eq!(with_checksum("012000000000000"), "012000000000000AAA");
    }

    #[test]
    fn both_lengths_mean_the_same_record() {
        assert_eq!(
            normalise("00U63000001T8XG").as_deref(),
            Some("00U63000001T8XGEA0")
        );
        assert_eq!(
            normalise("00U63000001T8XGEA0").as_deref(),
            Some("00U63000001T8XGEA0")
        );
        assert_eq!(normalise("00U63000001T8XGEA1"), None);
        assert_eq!(normalise("nonsense"), None);
    }

    #[test]
    fn ids_count_up_and_depend_on_the_seed_alone() {
        let (mut a, mut b) = (Ids::new(7), Ids::new(7));
        assert_eq!(a.next("003"), b.next("003"));
        assert_ne!(a.next("003"), Ids::new(8).next("003"));
    }
}
