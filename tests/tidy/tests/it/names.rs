//! Where a CRM's name stands: in its own files, in the registry lines, in the template's one list, and in the few lists that
//! every CRM is in. So this says what a new CRM touches, and a list that it would have to be added to by hand is found the
//! day it is written.

mod lists;

use hub_connectors::{WEBHOOKS, connectable};
use hub_tidy::{Offender, Tree, assert_none, lines_with, names_word, yaml::Node};

use crate::template::{TEMPLATE, crm_list};
use lists::{LISTS, MEASURED, ORDINARY, STORIES};

/// Whether a file is a CRM's own: what is deployed, what runs locally, what is written about it, and its tests.
fn is_own_file(path: &str, crm: &str) -> bool {
    let below = |folder: &str, rest: &[&str]| {
        path.strip_prefix(folder)
            .and_then(|path| path.strip_prefix(crm))
            .is_some_and(|after| rest.iter().any(|rest| after.starts_with(rest)))
    };
    below("shared/connectors/manifests/", &[".toml"])
        || below("shared/connectors/src/", &[".rs", "/"])
        || below("shared/connectors/fixtures/", &["/"])
        || below("local/sandbox/src/", &[".rs", "/"])
        || below("local/sandbox/tests/it/", &[".rs", "/"])
        || below("shared/connectors/tests/it/specs/", &[".rs", "/"])
        || below("docs/setup/", &[".md"])
        || below("events/Deliver", &["Function."])
        || below("tests/clients/", &["_"])
}

fn is_registry_line(path: &str, line: &str, crm: &str) -> bool {
    let line = line.trim();
    // What stands for the webhooks is named where the CRMs are.
    let webhooks = format!("pub const WEBHOOKS: &str = \"{crm}\";");
    match path {
        "shared/connectors/src/lib.rs" => line == crm || line == webhooks,
        "local/sandbox/src/lib.rs" => {
            line == format!("mod {crm};") || line.starts_with(&format!("{crm}: "))
        }
        _ => false,
    }
}

/// Names in what is deployed and in what runs locally; tests may name a CRM.
fn in_code(tree: &Tree, crms: &[&str]) -> Vec<Offender> {
    let mut found = Vec::new();
    for (path, text) in tree.files() {
        if !is_code(path) {
            continue;
        }
        for crm in crms.iter().filter(|crm| !is_own_file(path, crm)) {
            if path.split('/').any(|part| names_word(part, crm)) {
                found.push(Offender::new(
                    path,
                    0,
                    format!("{crm} in the name of a file that is not its own"),
                ));
            }
            for (line, text) in lines_with(text, |line| names_word(line, crm)) {
                if !is_registry_line(path, text, crm) {
                    found.push(Offender::new(
                        path,
                        line,
                        format!("names {crm}: {}", text.trim()),
                    ));
                }
            }
        }
    }
    found
}

/// Whether a file is deployed or runs locally.
fn is_code(path: &str) -> bool {
    let mut parts = path.split('/');
    let group = parts.next().unwrap_or_default();
    ["shared", "functions", "local"].contains(&group) && parts.nth(1) != Some("tests")
}

/// The first line that names a CRM: by its id, or as its vendor parts it (`acme365`: Acme 365).
fn named(text: &str, crm: &str) -> Option<usize> {
    let letters = crm.trim_end_matches(|c: char| c.is_ascii_digit());
    let digits = crm.strip_prefix(letters).unwrap_or_default();
    let parted = |line: &str| {
        let mut words = line.split_whitespace().zip(line.split_whitespace().skip(1));
        !digits.is_empty()
            && words.any(|(first, second)| names_word(first, letters) && second.starts_with(digits))
    };
    let mut lines = lines_with(text, |line| names_word(line, crm) || parted(line));
    lines.next().map(|(line, _)| line)
}

/// Names in tests, documents and whatever else is not code: `lists` have every CRM, `stories` those that they are about.
fn elsewhere(
    tree: &Tree,
    crms: &[&str],
    lists: &[(&str, &str)],
    stories: &[(&str, &[&str])],
) -> Vec<Offender> {
    let mut found = Vec::new();
    for (path, says) in lists {
        let text = tree.get(path).unwrap_or_default();
        for crm in crms.iter().filter(|crm| named(text, crm).is_none()) {
            found.push(Offender::new(
                *path,
                0,
                format!("has nothing of {crm}: {says}"),
            ));
        }
    }
    for (path, about) in stories {
        let text = tree.get(path).unwrap_or_default();
        for crm in about.iter().filter(|crm| named(text, crm).is_none()) {
            found.push(Offender::new(
                *path,
                0,
                format!("is no story of {crm} any more: take it out of STORIES"),
            ));
        }
    }
    for (path, text) in tree.files() {
        if is_code(path) || MEASURED.contains(&path) || lists.iter().any(|(list, _)| *list == path)
        {
            continue;
        }
        let here: Vec<(&str, usize)> = crms
            .iter()
            .filter(|crm| !is_own_file(path, crm))
            .filter_map(|crm| Some((*crm, named(text, crm)?)))
            .collect();
        if here.len() == crms.len() {
            found.push(Offender::new(path, 0, "names every CRM, so a new one would have to be added: take them from the registry (hub_connectors::CRMS)"));
            continue;
        }
        let about = stories
            .iter()
            .find(|(story, _)| *story == path)
            .map_or(&[][..], |(_, about)| about);
        for (crm, line) in here {
            if !ORDINARY.contains(&crm) && !about.contains(&crm) {
                found.push(Offender::new(path, line, format!(
                    "names {crm}: what is true of every CRM comes from the registry, what is its own belongs into its own files or its setup guide, an example is of {}; a story of what only {crm} does goes into STORIES", ORDINARY.join(" or "))));
            }
        }
    }
    found
}

