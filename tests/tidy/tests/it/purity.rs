//! `domain` and `connectors` do nothing but compute: no waiting, no clock, no environment.

use hub_tidy::{Offender, Tree, assert_none, rust::lines_of};

const PURE: &[&str] = &["shared/domain/src/", "shared/connectors/src/"];
const FORBIDDEN: &[(&[&str], &str)] = &[
    (&["async"], "waits"),
    (&["await"], "waits"),
    (&["SystemTime", "::", "now"], "reads the clock"),
    (&["Timestamp", "::", "now"], "reads the clock"),
    (&["Zoned", "::", "now"], "reads the clock"),
    (&["Instant", "::", "now"], "reads the clock"),
    (&["std", "::", "env"], "reads the environment"),
    // `use std::{env, …}` and what then uses it; `env!` is a constant.
    (&["env", "::"], "reads the environment"),
];

fn impure(tree: &Tree) -> Vec<Offender> {
    let sources = tree.sources(&["shared"]);
    let mut found = Vec::new();
    for source in sources
        .iter()
        .filter(|source| PURE.iter().any(|folder| source.path.starts_with(folder)))
    {
        for (texts, why) in FORBIDDEN {
            let lines = lines_of(source.all(), texts);
            found.extend(lines.into_iter().map(|line| {
                Offender::new(source.path, line, format!("`{}` {why}", texts.concat()))
            }));
        }
    }
    // `std::env::var` is found twice.
    found.sort();
    found.dedup_by_key(|offender| (offender.path.clone(), offender.line));
    found
}

#[test]
fn domain_and_connectors_are_pure() {
    assert_none(
        "domain and connectors have no async, no clock and no environment",
        &impure(Tree::repository()),
    );
}

#[test]
fn made_up_offenders_are_found() {
    let tree = Tree::of(&[
        (
            "shared/domain/src/a.rs",
            "// async, std::env\nconst A: &str = \"SystemTime::now\";\nasync fn a() {}\n",
        ),
        (
            "shared/connectors/src/b.rs",
            "use std::{env, fmt};\nfn b() { env::var(\"X\"); Timestamp::now(); }\nfn c() { std::env::args() }",
        ),
        (
            "shared/engine/src/c.rs",
            "async fn c() { Timestamp::now() }",
        ),
    ]);
    let places: Vec<String> = impure(&tree)
        .iter()
        .map(|o| format!("{}:{}", o.path, o.line))
        .collect();
    assert_eq!(
        places,
        [
            "shared/connectors/src/b.rs:2",
            "shared/connectors/src/b.rs:3",
            "shared/domain/src/a.rs:3"
        ]
    );
}
