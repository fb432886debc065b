//! A CRM's name stands in its own files, in the registry lines and in the template's one list.

use hub_connectors::{WEBHOOKS, connectable};
use hub_tidy::{Offender, Tree, assert_none, lines_with, names_word, yaml::Node};

use crate::template::{TEMPLATE, crm_list};

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
        let mut parts = path.split('/');
        let group = parts.next().unwrap_or_default();
        if !["shared", "functions", "local"].contains(&group) || parts.nth(1) == Some("tests") {
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
    assert_none(
        "a CRM's name stands only in its own files and in the registry lines",
        &in_code(
            Tree::repository(),
            &connectable().chain([WEBHOOKS]).collect::<Vec<_>>(),
        ),
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
    assert_eq!(
        places(in_template(&tree, &["acme"])),
        ["template.yaml:6", "template.yaml:11"]
    );
}
