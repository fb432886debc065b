//! IANA's special-purpose registries by hand, with what lies beside each block, and an oracle that
//! is plain arithmetic on them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A block and its corners. `*` is `ffff` to the end. Neighbours have a `+` if they are public and a
/// `-` if they are not; at the ends of the address space there is none.
pub(super) struct Row {
    pub(super) block: &'static str,
    pub(super) first: &'static str,
    pub(super) last: &'static str,
    pub(super) before: &'static str,
    pub(super) after: &'static str,
}

impl Row {
    pub(super) fn corners(&self) -> impl Iterator<Item = IpAddr> + use<> {
        [self.first, self.last, self.before, self.after]
            .into_iter()
            .filter(|text| !text.is_empty())
            .map(|text| parse(text.trim_start_matches(['+', '-'])))
    }
}

const fn row(
    block: &'static str,
    first: &'static str,
    last: &'static str,
    before: &'static str,
    after: &'static str,
) -> Row {
    Row {
        block,
        first,
        last,
        before,
        after,
    }
}

/// The two registries as of 2026, line by line, and below each what is special without being in it.
#[rustfmt::skip]
pub(super) const BLOCKS: &[Row] = &[
    row("0.0.0.0/8", "0.0.0.0", "0.255.255.255", "", "+1.0.0.0"),
    row("0.0.0.0/32", "0.0.0.0", "0.0.0.0", "", "-0.0.0.1"),
    row("10.0.0.0/8", "10.0.0.0", "10.255.255.255", "+9.255.255.255", "+11.0.0.0"),
    row("100.64.0.0/10", "100.64.0.0", "100.127.255.255", "+100.63.255.255", "+100.128.0.0"),
    row("127.0.0.0/8", "127.0.0.0", "127.255.255.255", "+126.255.255.255", "+128.0.0.0"),
    row("169.254.0.0/16", "169.254.0.0", "169.254.255.255", "+169.253.255.255", "+169.255.0.0"),
    row("172.16.0.0/12", "172.16.0.0", "172.31.255.255", "+172.15.255.255", "+172.32.0.0"),
    row("192.0.0.0/24", "192.0.0.0", "192.0.0.255", "+191.255.255.255", "+192.0.1.0"),
    row("192.0.0.0/29", "192.0.0.0", "192.0.0.7", "+191.255.255.255", "-192.0.0.8"),
    row("192.0.0.8/32", "192.0.0.8", "192.0.0.8", "-192.0.0.7", "-192.0.0.9"),
    row("192.0.0.9/32", "192.0.0.9", "192.0.0.9", "-192.0.0.8", "-192.0.0.10"),
    row("192.0.0.10/32", "192.0.0.10", "192.0.0.10", "-192.0.0.9", "-192.0.0.11"),
    row("192.0.0.170/32", "192.0.0.170", "192.0.0.170", "-192.0.0.169", "-192.0.0.171"),
    row("192.0.0.171/32", "192.0.0.171", "192.0.0.171", "-192.0.0.170", "-192.0.0.172"),
    row("192.0.2.0/24", "192.0.2.0", "192.0.2.255", "+192.0.1.255", "+192.0.3.0"),
    row("192.31.196.0/24", "192.31.196.0", "192.31.196.255", "+192.31.195.255", "+192.31.197.0"),
    row("192.52.193.0/24", "192.52.193.0", "192.52.193.255", "+192.52.192.255", "+192.52.194.0"),
    row("192.88.99.0/24", "192.88.99.0", "192.88.99.255", "+192.88.98.255", "+192.88.100.0"),
    row("192.88.99.2/32", "192.88.99.2", "192.88.99.2", "-192.88.99.1", "-192.88.99.3"),
    row("192.168.0.0/16", "192.168.0.0", "192.168.255.255", "+192.167.255.255", "+192.169.0.0"),
    row("192.175.48.0/24", "192.175.48.0", "192.175.48.255", "+192.175.47.255", "+192.175.49.0"),
    row("198.18.0.0/15", "198.18.0.0", "198.19.255.255", "+198.17.255.255", "+198.20.0.0"),
    row("198.51.100.0/24", "198.51.100.0", "198.51.100.255", "+198.51.99.255", "+198.51.101.0"),
    row("203.0.113.0/24", "203.0.113.0", "203.0.113.255", "+203.0.112.255", "+203.0.114.0"),
    row("240.0.0.0/4", "240.0.0.0", "255.255.255.255", "-239.255.255.255", ""),
    row("255.255.255.255/32", "255.255.255.255", "255.255.255.255", "-255.255.255.254", ""),
    // Multicast, of the registry of multicast addresses.
    row("224.0.0.0/4", "224.0.0.0", "239.255.255.255", "+223.255.255.255", "-240.0.0.0"),

    row("::1/128", "::1", "::1", "-::", "-::2"),
    row("::/128", "::", "::", "", "-::1"),
    row("::ffff:0:0/96", "::ffff:0:0", "::ffff:ffff:ffff", "-::fffe:ffff:ffff", "-::1:0:0:0"),
    row("64:ff9b::/96", "64:ff9b::", "64:ff9b::ffff:ffff", "-64:ff9a:*", "-64:ff9b::1:0:0"),
    row("64:ff9b:1::/48", "64:ff9b:1::", "64:ff9b:1:*", "-64:ff9b:0:*", "-64:ff9b:2::"),
    row("100::/64", "100::", "100:0:0:0:*", "-ff:*", "-100:0:0:1::"),
    row("100:0:0:1::/64", "100:0:0:1::", "100:0:0:1:*", "-100:0:0:0:*", "-100:0:0:2::"),
    row("2001::/23", "2001::", "2001:1ff:*", "+2000:*", "+2001:200::"),
    row("2001::/32", "2001::", "2001:0:*", "+2000:*", "-2001:1::"),
    row("2001:1::1/128", "2001:1::1", "2001:1::1", "-2001:1::", "-2001:1::2"),
    row("2001:1::2/128", "2001:1::2", "2001:1::2", "-2001:1::1", "-2001:1::3"),
    row("2001:1::3/128", "2001:1::3", "2001:1::3", "-2001:1::2", "-2001:1::4"),
    row("2001:2::/48", "2001:2::", "2001:2:0:*", "-2001:1:*", "-2001:2:1::"),
    row("2001:3::/32", "2001:3::", "2001:3:*", "-2001:2:*", "-2001:4::"),
    row("2001:4:112::/48", "2001:4:112::", "2001:4:112:*", "-2001:4:111:*", "-2001:4:113::"),
    row("2001:10::/28", "2001:10::", "2001:1f:*", "-2001:f:*", "-2001:20::"),
    row("2001:20::/28", "2001:20::", "2001:2f:*", "-2001:1f:*", "-2001:30::"),
    row("2001:30::/28", "2001:30::", "2001:3f:*", "-2001:2f:*", "-2001:40::"),
    row("2001:db8::/32", "2001:db8::", "2001:db8:*", "+2001:db7:*", "+2001:db9::"),
    row("2002::/16", "2002::", "2002:*", "+2001:*", "+2003::"),
    row("2620:4f:8000::/48", "2620:4f:8000::", "2620:4f:8000:*", "+2620:4f:7fff:*", "+2620:4f:8001::"),
    row("3fff::/20", "3fff::", "3fff:fff:*", "+3ffe:*", "+3fff:1000::"),
    row("5f00::/16", "5f00::", "5f00:*", "-5eff:*", "-5f01::"),
    row("fc00::/7", "fc00::", "fdff:*", "-fbff:*", "-fe00::"),
    row("fe80::/10", "fe80::", "febf:*", "-fe7f:*", "-fec0::"),
    // Deprecated IPv4-compatible (RFC 4291), IPv4-translated (RFC 2765), site local (RFC 3879), and
    // multicast.
    row("::/96", "::", "::ffff:ffff", "", "-::1:0:0"),
    row("::ffff:0:0:0/96", "::ffff:0:0:0", "::ffff:0:ffff:ffff", "-::fffe:ffff:ffff:ffff", "-::ffff:1:0:0"),
    row("fec0::/10", "fec0::", "feff:*", "-febf:*", "-ff00::"),
    row("ff00::/8", "ff00::", "ffff:*", "-feff:*", ""),
];

