//! What must not stand in code, and in the tree at all.

use std::collections::BTreeSet;

use hub_tidy::{
    Offender, Tree, assert_none, is_rust, lines_with,
    rust::{Source, close, lines_of, sequence},
};

/// What ends a function instead of saying what is wrong.
const PANICS: &[&[&str]] = &[
    &[".", "unwrap", "("],
    &[".", "expect", "("],
    &[".", "unwrap_err", "("],
    &[".", "expect_err", "("],
    &["todo", "!"],
    &["unimplemented", "!"],
    &["dbg", "!"],
    &["panic", "!"],
];
/// Files that may panic once, and why.
const MAY_PANIC: &[(&str, &str)] = &[(
    "shared/aws/src/seams.rs",
    "without randomness no key, nonce or id is safe, so nothing may go on",
)];

/// Split, so that this file is no offender of its own rules.
const MARKERS: &[&str] = &[concat!("TO", "DO"), concat!("FIX", "ME")];
const MACHINE: &[&str] = &[concat!("/wo", "rk/"), concat!("/ro", "ot/")];
const REGISTRIES: &[&str] = &[
    concat!("crates", ".io"),
    concat!("pypi", ".org"),
    concat!("pythonhosted", ".org"),
    concat!("npmjs", ".org"),
    concat!("npmjs", ".com"),
    concat!("proxy.golang", ".org"),
    concat!("docker", ".io"),
    concat!("index", "-url"),
    concat!("artifact", "ory"),
];
const MAKERS: &[&str] = &[
    concat!("cla", "ude"),
    concat!("anth", "ropic"),
    concat!("sub", "agent"),
    concat!("helper", " agent"),
];

/// A lock file names its registry; licences are others' texts.
fn is_foreign(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path).to_ascii_uppercase();
    name == "CARGO.LOCK"
        || name.starts_with("LICENSE")
        || name.starts_with("NOTICE")
        || name.starts_with("COPYING")
}

fn panics(tree: &Tree, excepted: &[(&str, &str)]) -> Vec<Offender> {
    let mut found = Vec::new();
    let mut used = BTreeSet::new();
    for source in tree.sources(&["shared", "functions"]) {
        let code = source.code();
        let mut here: Vec<Offender> = PANICS
            .iter()
            .flat_map(|texts| {
                lines_of(&code, texts).into_iter().map(|line| {
                    Offender::new(
                        source.path,
                        line,
                        format!("`{}` outside tests", texts.concat()),
                    )
                })
            })
            .collect();
        if here.len() == 1 && excepted.iter().any(|(path, _)| *path == source.path) {
            used.insert(source.path);
        } else {
            found.append(&mut here);
        }
    }
    let stale = excepted.iter().filter(|(path, _)| !used.contains(path));
    found.extend(stale.map(|(path, _)| {
        Offender::new(
            *path,
            0,
            "is an exception to this rule and needs not be, or is none for several",
        )
    }));
    found
}

/// `#[ignore]`, also within `cfg_attr`.
fn ignored(tree: &Tree) -> Vec<Offender> {
    let mut found = Vec::new();
    for (path, text) in tree.files().filter(|(path, _)| is_rust(path)) {
        let source = Source::new(path, text);
        let tokens = source.all();
        for at in (0..tokens.len()).filter(|at| sequence(tokens, *at, &["#", "["])) {
            let attribute = &tokens[at + 2..close(tokens, at + 1).max(at + 2)];
            let is_ignore = match attribute.first().map(|token| token.text) {
                Some("ignore") => true,
                Some("cfg_attr") => attribute.iter().any(|token| token.text == "ignore"),
                _ => false,
            };
            if is_ignore {
                found.push(Offender::new(path, tokens[at].line, "an ignored test"));
            }
        }
    }
    found
}

/// A marker without `#` and a number after it. One in backticks is spoken of, not left behind.
fn unnumbered(tree: &Tree) -> Vec<Offender> {
    let is_open = |line: &str| {
        MARKERS.iter().any(|marker| {
            line.match_indices(marker).any(|(at, _)| {
                let (before, after) = (&line[..at], &line[at + marker.len()..]);
                let is_word = !before
                    .ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '`')
                    && !after.starts_with(|c: char| c.is_alphanumeric() || c == '_');
                let numbered = after
                    .trim_start_matches([' ', '(', ':'])
                    .strip_prefix('#')
                    .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
                is_word && !numbered
            })
        })
    };
    in_lines(
        tree,
        is_open,
        "left behind without an issue number, as in (#12)",
    )
}

fn in_lines(tree: &Tree, condition: impl Fn(&str) -> bool + Copy, what: &str) -> Vec<Offender> {
    tree.files()
        .filter(|(path, _)| !is_foreign(path))
        .flat_map(|(path, text)| {
            lines_with(text, condition).map(move |(line, text)| {
                Offender::new(
                    path,
                    line,
                    format!(
                        "{what}: {}",
                        text.trim().chars().take(100).collect::<String>()
                    ),
                )
            })
        })
        .collect()
}

