//! The rules against IANA's registries, spellings, names, and real clients.

mod certificate;
mod registry;
mod spelling;
mod tap;
mod targets;
mod tls;
mod wire;

use super::*;
use registry::{BLOCKS, ENDPOINTS, GLOBAL_UNICAST, Row, bits, is_public, parse};
use spelling::{Means, Rng, V4, V6, url_of};

#[test]
fn every_block_is_refused_and_its_neighbours_are_what_the_table_says() {
    for Row {
        block,
        first,
        last,
        before,
        after,
    } in BLOCKS
    {
        for inside in [first, last] {
            assert!(special(parse(inside)).is_some(), "{inside} of {block}");
        }
        for neighbour in [before, after].into_iter().filter(|text| !text.is_empty()) {
            let (sign, text) = neighbour.split_at(1);
            let expected = sign == "+";
            assert_eq!(
                special(parse(text)).is_none(),
                expected,
                "{text} beside {block}"
            );
        }
    }
    let (first, last) = GLOBAL_UNICAST;
    assert_eq!(special(parse(first)), None);
    // The last is within no special block either.
    assert_eq!(special(parse(last)), None);
    assert!(special(parse("1fff:*")).is_some());
    assert!(special(parse("4000::")).is_some());
    for isatap in [
        "2600::5efe:10.0.0.1",
        "2600::200:5efe:10.0.0.1",
        "2600:1:2:3:0:5efe:808:808",
    ] {
        assert_eq!(special(parse(isatap)), Some("ISATAP"), "{isatap}");
    }
    for near in ["2600::5eff:10.0.0.1", "2600::100:5efe:10.0.0.1"] {
        assert_eq!(special(parse(near)), None, "{near}");
    }
}

/// The oracle of the generated targets knows the blocks as prefixes; here it meets the addresses
/// that were written by hand.
#[test]
fn the_oracle_agrees_with_the_table() {
    let v4 = BLOCKS.iter().filter(|row| !row.block.contains(':')).count();
    assert_eq!((v4, BLOCKS.len() - v4), (26 + 1, 25 + 4));
    for row in BLOCKS {
        let (first, last) = registry::range(row.block);
        assert_eq!(
            (first, last),
            (bits(parse(row.first)), bits(parse(row.last))),
            "{}",
            row.block
        );
        if !row.before.is_empty() {
            assert_eq!(first - 1, bits(parse(&row.before[1..])), "{}", row.block);
            assert_eq!(is_public(parse(&row.before[1..])), &row.before[..1] == "+");
        }
        if !row.after.is_empty() {
            assert_eq!(last + 1, bits(parse(&row.after[1..])), "{}", row.block);
            assert_eq!(is_public(parse(&row.after[1..])), &row.after[..1] == "+");
        }
    }
}

/// Each corner of each block, and each endpoint of Lambda and its kin, in every spelling there is.
#[test]
fn every_spelling_of_every_corner_is_judged_by_its_address() {
    assert!(V4.len() >= 12 && V6.len() >= 12);
    let corners = BLOCKS.iter().flat_map(Row::corners);
    let (mut forbidden, mut public) = (0, 0);
    for (seed, address) in corners
        .chain(ENDPOINTS.iter().copied().map(parse))
        .enumerate()
    {
        let mut rng = Rng::new(seed as u64);
        for (name, spelled) in spelling::all(address, &mut rng) {
            let text = format!("https://{}/", spelled.host);
            let judged = Url::parse(&text).map(|url| check(&url, &Allowed::default()));
            match spelled.means {
                Means::Address(address) if is_public(address) => {
                    public += 1;
                    assert_eq!(judged, Ok(Ok(Reach::Public)), "{name}: {text}");
                }
                Means::Address(address) => {
                    forbidden += 1;
                    let what = special(address).unwrap();
                    assert_eq!(judged, Ok(Err(Refused::Address(what))), "{name}: {text}");
                }
                Means::Nothing => assert!(judged.is_err(), "{name}: {text}"),
            }
        }
    }
    assert!(forbidden > 4_000 && public > 700, "{forbidden} {public}");
}

#[test]
fn names_of_a_network_are_refused_and_names_like_them_are_not() {
    for name in spelling::INSIDE {
        for spelled in spelling::names(name) {
            assert_eq!(
                check(&url_of(&spelled), &Allowed::default()),
                Err(Refused::Address("a name inside a network")),
                "{spelled}"
            );
        }
    }
    for name in spelling::OUTSIDE {
        for spelled in spelling::names(name) {
            assert_eq!(
                check(&url_of(&spelled), &Allowed::default()),
                Ok(Reach::Public),
                "{spelled}"
            );
        }
    }
}

#[test]
fn only_https_on_443_without_credentials_and_the_allow_list_is_exact() {
    let allowed = Allowed::new(["127.0.0.1:4101", "Sandbox.example:4101"].map(str::to_owned));
    let judged = |text: &str| check(&Url::parse(text).unwrap(), &allowed);
    for (text, why) in [
        ("http://crm.example/", Refused::Scheme),
        ("http://crm.example:443/", Refused::Scheme),
        ("https://crm.example:8443/", Refused::Scheme),
        ("ftp://crm.example/", Refused::Scheme),
        ("wss://crm.example/", Refused::Scheme),
        ("file:///etc/passwd", Refused::Scheme),
        ("https://user@crm.example/", Refused::Host),
        ("https://:secret@crm.example/", Refused::Host),
        ("https://8.8.8.8@127.0.0.1/", Refused::Host),
        // Exempt on one port is exempt on that port, under that name, and over HTTP.
        ("https://127.0.0.1:4102/", Refused::Scheme),
        ("http://127.0.0.1/", Refused::Scheme),
        ("https://127.0.0.1/", Refused::Address("loopback")),
        ("http://127.0.0.2:4101/", Refused::Scheme),
        ("http://[::ffff:127.0.0.1]:4101/", Refused::Scheme),
        ("http://sandbox.example.:4101/", Refused::Scheme),
        ("http://a.sandbox.example:4101/", Refused::Scheme),
        ("http://user@127.0.0.1:4101/", Refused::Host),
        ("ftp://127.0.0.1:4101/", Refused::Scheme),
        ("crm://127.0.0.1:4101/", Refused::Scheme),
    ] {
        assert_eq!(judged(text), Err(why), "{text}");
    }
    for (text, reach) in [
        ("http://127.0.0.1:4101/x", Reach::Exempt),
        ("http://0x7f.1:4101/x", Reach::Exempt),
        ("https://sandbox.EXAMPLE:4101/", Reach::Exempt),
        ("https://sandbox.example/", Reach::Public),
        ("https://crm.example/", Reach::Public),
        ("https://CRM.example:443/y", Reach::Public),
        ("https://8.8.8.8/", Reach::Public),
    ] {
        assert_eq!(judged(text), Ok(reach), "{text}");
    }
}