/// The first and last address of global unicast.
pub(super) const GLOBAL_UNICAST: (&str, &str) = ("2000::", "3fff:*");

/// Metadata, credential and runtime endpoints: Lambda's runtime API (127.0.0.1:9001), its trace
/// daemon, EC2's metadata, DNS and time on both families, the credentials of containers and of EKS,
/// and other clouds' metadata.
pub(super) const ENDPOINTS: &[&str] = &[
    "127.0.0.1",
    "169.254.100.1",
    "169.254.79.129",
    "169.254.169.254",
    "169.254.169.253",
    "169.254.169.123",
    "169.254.170.2",
    "169.254.170.23",
    "fd00:ec2::254",
    "fd00:ec2::253",
    "fd00:ec2::123",
    "fd00:ec2::23",
    "100.100.100.200",
    "192.0.0.192",
    "fd20:ce::254",
    "::1",
    "0.0.0.0",
    "::",
];

/// Reads an address of these tables.
pub(super) fn parse(text: &str) -> IpAddr {
    let Some(start) = text.strip_suffix('*') else {
        return text.parse().unwrap();
    };
    let missing = 8 - start.matches(':').count();
    format!("{start}{}", vec!["ffff"; missing].join(":"))
        .parse()
        .unwrap()
}

/// An address as a number. Both families have their own numbers, so they are never compared.
pub(super) fn bits(address: IpAddr) -> u128 {
    let octets = match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    };
    octets
        .iter()
        .fold(0, |number, octet| number * 256 + u128::from(*octet))
}

