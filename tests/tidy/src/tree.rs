//! The files of the repository, or made-up ones.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::LazyLock,
};

use crate::rust::Source;

/// Every file that is tracked, or would be by `git add`, with its text.
#[derive(Debug, Clone, Default)]
pub struct Tree {
    files: BTreeMap<String, String>,
}

static REPOSITORY: LazyLock<Tree> = LazyLock::new(|| Tree::read(&Tree::root()));

impl Tree {
    /// The root of the workspace.
    pub fn root() -> PathBuf {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        here.ancestors().nth(2).unwrap_or(here).to_path_buf()
    }

    /// The repository as it stands.
    pub fn repository() -> &'static Self {
        &REPOSITORY
    }

    /// A made-up tree.
    pub fn of(files: &[(&str, &str)]) -> Self {
        let owned = |(path, text): &(&str, &str)| ((*path).to_owned(), (*text).to_owned());
        Self {
            files: files.iter().map(owned).collect(),
        }
    }

    fn read(root: &Path) -> Self {
        let paths = listed(root).unwrap_or_else(|| walked(root));
        let files = paths
            .into_iter()
            .filter_map(|path| {
                // What is deleted but still in the index is not there.
                let bytes = fs::read(root.join(&path)).ok()?;
                let text = if bytes.contains(&0) {
                    String::new()
                } else {
                    String::from_utf8_lossy(&bytes).into_owned()
                };
                Some((path, text))
            })
            .collect();
        Self { files }
    }

    /// The text of a file; empty for one that is no text.
    pub fn get(&self, path: &str) -> Option<&str> {
        self.files.get(path).map(String::as_str)
    }

    /// All files, by path.
    pub fn files(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files
            .iter()
            .map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// The files below a folder (`a/b/`), with what follows it in their path.
    pub fn below<'a>(&'a self, folder: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.files()
            .filter_map(move |(path, text)| Some((path.strip_prefix(folder)?, text)))
    }

    /// The names of the files and folders directly in a folder (`a/b/`).
    pub fn names_in(&self, folder: &str) -> BTreeSet<String> {
        self.below(folder)
            .filter_map(|(rest, _)| rest.split('/').next())
            .map(str::to_owned)
            .collect()
    }

    /// The Rust files under `src` of the crates in these groups (`shared`, …).
    pub fn sources(&self, groups: &[&str]) -> Vec<Source<'_>> {
        let mut sources: Vec<Source<'_>> = self
            .files()
            .filter(|(path, _)| is_rust(path) && in_src(path, groups))
            .map(|(path, text)| Source::new(path, text))
            .collect();
        // `#[cfg(test)] mod tests;` makes a test of another file.
        let tests: Vec<String> = sources.iter().flat_map(Source::test_modules).collect();
        for source in &mut sources {
            let stem = source.path.trim_end_matches(".rs");
            if tests
                .iter()
                .any(|test| stem == test || stem.starts_with(&format!("{test}/")))
            {
                source.mark_as_test();
            }
        }
        sources
    }
}

/// Whether a file is Rust's.
pub fn is_rust(path: &str) -> bool {
    Path::new(path).extension().is_some_and(|end| end == "rs")
}

/// Whether a path is `<group>/<crate>/src/…`.
fn in_src(path: &str, groups: &[&str]) -> bool {
    let mut parts = path.split('/');
    parts.next().is_some_and(|group| groups.contains(&group)) && parts.nth(1) == Some("src")
}

fn listed(root: &Path) -> Option<Vec<String>> {
    let output = Command::new("git")
        .arg("-C")
        .arg(root)
        .args([
            "ls-files",
            "--cached",
            "--others",
            "--exclude-standard",
            "-z",
        ])
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let paths: Vec<String> = text
        .split('\0')
        .filter(|path| !path.is_empty())
        .map(str::to_owned)
        .collect();
    (output.status.success() && !paths.is_empty()).then_some(paths)
}

/// Without git: everything but build output and what begins with a dot (`.ci` aside).
fn walked(root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![root.to_path_buf()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let (path, name) = (entry.path(), entry.file_name());
            let name = name.to_string_lossy();
            if name == "target" || (name.starts_with('.') && name != ".ci") {
                continue;
            }
            if path.is_dir() {
                open.push(path);
            } else if let Ok(relative) = path.strip_prefix(root) {
                found.push(relative.to_string_lossy().into_owned());
            }
        }
    }
    found
}

/// The lines of a text that fulfil a condition, counted from 1.
pub fn lines_with<'a>(
    text: &'a str,
    condition: impl Fn(&str) -> bool + 'a,
) -> impl Iterator<Item = (usize, &'a str)> {
    text.lines()
        .enumerate()
        .map(|(index, line)| (index + 1, line))
        .filter(move |(_, line)| condition(line))
}

/// Whether a line has a name as a whole word, in any case, alone or as a part of an identifier:
/// `acme`, `Acme's`, `ACME_URL`, `AcmeClient` and `toAcme` have `acme`, `pacmen` has not.
pub fn names_word(line: &str, name: &str) -> bool {
    let lower = line.to_ascii_lowercase();
    let name = name.to_ascii_lowercase();
    lower.match_indices(&name).any(|(start, found)| {
        let end = start + found.len();
        let (Some(head), Some(word), Some(tail)) =
            (line.get(..start), line.get(start..end), line.get(end..))
        else {
            return false;
        };
        let capital = word.starts_with(|c: char| c.is_ascii_uppercase());
        let begins = match head.chars().next_back() {
            Some(before) if before.is_alphanumeric() => capital && !before.is_uppercase(),
            Some(_) | None => true,
        };
        let ends = match tail.chars().next() {
            Some(after) if after.is_alphabetic() => {
                after.is_uppercase() && word.ends_with(|c: char| !c.is_ascii_uppercase())
            }
            Some(_) | None => true,
        };
        begins && ends
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_as_a_word_and_in_identifiers() {
        for line in [
            "acme",
            "an Acme's",
            "ACME_URL",
            "AcmeClient",
            "toAcme",
            "acme2",
            "x_acme_y",
            "\"acme\"",
            "hub-acme-live",
        ] {
            assert!(names_word(line, "acme"), "{line}");
        }
        for line in ["pacmen", "acmes", "pacme", "ACMEN", "ac me", ""] {
            assert!(!names_word(line, "acme"), "{line}");
        }
    }

    #[test]
    fn a_test_module_of_its_own_file_is_a_test() {
        let tree = Tree::of(&[
            ("shared/a/src/lib.rs", "mod plan;"),
            (
                "shared/a/src/plan.rs",
                "#[cfg(test)]\nmod tests;\nfn f() {}",
            ),
            ("shared/a/src/plan/tests.rs", "fn g() {}"),
            ("shared/a/tests/it/main.rs", "fn h() {}"),
            ("local/a/src/lib.rs", ""),
        ]);
        let sources = tree.sources(&["shared"]);
        let lines: Vec<_> = sources.iter().map(|s| (s.path, s.lines())).collect();
        assert_eq!(
            lines,
            [
                ("shared/a/src/lib.rs", 1),
                ("shared/a/src/plan.rs", 1),
                ("shared/a/src/plan/tests.rs", 0)
            ]
        );
    }

    #[test]
    fn the_repository_is_read() {
        assert!(Tree::repository().get("Cargo.toml").is_some());
        assert!(
            Tree::repository()
                .files()
                .all(|(path, _)| !path.starts_with("target/"))
        );
        assert!(
            walked(&Tree::root())
                .iter()
                .any(|path| path == "tests/tidy/src/tree.rs")
        );
    }
}
