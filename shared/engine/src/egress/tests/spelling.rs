//! The ways to write one host, and what each means by the URL standard.

use std::{
    fmt::Write as _,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use url::Url;

/// SplitMix64: a target is made again from its seed alone.
pub(super) struct Rng(u64);

impl Rng {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(super) fn wide(&mut self) -> u128 {
        u128::from(self.next()) << 64 | u128::from(self.next())
    }

    pub(super) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap()
    }

    pub(super) fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }

    pub(super) fn in_hundred(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }
}

/// What a spelling stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Means {
    Address(IpAddr),
    /// No host at all: it must not be read as one.
    Nothing,
}

pub(super) struct Spelled {
    pub(super) host: String,
    pub(super) means: Means,
}

type Spell<A> = fn(A, &mut Rng) -> Spelled;

fn same(address: impl Into<IpAddr>, host: String) -> Spelled {
    let means = Means::Address(address.into());
    Spelled { host, means }
}

/// An IPv4 address inside an IPv6 one, which is judged as what it is.
fn within(address: Ipv6Addr) -> Spelled {
    same(address, format!("[{address}]"))
}

fn nothing(host: String) -> Spelled {
    let means = Means::Nothing;
    Spelled { host, means }
}

fn octets(a: Ipv4Addr, each: impl Fn(u8) -> String) -> String {
    a.octets().map(each).join(".")
}

/// Each digit and dot, written by another letter that IDNA maps to it.
fn mapped(a: Ipv4Addr, zero: char, dot: char) -> String {
    let digit = |c: char| char::from_u32(u32::from(zero) + c.to_digit(10)?);
    a.to_string()
        .chars()
        .map(|c| digit(c).unwrap_or(dot))
        .collect()
}

fn percent(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        let _ = write!(out, "%{byte:02x}");
        out
    })
}

fn joined(text: &str, between: &str) -> String {
    let chars: Vec<String> = text.chars().map(String::from).collect();
    chars.join(between)
}

/// Prefix, four octets of an address, rest.
fn wrapped(high: u128, a: Ipv4Addr, shift: u32, rest: u128) -> Ipv6Addr {
    Ipv6Addr::from(high | u128::from(a.to_bits()) << shift | rest)
}

#[rustfmt::skip]
pub(super) const V4: &[(&str, Spell<Ipv4Addr>)] = &[
    ("dotted", |a, _| same(a, a.to_string())),
    ("one number", |a, _| same(a, a.to_bits().to_string())),
    ("one number, hexadecimal", |a, _| same(a, format!("{:#x}", a.to_bits()))),
    ("one number, octal", |a, _| same(a, format!("0{:o}", a.to_bits()))),
    ("hexadecimal", |a, _| same(a, octets(a, |o| format!("{o:#x}")))),
    ("hexadecimal, upper case, zeros", |a, _| same(a, octets(a, |o| format!("0X00{o:02X}")))),
    ("octal", |a, _| same(a, octets(a, |o| format!("0{o:o}")))),
    ("octal, zeros", |a, _| same(a, octets(a, |o| format!("{o:08o}")))),
    ("two parts", |a, _| same(a, format!("{}.{}", a.octets()[0], a.to_bits() & 0x00ff_ffff))),
    ("three parts", |a, _| {
        let [b, c, ..] = a.octets();
        same(a, format!("{b}.{c}.{}", a.to_bits() & 0xffff))
    }),
    ("every radix", |a, _| {
        let [b, c, d, e] = a.octets();
        same(a, format!("{b:#x}.0{c:o}.{d}.{e:#X}").to_lowercase())
    }),
    ("trailing dot", |a, _| same(a, format!("{a}."))),
    ("full width", |a, _| same(a, mapped(a, '０', '．'))),
    ("mathematical, ideographic stop", |a, _| same(a, mapped(a, '𝟎', '。'))),
    ("percent", |a, _| same(a, percent(&a.to_string()))),
    ("percent over full width", |a, _| same(a, percent(&mapped(a, '０', '｡')))),
    ("soft hyphens", |a, _| same(a, joined(&a.to_string(), "\u{ad}"))),
    ("tabs and newlines", |a, _| same(a, joined(&a.to_string(), "\t\r\n"))),
    ("random parts", |a, rng| {
        let parts: Vec<String> = a.octets().iter().map(|o| match rng.below(4) {
            0 => format!("{o:#x}"),
            1 => format!("0{o:o}"),
            2 => format!("{o}"),
            _ => percent(&o.to_string()),
        }).collect();
        same(a, parts.join("."))
    }),
    ("IPv4-mapped", |a, _| same(a.to_ipv6_mapped(), format!("[::ffff:{a}]"))),
    ("IPv4-mapped, hexadecimal", |a, _| {
        let [b, c, d, e] = a.octets();
        same(a.to_ipv6_mapped(), format!("[0:0:0:0:0:FFFF:{b:02X}{c:02X}:{d:02X}{e:02X}]"))
    }),
    ("IPv4-compatible", |a, _| same(wrapped(0, a, 0, 0), format!("[::{a}]"))),
    ("IPv4-translated", |a, _| same(wrapped(0xffff << 48, a, 0, 0), format!("[::ffff:0:{a}]"))),
    ("NAT64", |a, _| same(wrapped(0x0064_ff9b << 96, a, 0, 0), format!("[64:ff9b::{a}]"))),
    ("NAT64, local", |a, _| within(wrapped(0x0064_ff9b_0001 << 80, a, 0, 0))),
    ("6to4", |a, rng| within(wrapped(0x2002 << 112, a, 80, u128::from(rng.next())))),
    ("Teredo", |a, rng| {
        let server = u128::from(rng.next() >> 32) << 64;
        within(wrapped(0x2001 << 112 | server, Ipv4Addr::from(!a.to_bits()), 0, 0))
    }),
    ("ISATAP", |a, _| within(wrapped(0x2600_1f18 << 96 | 0x5efe << 32, a, 0, 0))),
    ("ISATAP, universal", |a, _| within(wrapped(0x2a05_d018 << 96 | 0x0200_5efe << 32, a, 0, 0))),
    ("five parts", |a, _| nothing(format!("{a}.0"))),
    ("too large a part", |a, _| nothing(octets(a, |o| (u32::from(o) + 256).to_string()))),
    ("too large a number", |a, _| nothing((u64::from(a.to_bits()) + (1 << 32)).to_string())),
    ("brackets", |a, _| nothing(format!("[{a}]"))),
    ("zone", |a, _| nothing(format!("[::ffff:{a}%25lo]"))),
];

