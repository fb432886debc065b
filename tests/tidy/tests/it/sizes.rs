//! Files that can be read at one go, and a `main` that only wires.

use hub_tidy::{Offender, Tree, assert_none, rust::Source, rust::lines_of};

use crate::crates::crates;

/// Lines of a file, tests not counted.
const MOST_LINES: usize = 400;
/// Lines of a function's `main.rs`: fewer than this.
const MAIN_LINES: usize = 40;
/// Longer files, and why each has to be.
const MAY_BE_LONG: &[(&str, &str)] = &[];

fn long_files(tree: &Tree, excepted: &[(&str, &str)]) -> Vec<Offender> {
    let is_excepted = |path: &str| excepted.iter().any(|(excepted, _)| *excepted == path);
    let sources = tree.sources(&["shared", "functions", "local", "tests"]);
    let long: Vec<_> = sources
        .iter()
        .filter(|source| source.lines() > MOST_LINES)
        .collect();
    let stale = excepted
        .iter()
        .filter(|(path, _)| !long.iter().any(|source| source.path == *path));
    long.iter()
        .filter(|source| !is_excepted(source.path))
        .map(|source| {
            Offender::new(
                source.path,
                MOST_LINES,
                format!("has {} lines before its tests", source.lines()),
            )
        })
        .chain(stale.map(|(path, _)| {
            Offender::new(*path, 0, "is an exception to this rule and needs not be")
        }))
        .collect()
}

fn mains(tree: &Tree) -> Vec<Offender> {
    let mut found = Vec::new();
    for function in crates(tree)
        .iter()
        .filter(|member| member.folder.starts_with("functions/"))
    {
        let path = format!("{}/src/main.rs", function.folder);
        let Some(text) = tree.get(&path) else {
            found.push(Offender::new(path, 0, "is missing"));
            continue;
        };
        let lines = text.lines().count();
        if lines >= MAIN_LINES {
            found.push(Offender::new(
                &path,
                MAIN_LINES,
                format!("has {lines} lines: fewer than {MAIN_LINES} are wiring"),
            ));
        }
        for line in lines_of(Source::new(&path, text).all(), &["if"]) {
            found.push(Offender::new(
                &path,
                line,
                "`if` is a decision, and belongs into the library, where it is tested",
            ));
        }
        let bins = function
            .manifest
            .get("bin")
            .and_then(toml::Value::as_array)
            .into_iter()
            .flatten();
        let untested = bins
            .filter(|bin| bin.get("test").and_then(toml::Value::as_bool) == Some(false))
            .count();
        if untested != 1 {
            found.push(Offender::new(
                format!("{}/Cargo.toml", function.folder),
                0,
                "has no [[bin]] with `test = false`",
            ));
        }
    }
    found
}

#[test]
fn files_are_split_before_they_are_long() {
    assert_none(
        "a file has at most 400 lines before its tests",
        &long_files(Tree::repository(), MAY_BE_LONG),
    );
}

#[test]
fn mains_only_wire() {
    assert_none(
        "functions/*/src/main.rs is under 40 lines, without `if`, and its binary has no tests",
        &mains(Tree::repository()),
    );
}

#[test]
fn made_up_offenders_are_found() {
    let long = "\n".repeat(401);
    let tested = format!(
        "{}#[cfg(test)]\nmod tests {{\n{}}}\n",
        "\n".repeat(400),
        "\n".repeat(300)
    );
    let tree = Tree::of(&[
        ("shared/a/src/long.rs", long.as_str()),
        ("shared/a/src/tested.rs", tested.as_str()),
        ("shared/a/tests/it/main.rs", long.as_str()),
        (
            "functions/b/Cargo.toml",
            "[package]\nname = \"b\"\n[[bin]]\nname = \"b\"\n",
        ),
        (
            "functions/b/src/main.rs",
            "fn main() {\n    if true {}\n}\n",
        ),
        (
            "functions/c/Cargo.toml",
            "[package]\nname = \"c\"\n[[bin]]\nname = \"c\"\ntest = false\n",
        ),
        ("functions/c/src/main.rs", &long[..40]),
    ]);
    let places = |found: Vec<Offender>| -> Vec<String> {
        found
            .iter()
            .map(|o| format!("{}:{}", o.path, o.line))
            .collect()
    };
    assert_eq!(places(long_files(&tree, &[])), ["shared/a/src/long.rs:400"]);
    assert_eq!(
        places(long_files(
            &tree,
            &[
                ("shared/a/src/long.rs", "why"),
                ("shared/a/src/tested.rs", "why")
            ]
        )),
        ["shared/a/src/tested.rs:0"]
    );
    assert_eq!(
        places(mains(&tree)),
        [
            "functions/b/src/main.rs:2",
            "functions/b/Cargo.toml:0",
            "functions/c/src/main.rs:40"
        ]
    );
}