fn paths_of_a_machine(tree: &Tree) -> Vec<Offender> {
    // `…/network/x` or `{root}/x/` has no path of a machine: it begins with one.
    let is_path = |line: &str| {
        MACHINE.iter().any(|folder| {
            line.match_indices(folder).any(|(at, _)| {
                !line[..at].ends_with(|c: char| c.is_alphanumeric() || "}._-~".contains(c))
            })
        })
    };
    in_lines(tree, is_path, "a path of one machine")
}

fn registries(tree: &Tree) -> Vec<Offender> {
    in_lines(
        tree,
        |line| REGISTRIES.iter().any(|host| line.contains(host)),
        "a package registry",
    )
}

fn makers(tree: &Tree) -> Vec<Offender> {
    let is_named = |line: &str| {
        MAKERS
            .iter()
            .any(|word| line.to_ascii_lowercase().contains(word))
    };
    in_lines(tree, is_named, "how it was made is not the tree's business")
}

#[test]
fn nothing_panics_outside_tests() {
    assert_none(
        "shared/ and functions/ do not panic (STYLE: errors)",
        &panics(Tree::repository(), MAY_PANIC),
    );
}

#[test]
fn no_test_is_ignored() {
    assert_none("a test runs or is not there", &ignored(Tree::repository()));
}

#[test]
fn what_is_left_to_do_has_an_issue_number() {
    assert_none(
        "a marker of open work names its issue",
        &unnumbered(Tree::repository()),
    );
}

#[test]
fn no_path_of_a_machine_is_in_the_tree() {
    assert_none(
        "the tree works wherever it lies",
        &paths_of_a_machine(Tree::repository()),
    );
}

#[test]
fn no_package_registry_is_in_the_tree() {
    assert_none(
        "where packages come from is the machine's setting",
        &registries(Tree::repository()),
    );
}

#[test]
fn the_tree_says_nothing_of_how_it_was_made() {
    assert_none("files speak of the product", &makers(Tree::repository()));
}

#[test]
fn made_up_panics_are_found() {
    let tree = Tree::of(&[
        (
            "shared/a/src/lib.rs",
            "// x.unwrap()\nfn a() { x.unwrap(); }\nfn b() { x.unwrap_or(1).expected(\"panic!\"); }\n#[cfg(test)]\nmod tests { fn c() { panic!() } }\n",
        ),
        (
            "functions/b/src/lib.rs",
            "#[expect(clippy::x, reason = \"y\")]\nfn a() { x.expect(\"y\"); todo!() }\n",
        ),
        ("shared/c/src/lib.rs", "fn a() { panic!() }"),
        ("local/d/src/lib.rs", "fn a() { panic!() }"),
    ]);
    let places = |excepted: &[(&str, &str)]| -> Vec<String> {
        panics(&tree, excepted)
            .iter()
            .map(|o| format!("{}:{}", o.path, o.line))
            .collect()
    };
    let all = [
        "functions/b/src/lib.rs:2",
        "functions/b/src/lib.rs:2",
        "shared/a/src/lib.rs:2",
    ];
    assert_eq!(places(&[("shared/c/src/lib.rs", "why")]), all);
    assert_eq!(
        places(&[
            ("shared/c/src/lib.rs", "why"),
            ("shared/e/src/lib.rs", "why")
        ])
        .last()
        .unwrap(),
        "shared/e/src/lib.rs:0"
    );
}

#[test]
fn made_up_offenders_are_found() {
    let [marker, _] = MARKERS else {
        panic!("two markers")
    };
    let text = format!(
        "#[test]\n#[ignore = \"slow\"]\nfn a() {{}}\n// {marker}: later\n// {marker}(#12): later\n// `{marker}` has a number\nlet {marker}S = 1;\n\
         // see {machine}main\n// https://{host}/x\n// by {maker}\nlet p = \"{{base}}{machine}x\";\n#[cfg_attr(x, ignore)]\n",
        machine = MACHINE[0],
        host = REGISTRIES[0],
        maker = MAKERS[0].to_uppercase(),
    );
    let tree = Tree::of(&[
        ("shared/a/src/lib.rs", text.as_str()),
        ("Cargo.lock", text.as_str()),
    ]);
    let lines = |found: Vec<Offender>| -> Vec<usize> {
        found.iter().map(|offender| offender.line).collect()
    };
    assert_eq!(lines(ignored(&tree)), [2, 12]);
    assert_eq!(lines(unnumbered(&tree)), [4]);
    assert_eq!(lines(paths_of_a_machine(&tree)), [8]);
    assert_eq!(lines(registries(&tree)), [9]);
    assert_eq!(lines(makers(&tree)), [10]);
}
