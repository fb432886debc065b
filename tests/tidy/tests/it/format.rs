//! The form of files that `cargo fmt` does not see.
//!
//! The connectors are declared within a macro, where rustfmt does not look for modules.

use std::{
    io::Write,
    path::Path,
    process::{Command, Stdio},
};

use hub_connectors::CRMS;
use hub_tidy::{Offender, Tree, assert_none};

/// Whether rustfmt is there. Without it a developer's run goes on, and CI's does not.
fn rustfmt_is_there(test: &str) -> bool {
    let found = Command::new("rustfmt")
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if found.is_ok_and(|status| status.success()) {
        return true;
    }
    #[expect(
        clippy::disallowed_methods,
        reason = "whether this is CI is the environment's to say"
    )]
    let is_ci = std::env::var("CI").is_ok_and(|value| value == "true");
    assert!(
        !is_ci,
        "rustfmt is missing, and {test} needs it (rustup component add rustfmt)"
    );
    // Past the capture of the test's output: what is skipped is named.
    let _ = writeln!(std::io::stderr(), "SKIPPED {test}: rustfmt not found");
    false
}

/// The files, each with the modules it declares, that are not in the workspace's form.
fn unformatted(root: &Path, config: &Path, paths: &[String]) -> Vec<Offender> {
    let mut found = Vec::new();
    for path in paths {
        let output = Command::new("rustfmt")
            .args(["--check", "--edition", "2024", "--config-path"])
            .arg(config)
            .arg(root.join(path))
            .output()
            .expect("rustfmt runs");
        let told = String::from_utf8_lossy(&output.stdout);
        for place in told
            .lines()
            .filter_map(|line| line.strip_prefix("Diff in "))
        {
            let place = place.trim_end_matches(':');
            let (file, line) = place.rsplit_once(':').unwrap_or((place, "0"));
            let file = Path::new(file)
                .strip_prefix(root)
                .unwrap_or(Path::new(file));
            found.push(Offender::new(
                file.to_string_lossy(),
                line.parse().unwrap_or(0),
                "is not as rustfmt has it",
            ));
        }
        if !output.status.success() && !told.contains("Diff in ") {
            found.push(Offender::new(
                path,
                0,
                String::from_utf8_lossy(&output.stderr).into_owned(),
            ));
        }
    }
    found
}

#[test]
fn connectors_are_formatted() {
    if rustfmt_is_there("connectors_are_formatted") {
        let paths: Vec<String> = CRMS
            .iter()
            .map(|crm| format!("shared/connectors/src/{crm}.rs"))
            .collect();
        let root = Tree::root();
        let rule = "connectors are as rustfmt has them (`rustfmt --edition 2024 shared/connectors/src/<crm>.rs`)";
        assert_none(rule, &unformatted(&root, &root, &paths));
    }
}

#[test]
fn made_up_offenders_are_found() {
    if rustfmt_is_there("format::made_up_offenders_are_found") {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let files = [
            ("bad.rs", "fn a() {}\n\nfn  b() {}\n"),
            ("good.rs", "fn a() {}\n"),
            ("broken.rs", "fn {\n"),
        ];
        for (name, text) in files {
            std::fs::write(folder.join(name), text).unwrap();
        }
        let paths = files.map(|(name, _)| name.to_owned());
        let found = unformatted(&folder.canonicalize().unwrap(), &Tree::root(), &paths);
        let places: Vec<(&str, bool)> = found
            .iter()
            .map(|offender| (offender.path.as_str(), offender.line > 0))
            .collect();
        assert_eq!(places, [("bad.rs", true), ("broken.rs", false)]);
    }
}
