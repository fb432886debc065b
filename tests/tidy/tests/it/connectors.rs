//! Every CRM of the registry has all it needs, and nothing is there for a CRM that is not.

use std::collections::BTreeSet;

use hub_connectors::{CONNECTED, CRMS, WEBHOOKS};
use hub_tidy::{
    Offender, Tree, assert_none,
    rust::{Kind, Source, sequence},
    yaml::Node,
};

use crate::template::{TEMPLATE, crm_list};

const CONNECTORS: &str = "shared/connectors/src/lib.rs";
const SANDBOX: &str = "local/sandbox/src/lib.rs";

/// The guide for systems that are no CRM of the registry.
const OWN_SYSTEMS: &str = "webhooks.md";
/// The receiver of their webhooks, among the sandboxes.
const RECEIVER: &str = "receiver";

/// Where something of a CRM lies: the folder, and what follows the CRM's name (one of them).
const PLACES: &[(&str, &[&str])] = &[
    ("shared/connectors/manifests/", &[".toml"]),
    ("shared/connectors/src/", &[".rs"]),
    ("shared/connectors/fixtures/", &["/"]),
    ("local/sandbox/src/", &[".rs", "/mod.rs"]),
    ("docs/setup/", &[".md"]),
];

fn missing(tree: &Tree, crms: &[&str]) -> Vec<Offender> {
    let mut found = Vec::new();
    for crm in crms {
        for (folder, endings) in PLACES {
            let is_there = tree.below(folder).any(|(rest, _)| {
                rest.strip_prefix(crm).is_some_and(|rest| {
                    endings.iter().any(|ending| {
                        if *ending == "/" {
                            rest.starts_with(ending)
                        } else {
                            rest == *ending
                        }
                    })
                })
            });
            if !is_there {
                found.push(Offender::new(
                    format!("{folder}{crm}{}", endings[0]),
                    0,
                    format!("is missing for {crm} of the registry"),
                ));
            }
        }
        if !listed(tree).iter().any(|(listed, _)| listed == crm) {
            found.push(Offender::new(
                TEMPLATE,
                0,
                format!("{crm} of the registry is not in the list `Crms`"),
            ));
        }
        if !sandboxes(tree).iter().any(|(name, _)| name == crm) {
            found.push(Offender::new(
                SANDBOX,
                0,
                format!("{crm} has no line in the sandbox's registry"),
            ));
        }
    }
    found
}

/// `connected` are those that have a manifest and a sandbox, and no connector yet.
fn left_over(tree: &Tree, crms: &[&str], connected: &[&str]) -> Vec<Offender> {
    let written = |name: &str| crms.contains(&name);
    let is_crm = |name: &str| written(name) || connected.contains(&name);
    let mut found = Vec::new();
    for (folder, lib) in [
        ("shared/connectors/src/", CONNECTORS),
        ("local/sandbox/src/", SANDBOX),
    ] {
        // Modules that are declared are no CRM's.
        let declared = declared_modules(tree, lib);
        let names = tree
            .names_in(folder)
            .into_iter()
            .filter(|name| name != "lib.rs" && name != "README.md");
        found.extend(
            names
                .filter(|name| {
                    let stem = name.trim_end_matches(".rs");
                    let has_code = if lib == SANDBOX {
                        is_crm(stem) || stem == RECEIVER
                    } else {
                        written(stem)
                    };
                    !has_code && !declared.contains(stem)
                })
                .map(|name| {
                    Offender::new(
                        format!("{folder}{name}"),
                        0,
                        "belongs to no CRM of the registry",
                    )
                }),
        );
    }
    for folder in [
        "shared/connectors/manifests/",
        "shared/connectors/fixtures/",
        "docs/setup/",
    ] {
        let names = tree
            .names_in(folder)
            .into_iter()
            .filter(|name| !["README.md", OWN_SYSTEMS].contains(&name.as_str()));
        found.extend(
            names
                .filter(|name| {
                    let crm = name.split('.').next().unwrap_or_default();
                    !written(crm) && (folder.ends_with("fixtures/") || !is_crm(crm))
                })
                .map(|name| {
                    Offender::new(
                        format!("{folder}{name}"),
                        0,
                        "belongs to no CRM of the registry",
                    )
                }),
        );
    }
    let unknown = |path: &str, names: Vec<(String, usize)>, known: &dyn Fn(&str) -> bool| {
        names
            .into_iter()
            .filter(|(name, _)| !known(name))
            .map(|(name, line)| {
                Offender::new(path, line, format!("{name} is no CRM of the registry"))
            })
            .collect::<Vec<_>>()
    };
    // The webhooks have queues and a function as a CRM has.
    found.extend(unknown(TEMPLATE, listed(tree), &|name| {
        written(name) || name == WEBHOOKS
    }));
    found.extend(unknown(SANDBOX, sandboxes(tree), &|name| {
        is_crm(name) || name == RECEIVER
    }));
    found
}