/// A number as an address of a family.
pub(super) fn address(bits: u128, is_v6: bool) -> IpAddr {
    if is_v6 {
        IpAddr::V6(Ipv6Addr::from(bits))
    } else {
        IpAddr::V4(Ipv4Addr::from(u32::try_from(bits).unwrap()))
    }
}

/// The first and last number of a block.
pub(super) fn range(block: &str) -> (u128, u128) {
    let (first, prefix) = block.split_once('/').unwrap();
    let width = if block.contains(':') { 128 } else { 32 };
    let size = 2_u128.pow(width - prefix.parse::<u32>().unwrap());
    let first = bits(first.parse().unwrap());
    assert_eq!(first % size, 0, "{block}");
    (first, first + (size - 1))
}

/// What is public, by the definition of `egress::blocks` and nothing of its code.
pub(super) struct Oracle {
    v4: Vec<(u128, u128)>,
    v6: Vec<(u128, u128)>,
}

impl Oracle {
    pub(super) fn new() -> Self {
        let ranges = |is_v6| {
            let blocks = BLOCKS.iter().map(|row| row.block);
            blocks
                .filter(|block| block.contains(':') == is_v6)
                .map(range)
                .collect()
        };
        Self {
            v4: ranges(false),
            v6: ranges(true),
        }
    }

    pub(super) fn is_public(&self, address: IpAddr) -> bool {
        let number = bits(address);
        let outside =
            |ranges: &[(u128, u128)]| !ranges.iter().any(|(a, z)| *a <= number && number <= *z);
        if address.is_ipv4() {
            return outside(&self.v4);
        }
        let interface = number / 2_u128.pow(32) % 2_u128.pow(32);
        number / 2_u128.pow(125) == 1
            && interface != 0x0000_5efe
            && interface != 0x0200_5efe
            && outside(&self.v6)
    }
}

pub(super) fn is_public(address: IpAddr) -> bool {
    Oracle::new().is_public(address)
}
