//! The warnings of the setup guides are tests: each names one that is there.

use hub_connectors::CRMS;
use hub_tidy::{Offender, Tree, assert_none, is_rust};

const SECTION: &str = "## Warnings";
/// How a link to a file leaves `docs/setup/`.
const UP: &str = "../../";

/// The entries of a guide's section, each with the line it begins on.
fn entries(text: &str) -> Vec<(usize, String)> {
    let mut found: Vec<(usize, String)> = Vec::new();
    let lines = text.lines().enumerate();
    let section = lines
        .skip_while(|(_, line)| *line != SECTION)
        .skip(1)
        .take_while(|(_, line)| !line.starts_with("## "));
    for (index, line) in section {
        if line.starts_with("- ") {
            found.push((index + 1, line.to_owned()));
        } else if let (Some((_, entry)), true) = (found.last_mut(), line.starts_with("  ")) {
            entry.push('\n');
            entry.push_str(line);
        }
    }
    found
}

/// The tests that an entry links: ``[`name`](../../path.rs)``.
fn links(entry: &str) -> Vec<(&str, &str)> {
    entry
        .split("[`")
        .skip(1)
        .filter_map(|rest| rest.split_once("`]("))
        .filter_map(|(name, rest)| Some((name, rest.split_once(')')?.0)))
        .filter_map(|(name, path)| Some((name, path.strip_prefix(UP)?)))
        .filter(|(_, path)| is_rust(path))
        .collect()
}

/// Whether the text has a test of that name. Modules may stand in front of it.
fn has_test(text: &str, name: &str) -> bool {
    let name = name.rsplit("::").next().unwrap_or(name);
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let is_function = |line: &str| {
        let line = line.strip_prefix("async ").unwrap_or(line);
        let rest = line
            .strip_prefix("fn ")
            .and_then(|line| line.strip_prefix(name));
        rest.is_some_and(|rest| rest.starts_with('('))
    };
    lines.iter().enumerate().any(|(at, line)| {
        let attributes = lines[..at]
            .iter()
            .rev()
            .take_while(|line| line.starts_with("#["));
        let mut attributes = attributes.map(|line| line.trim_start_matches("#["));
        is_function(line)
            && attributes.any(|line| line.starts_with("test]") || line.starts_with("tokio::test"))
    })
}

fn unproven(tree: &Tree, crms: &[&str]) -> Vec<Offender> {
    let mut found = Vec::new();
    for crm in crms {
        let guide = format!("docs/setup/{crm}.md");
        let entries = entries(tree.get(&guide).unwrap_or_default());
        if entries.is_empty() {
            let what = format!("has no section `{SECTION}` with entries");
            found.push(Offender::new(&guide, 0, what));
        }
        for (line, entry) in entries {
            let links = links(&entry);
            if links.is_empty() {
                let what = "links no test: [`name`](../../path/of/the/test.rs)";
                found.push(Offender::new(&guide, line, what));
            }
            for (name, path) in links {
                if !tree.get(path).is_some_and(|text| has_test(text, name)) {
                    let what = format!("{path} has no test {name}");
                    found.push(Offender::new(&guide, line, what));
                }
            }
        }
    }
    found
}

#[test]
fn every_warning_of_a_guide_is_a_test() {
    assert_none(
        "a setup guide has a section `## Warnings`, and each of its entries links a test that is there",
        &unproven(Tree::repository(), CRMS),
    );
}

#[test]
fn made_up_offenders_are_found() {
    let tree = Tree::of(&[
        ("docs/setup/none.md", "# None\n"),
        (
            "docs/setup/zeta.md",
            "# Zeta\n\n## Warnings\n\nWords.\n\n- **A.** It is.\n  [`a`](../../t.rs)\n- **B.** It\n  [`b`](../../t.rs)\n\
             - **C.** It\n- **D.** [`m::d`](../../t.rs), [`e`](../../gone.rs)\n\n## Next\n\n- none\n",
        ),
        (
            "t.rs",
            "#[test]\nfn a() {}\n\nfn b() {}\n\n#[tokio::test(start_paused = true)]\n#[ignore]\nasync fn d() {}\n",
        ),
    ]);
    let places: Vec<String> = unproven(&tree, &["none", "zeta"])
        .iter()
        .map(|offender| format!("{}:{}", offender.path, offender.line))
        .collect();
    assert_eq!(
        places,
        [
            "docs/setup/none.md:0",
            "docs/setup/zeta.md:9",
            "docs/setup/zeta.md:11",
            "docs/setup/zeta.md:12"
        ]
    );
}