fn groups(a: Ipv6Addr, each: impl Fn(u16) -> String) -> String {
    a.segments().map(each).join(":")
}

/// All eight groups, of which those from `from` to `to` are left out.
fn compressed(a: Ipv6Addr, from: usize, to: usize) -> String {
    let written: Vec<String> = a.segments().iter().map(|g| format!("{g:x}")).collect();
    format!("{}::{}", written[..from].join(":"), written[to..].join(":"))
}

/// Leaves out the first or the last run of zeros, if there is one: not always the longest.
fn run(a: Ipv6Addr, last: bool) -> String {
    let is_zero = |at: &usize| a.segments()[*at] == 0;
    let found = if last {
        (0..8).rev().find(is_zero)
    } else {
        (0..8).find(is_zero)
    };
    match found {
        None => groups(a, |g| format!("{g:x}")),
        Some(at) => {
            let from = (0..at).rev().take_while(is_zero).last().unwrap_or(at);
            let to = (at..8).take_while(is_zero).last().unwrap_or(at) + 1;
            compressed(a, from, to)
        }
    }
}

fn tail(a: Ipv6Addr) -> Ipv4Addr {
    let [.., high, low] = a.segments();
    Ipv4Addr::from(u32::from(high) << 16 | u32::from(low))
}

fn head(a: Ipv6Addr, each: impl Fn(u16) -> String) -> String {
    a.segments()[..6]
        .iter()
        .map(|g| each(*g))
        .collect::<Vec<_>>()
        .join(":")
}

