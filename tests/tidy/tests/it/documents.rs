//! What documents must be there, and that they speak of what is there.

use hub_tidy::{
    Offender, Tree, assert_none, is_rust,
    rust::{Source, sequence},
};

const ARCHITECTURE: &str = "docs/ARCHITECTURE.md";
const INVARIANT: &str = "**Invariant";
const CRATE_DOC: &str = "#![doc = include_str!(\"../README.md\")]";

fn crate_docs(tree: &Tree) -> Vec<Offender> {
    let mut found = Vec::new();
    for folder in tree.names_in("shared/") {
        if tree.get(&format!("shared/{folder}/README.md")).is_none() {
            found.push(Offender::new(
                format!("shared/{folder}/README.md"),
                0,
                "is missing",
            ));
        }
        let lib = format!("shared/{folder}/src/lib.rs");
        if !tree
            .get(&lib)
            .unwrap_or_default()
            .lines()
            .any(|line| line == CRATE_DOC)
        {
            found.push(Offender::new(
                lib,
                1,
                format!("does not begin with `{CRATE_DOC}`"),
            ));
        }
    }
    found
}

/// `0001-one-crypto-library.md`
fn records(tree: &Tree) -> Vec<Offender> {
    let is_named = |name: &str| {
        let Some((number, title)) = name
            .strip_suffix(".md")
            .and_then(|name| name.split_once('-'))
        else {
            return false;
        };
        let is_word = |word: &str| {
            !word.is_empty()
                && word
                    .chars()
                    .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
        };
        number.len() == 4
            && number.chars().all(|c| c.is_ascii_digit())
            && title.split('-').all(is_word)
    };
    let names = tree
        .names_in("docs/adr/")
        .into_iter()
        .filter(|name| !is_named(name));
    names
        .map(|name| Offender::new(format!("docs/adr/{name}"), 0, "is not named NNNN-title.md"))
        .collect()
}

/// The test functions of this crate.
fn tests(tree: &Tree) -> Vec<String> {
    let mut found = Vec::new();
    for (path, text) in tree.below("tests/tidy/").filter(|(path, _)| is_rust(path)) {
        let source = Source::new(path, text);
        let tokens = source.all();
        let names = (0..tokens.len())
            .filter(|at| sequence(tokens, *at, &["#", "[", "test", "]", "fn"]))
            .filter_map(|at| tokens.get(at + 5));
        found.extend(names.map(|name| name.text.to_owned()));
    }
    found
}

/// Each invariant of the architecture names the test that holds it, in backticks, in its paragraph.
fn invariants(tree: &Tree) -> Vec<Offender> {
    let Some(text) = tree.get(ARCHITECTURE) else {
        return vec![Offender::new(
            ARCHITECTURE,
            0,
            "is missing: the invariants have to be written there, each with the test of tests/tidy that holds it",
        )];
    };
    let tests = tests(tree);
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    let mut count = 0;
    for (index, line) in lines
        .iter()
        .enumerate()
        .filter(|(_, line)| line.starts_with(INVARIANT))
    {
        count += 1;
        let paragraph = lines[index..].iter().enumerate().take_while(|(at, line)| {
            *at == 0 || !(line.trim().is_empty() || line.starts_with(INVARIANT))
        });
        let paragraph: Vec<&str> = paragraph.map(|(_, line)| *line).collect();
        let paragraph = paragraph.join("\n");
        // Every second part is in backticks.
        let named = paragraph.split('`').skip(1).step_by(2).any(|code| {
            code.rsplit("::")
                .next()
                .is_some_and(|name| tests.iter().any(|test| test == name))
        });
        if !named {
            found.push(Offender::new(
                ARCHITECTURE,
                index + 1,
                format!("names no test of tests/tidy: {line}"),
            ));
        }
    }
    if count == 0 {
        found.push(Offender::new(
            ARCHITECTURE,
            0,
            format!("has no line that begins with `{INVARIANT}`"),
        ));
    }
    found
}

#[test]
fn every_shared_readme_is_its_crate_doc() {
    assert_none(
        "every crate under shared/ has a README.md, which is its crate doc",
        &crate_docs(Tree::repository()),
    );
}

#[test]
fn decisions_are_numbered() {
    assert_none(
        "docs/adr/ has files named NNNN-title.md",
        &records(Tree::repository()),
    );
}

#[test]
fn every_invariant_has_a_test() {
    assert_none(
        "every invariant of docs/ARCHITECTURE.md names the test that holds it",
        &invariants(Tree::repository()),
    );
}

#[test]
fn made_up_offenders_are_found() {
    let tree = Tree::of(&[
        ("shared/a/README.md", ""),
        (
            "shared/a/src/lib.rs",
            "#![doc = include_str!(\"../README.md\")]\n",
        ),
        ("shared/b/src/lib.rs", "//! B.\n"),
        ("docs/adr/0001-one-crypto-library.md", ""),
        ("docs/adr/2-x.md", ""),
        ("docs/adr/0003_x.md", ""),
        (
            "tests/tidy/tests/it/x.rs",
            "#[test]\nfn held() {}\nfn helper() {}\n",
        ),
        (
            ARCHITECTURE,
            "**Invariant 1.** Held\nby `x::held`.\n**Invariant 2.** By `helper`.\n\n`held`\n",
        ),
    ]);
    let places = |found: Vec<Offender>| -> Vec<String> {
        found
            .iter()
            .map(|o| format!("{}:{}", o.path, o.line))
            .collect()
    };
    assert_eq!(
        places(crate_docs(&tree)),
        ["shared/b/README.md:0", "shared/b/src/lib.rs:1"]
    );
    assert_eq!(
        places(records(&tree)),
        ["docs/adr/0003_x.md:0", "docs/adr/2-x.md:0"]
    );
    assert_eq!(places(invariants(&tree)), ["docs/ARCHITECTURE.md:3"]);
    assert_eq!(
        places(invariants(&Tree::default())),
        ["docs/ARCHITECTURE.md:0"]
    );
    assert_eq!(
        places(invariants(&Tree::of(&[(ARCHITECTURE, "# A\n")]))),
        ["docs/ARCHITECTURE.md:0"]
    );
}