fn listed(tree: &Tree) -> Vec<(String, usize)> {
    let root = Node::parse(tree.get(TEMPLATE).unwrap_or_default()).unwrap_or_default();
    crm_list(&root)
}

/// The entries of the sandbox's registry: `name: port =>`.
fn sandboxes(tree: &Tree) -> Vec<(String, usize)> {
    let source = Source::new(SANDBOX, tree.get(SANDBOX).unwrap_or_default());
    let tokens = source.code();
    let is_entry = |at: &usize| {
        sequence(&tokens, at + 1, &[":"])
            && tokens
                .get(at + 2)
                .is_some_and(|token| token.kind == Kind::Number)
            && sequence(&tokens, at + 3, &["=>"])
    };
    (0..tokens.len())
        .filter(is_entry)
        .map(|at| (tokens[at].text.to_owned(), tokens[at].line))
        .collect()
}

fn declared_modules(tree: &Tree, lib: &str) -> BTreeSet<String> {
    let source = Source::new(lib, tree.get(lib).unwrap_or_default());
    let registered: BTreeSet<String> = if lib == SANDBOX {
        sandboxes(tree).into_iter().map(|(name, _)| name).collect()
    } else {
        BTreeSet::new()
    };
    let modules = source
        .all()
        .windows(3)
        .filter(|three| three[0].text == "mod" && three[2].text == ";")
        .map(|three| three[1].text.to_owned());
    modules.filter(|name| !registered.contains(name)).collect()
}

#[test]
fn every_crm_is_whole() {
    assert_none(
        "a CRM has a manifest, code, fixtures, a sandbox, a setup guide and its place in the template's list",
        &missing(Tree::repository(), CRMS),
    );
}

#[test]
fn nothing_is_left_over_of_a_crm_that_is_not_there() {
    assert_none(
        "no manifest, code, fixtures, sandbox or setup guide without a CRM of the registry",
        &left_over(Tree::repository(), CRMS, CONNECTED),
    );
}

#[test]
fn made_up_offenders_are_found() {
    let tree = Tree::of(&[
        (CONNECTORS, "mod registry;\ncrms! { acme }\n"),
        ("shared/connectors/src/registry.rs", ""),
        ("shared/connectors/src/acme.rs", ""),
        ("shared/connectors/src/acme/body.rs", ""),
        ("shared/connectors/src/zeta.rs", ""),
        ("shared/connectors/manifests/acme.toml", ""),
        ("shared/connectors/manifests/zeta.toml", ""),
        ("shared/connectors/fixtures/README.md", ""),
        ("shared/connectors/fixtures/zeta/a.json", ""),
        (
            SANDBOX,
            "mod frame;\nmod acme;\nmod zeta;\nframe::registry! {\n    acme: 4101 => acme::Acme,\n    zeta: 4102 => zeta::Zeta,\n}\n",
        ),
        ("local/sandbox/src/frame/mod.rs", ""),
        ("local/sandbox/src/acme/mod.rs", ""),
        ("local/sandbox/src/zeta.rs", ""),
        ("docs/setup/zeta.md", ""),
        (
            TEMPLATE,
            "Resources:\n  Fn::ForEach::Crms:\n    - Crm\n    - [acme, zeta]\n    - {}\n",
        ),
    ]);
    let places = |found: Vec<Offender>| -> Vec<String> {
        found
            .iter()
            .map(|o| format!("{}:{}", o.path, o.line))
            .collect()
    };
    assert_eq!(
        places(missing(&tree, &["acme"])),
        ["shared/connectors/fixtures/acme/:0", "docs/setup/acme.md:0"]
    );
    assert_eq!(
        places(left_over(&tree, &["acme"], &[])),
        [
            "shared/connectors/src/zeta.rs:0",
            "local/sandbox/src/zeta.rs:0",
            "shared/connectors/manifests/zeta.toml:0",
            "shared/connectors/fixtures/zeta:0",
            "docs/setup/zeta.md:0",
            "template.yaml:4",
            "local/sandbox/src/lib.rs:6",
        ]
    );
    // One that can only be connected has a manifest, a sandbox and a guide, and nothing else.
    assert_eq!(
        places(left_over(&tree, &["acme"], &["zeta"])),
        [
            "shared/connectors/src/zeta.rs:0",
            "shared/connectors/fixtures/zeta:0",
            "template.yaml:4",
        ]
    );
    assert_eq!(places(missing(&tree, &["other"])).len(), 7);
}