#[rustfmt::skip]
pub(super) const V6: &[(&str, Spell<Ipv6Addr>)] = &[
    ("canonical", |a, _| same(a, format!("[{a}]"))),
    ("canonical, upper case", |a, _| same(a, format!("[{a}]").to_uppercase())),
    ("whole", |a, _| same(a, format!("[{}]", groups(a, |g| format!("{g:x}"))))),
    ("whole, zeros", |a, _| same(a, format!("[{}]", groups(a, |g| format!("{g:04x}"))))),
    ("whole, upper case", |a, _| same(a, format!("[{}]", groups(a, |g| format!("{g:X}"))))),
    ("whole, zeros, upper case", |a, _| same(a, format!("[{}]", groups(a, |g| format!("{g:04X}"))))),
    ("three digits at least", |a, _| same(a, format!("[{}]", groups(a, |g| format!("{g:03x}"))))),
    ("first run left out", |a, _| same(a, format!("[{}]", run(a, false)))),
    ("last run left out", |a, _| same(a, format!("[{}]", run(a, true)))),
    ("dotted tail", |a, _| same(a, format!("[{}:{}]", head(a, |g| format!("{g:x}")), tail(a)))),
    ("dotted tail, zeros, upper case", |a, _| same(a, format!("[{}:{}]", head(a, |g| format!("{g:04X}")), tail(a)))),
    ("tabs and newlines", |a, _| same(a, joined(&format!("[{a}]"), "\n\t"))),
    ("random case", |a, rng| {
        let upper = rng.next();
        let text = groups(a, |g| format!("{g:x}"));
        let letters = text.chars().enumerate().map(|(at, c)| {
            if upper >> at & 1 == 1 { c.to_ascii_uppercase() } else { c }
        });
        same(a, format!("[{}]", letters.collect::<String>()))
    }),
    ("zone", |a, _| nothing(format!("[{a}%25eth0]"))),
    ("bare zone", |a, _| nothing(format!("[{a}%eth0]"))),
    ("no brackets", |a, _| nothing(a.to_string())),
    ("one bracket", |a, _| nothing(format!("[{a}"))),
    ("two brackets", |a, _| nothing(format!("[[{a}]]"))),
    ("percent", |a, _| nothing(percent(&format!("[{a}]")))),
    ("prefix", |a, _| nothing(format!("[{a}/128]"))),
    ("five digits", |a, _| nothing(format!("[{}]", groups(a, |g| format!("{g:05x}"))))),
    ("dotted tail with octal", |a, _| {
        nothing(format!("[{}:{}]", head(a, |g| format!("{g:x}")), octets(tail(a), |o| format!("{o:04o}"))))
    }),
    ("full width", |a, _| {
        let wide = |c: char| c.to_digit(10).and_then(|d| char::from_u32(0xff10 + d)).unwrap_or(c);
        // Without a decimal digit there is nothing to widen.
        let text: String = groups(a, |g| format!("0{g:x}")).chars().map(wide).collect();
        nothing(format!("[{text}]"))
    }),
];

/// An address in every spelling.
pub(super) fn all(address: IpAddr, rng: &mut Rng) -> Vec<(&'static str, Spelled)> {
    match address {
        IpAddr::V4(a) => V4
            .iter()
            .map(|(name, spell)| (*name, spell(a, rng)))
            .collect(),
        IpAddr::V6(a) => V6
            .iter()
            .map(|(name, spell)| (*name, spell(a, rng)))
            .collect(),
    }
}

/// An address in one; half of those that mean nothing are spelled again.
pub(super) fn one(address: IpAddr, rng: &mut Rng) -> Spelled {
    let spell = |rng: &mut Rng| match address {
        IpAddr::V4(a) => rng.pick(V4).1(a, rng),
        IpAddr::V6(a) => rng.pick(V6).1(a, rng),
    };
    let spelled = spell(rng);
    if spelled.means == Means::Nothing && rng.in_hundred(50) {
        return spell(rng);
    }
    spelled
}

/// Names that mean something inside a network: loopback, metadata, Lambda's and others'.
pub(super) const INSIDE: &[&str] = &[
    "localhost",
    "a.localhost",
    "localhost.localdomain",
    "sandbox.localdomain",
    "metadata.google.internal",
    "instance-data",
    "instance-data.ec2.internal",
    "ip-10-0-0-1.eu-west-1.compute.internal",
    "metadata",
    "printer.local",
    "router.home.arpa",
    "home.arpa",
    "wpad",
    "münchen",
];

/// Names that are like them and are not.
pub(super) const OUTSIDE: &[&str] = &[
    "crm.example",
    "api.crm.example",
    "sandbox.example",
    "localhost.example",
    "internal.example",
    "a.notlocal",
    "crm.myinternal",
    "myhome.arpa",
    "127.0.0.1.nip.example",
    "169-254-169-254.sslip.example",
    "0x7f.example",
    "bücher.example",
    "xn--bcher-kva.example",
];

/// A name in every spelling; all but the one with a dot at its end are the same name.
pub(super) fn names(name: &str) -> Vec<String> {
    let wide = |c: char| match c {
        'a'..='z' => char::from_u32(0xff41 + u32::from(c) - u32::from('a')).unwrap_or(c),
        '.' => '。',
        other => other,
    };
    let full_width: String = name.chars().map(wide).collect();
    vec![
        name.to_owned(),
        name.to_uppercase(),
        format!("{name}."),
        percent(name),
        percent(&full_width),
        joined(name, "\t"),
        // In an A-label nothing is mapped any more.
        if name.contains("xn--") {
            name.to_owned()
        } else {
            full_width
        },
        if name.contains("xn--") {
            name.to_owned()
        } else {
            joined(name, "\u{ad}")
        },
    ]
}

/// A host as an address.
pub(super) fn url_of(host: &str) -> Url {
    Url::parse(&format!("https://{host}/")).unwrap_or_else(|error| panic!("{host}: {error}"))
}