/// Names in the template, but for the list and the keys of its mappings.
fn in_template(tree: &Tree, crms: &[&str]) -> Vec<Offender> {
    let text = tree.get(TEMPLATE).unwrap_or_default();
    let root = Node::parse(text).unwrap_or_default();
    let listed = crm_list(&root).into_iter().map(|(_, line)| line);
    let mappings = root.get("Mappings").into_iter().flat_map(Node::entries);
    let keys = mappings
        .flat_map(|(_, mapping)| mapping.entries())
        .map(|(key, _)| key.line);
    let allowed: Vec<usize> = listed.chain(keys).collect();
    crms.iter()
        .flat_map(|crm| {
            lines_with(text, |line| names_word(line, crm))
                .map(move |(line, text)| (line, text, crm))
        })
        .filter(|(line, _, _)| !allowed.contains(line))
        .map(|(line, text, crm)| {
            Offender::new(TEMPLATE, line, format!("names {crm}: {}", text.trim()))
        })
        .collect()
}

#[test]
fn a_crm_is_named_only_in_its_own_files() {
    let tree = Tree::repository();
    let crms: Vec<&str> = connectable().collect();
    let mut found = in_code(tree, &connectable().chain([WEBHOOKS]).collect::<Vec<_>>());
    found.extend(elsewhere(tree, &crms, LISTS, STORIES));
    assert_none(
        "a CRM's name stands in its own files, in the registry lines and in the lists of all CRMs",
        &found,
    );
}

#[test]
fn the_template_names_a_crm_only_in_its_list() {
    assert_none(
        "template.yaml names CRMs only in the list `Crms` and as keys of its mappings",
        &in_template(
            Tree::repository(),
            &connectable().chain([WEBHOOKS]).collect::<Vec<_>>(),
        ),
    );
}

#[test]
fn made_up_offenders_are_found() {
    let template = "Mappings:\n  Deliver:\n    default: { A: 1 }\n    acme: { A: 2 }\nResources:\n  # Acme is slow\n  Fn::ForEach::Crms:\n    - Crm\n    - [acme]\n    - {}\n  Q: { N: acme-live }\n";
    let tree = Tree::of(&[
        (
            "shared/connectors/src/lib.rs",
            "crms! {\n    acme\n}\npub use acme::X;\n",
        ),
        (
            "shared/connectors/src/acme.rs",
            "struct Acme;\n// better than Zeta\n",
        ),
        ("shared/connectors/src/acme/body.rs", "acme"),
        ("shared/connectors/src/acme_more.rs", ""),
        ("shared/connectors/manifests/acme.toml", "acme"),
        (
            "shared/engine/src/lib.rs",
            "// As Acme does.\nfn pacmen() {}\nif x == \"ACME\" {}\nlet a = AcmeClient;\n",
        ),
        (
            "local/sandbox/src/lib.rs",
            "mod acme;\nacme: 4101 => acme::Acme,\n",
        ),
        ("shared/engine/tests/it/main.rs", "acme"),
        ("template.yaml", template),
    ]);
    let places = |found: Vec<Offender>| -> Vec<String> {
        found
            .iter()
            .map(|o| format!("{}:{}", o.path, o.line))
            .collect()
    };
    assert_eq!(
        places(in_code(&tree, &["acme", "zeta"])),
        [
            "shared/connectors/src/acme.rs:2",
            "shared/connectors/src/acme_more.rs:0",
            "shared/connectors/src/lib.rs:4",
            "shared/engine/src/lib.rs:1",
            "shared/engine/src/lib.rs:3",
            "shared/engine/src/lib.rs:4",
        ]
    );
    // A list without one, a story that is no more, a list that nobody declared, and an example of one that is no ordinary CRM.
    let tree = Tree::of(&[
        ("README.md", "Acme 365, Zeta and salesforce\n"),
        ("LIST.md", "zeta and hubspot\n"),
        ("docs/setup/zeta.md", "acme365? Not here.\n"),
        ("docs/OTHER.md", "Salesforce\nZeta, Acme365\n"),
        ("tests/e2e/tests/it/story.rs", "\n\"zeta\"\n"),
        ("tests/e2e/tests/it/odd.rs", "x\n\"zeta\", \"salesforce\"\n"),
        ("tests/clients/zeta_plain.py", "zeta\n"),
        ("events/DeliverzetaFunction.live.json", "zeta\n"),
    ]);
    let lists = [("README.md", "a word"), ("LIST.md", "a word")];
    let stories: [(&str, &[&str]); 1] = [("tests/e2e/tests/it/story.rs", &["zeta", "acme365"])];
    assert_eq!(
        places(elsewhere(
            &tree,
            &["acme365", "zeta", "salesforce"],
            &lists,
            &stories
        )),
        [
            "LIST.md:0",
            "LIST.md:0",
            "tests/e2e/tests/it/story.rs:0",
            "docs/OTHER.md:0",
            "docs/setup/zeta.md:1",
            "tests/e2e/tests/it/odd.rs:2",
        ]
    );
    let tree = Tree::of(&[("template.yaml", template)]);
    assert_eq!(
        places(in_template(&tree, &["acme"])),
        ["template.yaml:6", "template.yaml:11"]
    );
}
