//! A scanner of Rust: tokens with their lines, what of them is test code, and the arms of a `match`.
//!
//! It takes text apart and does not understand it: no macro is expanded, no name resolved.

mod lexer;
mod matches;

pub use lexer::{Kind, Token, tokens};
pub use matches::{Arm, Match, matches};

/// One Rust file, taken apart.
#[derive(Debug, Clone)]
pub struct Source<'a> {
    /// Its path from the root.
    pub path: &'a str,
    /// Its tokens, without comments.
    tokens: Vec<Token<'a>>,
    /// How many lines it has.
    total: usize,
    /// The lines of test code, from and to.
    tests: Vec<(usize, usize)>,
}

impl<'a> Source<'a> {
    /// Takes a file apart.
    pub fn new(path: &'a str, text: &'a str) -> Self {
        let mut tokens = tokens(text);
        tokens.retain(|token| token.kind != Kind::Comment);
        let mut source = Self {
            path,
            tokens,
            total: text.lines().count(),
            tests: Vec::new(),
        };
        if sequence(
            &source.tokens,
            0,
            &["#", "!", "[", "cfg", "(", "test", ")", "]"],
        ) {
            source.mark_as_test();
        } else {
            source.tests = test_items(&source.tokens);
        }
        source
    }

    pub(crate) fn mark_as_test(&mut self) {
        self.tests = vec![(0, usize::MAX)];
    }

    fn is_test(&self, line: usize) -> bool {
        self.tests
            .iter()
            .any(|(from, to)| (*from..=*to).contains(&line))
    }

    /// All tokens, those of tests too.
    pub fn all(&self) -> &[Token<'a>] {
        &self.tokens
    }

    /// The tokens of what is not a test.
    pub fn code(&self) -> Vec<Token<'a>> {
        let kept = |token: &&Token<'a>| !self.is_test(token.line);
        self.tokens.iter().filter(kept).copied().collect()
    }

    /// How many lines are not a test's.
    pub fn lines(&self) -> usize {
        (1..=self.total).filter(|line| !self.is_test(*line)).count()
    }

    /// The paths, less `.rs`, of the modules that are declared for tests and stand in files of
    /// their own.
    pub fn test_modules(&self) -> Vec<String> {
        let (folder, file) = self.path.rsplit_once('/').unwrap_or(("", self.path));
        let folder = match file {
            "lib.rs" | "main.rs" | "mod.rs" => folder.to_owned(),
            other => format!("{folder}/{}", other.trim_end_matches(".rs")),
        };
        self.tokens
            .windows(3)
            .filter_map(|three| match three {
                [word, name, end]
                    if word.text == "mod" && end.text == ";" && self.is_test(word.line) =>
                {
                    Some(format!("{folder}/{}", name.text))
                }
                _ => None,
            })
            .collect()
    }
}

/// Whether these tokens stand at a place.
pub fn sequence(tokens: &[Token<'_>], at: usize, texts: &[&str]) -> bool {
    texts.iter().enumerate().all(|(offset, text)| {
        tokens
            .get(at + offset)
            .is_some_and(|token| token.text == *text)
    })
}

/// The lines at which these tokens stand.
pub fn lines_of(tokens: &[Token<'_>], texts: &[&str]) -> Vec<usize> {
    (0..tokens.len())
        .filter(|at| sequence(tokens, *at, texts))
        .filter_map(|at| tokens.get(at).map(|token| token.line))
        .collect()
}

/// The index of the bracket that closes the one at `open`, or of the last token.
pub fn close(tokens: &[Token<'_>], open: usize) -> usize {
    let mut depth = 0_usize;
    for (index, token) in tokens.iter().enumerate().skip(open) {
        match token.text {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return index;
                }
            }
            _ => {}
        }
    }
    tokens.len().saturating_sub(1)
}

/// The lines, from and to, of the items under `#[cfg(test)]` or `#[cfg(all(test, …))]`.
fn test_items(tokens: &[Token<'_>]) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let is_test = sequence(tokens, at, &["#", "[", "cfg", "(", "test", ")"])
            || sequence(tokens, at, &["#", "[", "cfg", "(", "all", "(", "test"]);
        if !is_test {
            at += 1;
            continue;
        }
        let end = item_end(tokens, at);
        let line = |index: usize| tokens.get(index).map_or(0, |token| token.line);
        found.push((line(at), line(end)));
        at = end + 1;
    }
    found
}

/// The last token of the item that begins with an attribute at `at`.
fn item_end(tokens: &[Token<'_>], mut at: usize) -> usize {
    while sequence(tokens, at, &["#", "["]) {
        at = close(tokens, at + 1) + 1;
    }
    while let Some(token) = tokens.get(at) {
        match token.text {
            ";" => return at,
            "{" => return close(tokens, at),
            "(" | "[" => at = close(tokens, at) + 1,
            _ => at += 1,
        }
    }
    tokens.len().saturating_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn test_code_is_known() {
        let text = "fn a() {}\n#[cfg(test)]\n#[allow(x)]\nmod tests {\n  fn b(c: [u8; 2]) { d() }\n}\nfn e() {}\n#[cfg(not(test))]\nfn f() {}\n";
        let source = Source::new("x.rs", text);
        let words: Vec<&str> = source
            .code()
            .iter()
            .filter(|t| t.kind == Kind::Word)
            .map(|t| t.text)
            .collect();
        assert_eq!(
            words,
            ["fn", "a", "fn", "e", "cfg", "not", "test", "fn", "f"]
        );
        assert_eq!(source.lines(), 4);
        let whole = Source::new("x.rs", "#![cfg(test)]\nfn a() {}\n");
        assert_eq!(whole.lines(), 0);
    }
}
