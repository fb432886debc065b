//! Which addresses are public.
//!
//! Public is what these tables leave over: an IPv4 address in no block of IANA's special-purpose
//! registry and no multicast address; an IPv6 address of global unicast (`2000::/3`) in no block of
//! its registry and without an interface id of ISATAP. What the registries call globally reachable
//! (AS112, AMT, PCP, ORCHID) is infrastructure and no CRM: it counts as special too.
//!
//! <https://www.iana.org/assignments/iana-ipv4-special-registry>
//! <https://www.iana.org/assignments/iana-ipv6-special-registry>

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A block: its first address, the length of its prefix, its name.
type Block<A> = (A, u32, &'static str);

const fn v4(first: [u8; 4], prefix: u32, name: &'static str) -> Block<Ipv4Addr> {
    let [a, b, c, d] = first;
    (Ipv4Addr::new(a, b, c, d), prefix, name)
}

/// Smaller blocks of the registry lie within these, and the limited broadcast in the last.
const V4: [Block<Ipv4Addr>; 18] = [
    v4([0, 0, 0, 0], 8, "this network"),
    v4([10, 0, 0, 0], 8, "private use"),
    v4([100, 64, 0, 0], 10, "shared address space"),
    v4([127, 0, 0, 0], 8, "loopback"),
    v4([169, 254, 0, 0], 16, "link local"),
    v4([172, 16, 0, 0], 12, "private use"),
    v4([192, 0, 0, 0], 24, "IETF protocol assignments"),
    v4([192, 0, 2, 0], 24, "documentation"),
    v4([192, 31, 196, 0], 24, "AS112"),
    v4([192, 52, 193, 0], 24, "AMT"),
    v4([192, 88, 99, 0], 24, "6to4 relay"),
    v4([192, 168, 0, 0], 16, "private use"),
    v4([192, 175, 48, 0], 24, "AS112"),
    v4([198, 18, 0, 0], 15, "benchmarking"),
    v4([198, 51, 100, 0], 24, "documentation"),
    v4([203, 0, 113, 0], 24, "documentation"),
    v4([224, 0, 0, 0], 4, "multicast"),
    v4([240, 0, 0, 0], 4, "reserved"),
];

const fn v6(first: [u16; 3], prefix: u32, name: &'static str) -> Block<Ipv6Addr> {
    let [a, b, c] = first;
    (Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0), prefix, name)
}

/// All that was ever given out as global unicast. Loopback, IPv4 in its many wrappings, NAT64, unique
/// local, link local and multicast lie outside.
const GLOBAL_UNICAST: Block<Ipv6Addr> = v6([0x2000, 0, 0], 3, "not global unicast");

/// Within global unicast. Teredo, ORCHID and benchmarking lie in the first.
const V6: [Block<Ipv6Addr>; 5] = [
    v6([0x2001, 0, 0], 23, "IETF protocol assignments"),
    v6([0x2001, 0x0db8, 0], 32, "documentation"),
    v6([0x2002, 0, 0], 16, "6to4"),
    v6([0x2620, 0x004f, 0x8000], 48, "AS112"),
    v6([0x3fff, 0, 0], 20, "documentation"),
];

/// What an address is, if it is not public.
pub(super) fn special(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => V4
            .iter()
            .find(|(first, prefix, _)| {
                (address.to_bits() ^ first.to_bits()).leading_zeros() >= *prefix
            })
            .map(|(.., name)| *name),
        IpAddr::V6(address) => special_v6(address),
    }
}

fn special_v6(address: Ipv6Addr) -> Option<&'static str> {
    let within = |(first, prefix, _): &&Block<Ipv6Addr>| {
        (address.to_bits() ^ first.to_bits()).leading_zeros() >= *prefix
    };
    if !within(&&GLOBAL_UNICAST) {
        return Some(GLOBAL_UNICAST.2);
    }
    // The lower half ends in any IPv4 address, so this is no prefix (RFC 5214, section 6.1).
    let [.., e, f, _, _] = address.segments();
    if f == 0x5efe && matches!(e, 0 | 0x0200) {
        return Some("ISATAP");
    }
    V6.iter().find(within).map(|(.., name)| *name)
}
