//! The `match` expressions of a file.

use super::{Kind, Token, close, sequence};

/// One `match`.
#[derive(Debug, Clone)]
pub struct Match<'a> {
    /// Where it begins.
    pub line: usize,
    /// The type whose `impl` it stands in.
    pub of: Option<&'a str>,
    /// Its arms.
    pub arms: Vec<Arm<'a>>,
}

/// One arm of a `match`.
#[derive(Debug, Clone)]
pub struct Arm<'a> {
    /// Where it begins.
    pub line: usize,
    /// Its alternatives.
    pub patterns: Vec<Vec<Token<'a>>>,
    /// Whether it has an `if`.
    pub guarded: bool,
}

impl Arm<'_> {
    /// Whether it takes whatever comes: `_`, or a name alone.
    pub fn takes_all(&self) -> bool {
        let takes_all = |pattern: &Vec<Token<'_>>| {
            let words: Vec<&str> = pattern
                .iter()
                .map(|token| token.text)
                .filter(|text| !["ref", "mut"].contains(text))
                .collect();
            let name = |text: &str| {
                text.starts_with(|c: char| c.is_lowercase() || c == '_')
                    && !["true", "false"].contains(&text)
            };
            let is_word = |index: usize| {
                pattern
                    .get(index)
                    .is_some_and(|token| token.kind == Kind::Word)
            };
            match words.as_slice() {
                [one] => name(one) && is_word(pattern.len() - 1),
                [one, "@", "_"] => name(one),
                _ => false,
            }
        };
        !self.guarded && self.patterns.iter().any(takes_all)
    }

    /// Whether an alternative begins with a variant of a type: `Type::`, with any path before it.
    pub fn is_variant_of(&self, name: &str) -> bool {
        self.patterns.iter().any(|pattern| {
            let path: Vec<&str> = pattern
                .iter()
                .skip_while(|token| token.text == "&")
                .take_while(|token| token.kind == Kind::Word || token.text == "::")
                .map(|token| token.text)
                .collect();
            matches!(path.as_slice(), [.., of, "::", _] if *of == name)
        })
    }
}

/// Every `match` of a file, nested ones too.
pub fn matches<'a>(tokens: &[Token<'a>]) -> Vec<Match<'a>> {
    let impls = impls(tokens);
    tokens
        .iter()
        .enumerate()
        .filter(|(_, token)| token.kind == Kind::Word && token.text == "match")
        .filter_map(|(at, token)| {
            let open = body(tokens, at)?;
            let of = impls
                .iter()
                .rev()
                .find(|(from, to, _)| (*from..*to).contains(&at));
            Some(Match {
                line: token.line,
                of: of.map(|(_, _, name)| *name),
                arms: arms(tokens.get(open + 1..close(tokens, open))?),
            })
        })
        .collect()
}

/// The first `{` after `at` that is in no other bracket.
fn body(tokens: &[Token<'_>], mut at: usize) -> Option<usize> {
    loop {
        match tokens.get(at)?.text {
            "{" => return Some(at),
            "(" | "[" => at = close(tokens, at) + 1,
            "}" | ";" => return None,
            _ => at += 1,
        }
    }
}

/// The bodies of `impl` blocks, from and to, and the type they are of.
fn impls<'a>(tokens: &[Token<'a>]) -> Vec<(usize, usize, &'a str)> {
    let mut found = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        // `impl Trait` stands where a type does.
        let before = at
            .checked_sub(1)
            .and_then(|before| tokens.get(before))
            .map(|token| token.text);
        let is_item = matches!(before, None | Some("}" | "{" | ";" | "]" | "unsafe"));
        if token.text != "impl" || !is_item {
            continue;
        }
        let Some(open) = body(tokens, at) else {
            continue;
        };
        let mut depth = 0_i32;
        let mut name = None;
        for token in tokens.get(at + 1..open).unwrap_or_default() {
            match token.text {
                "<" => depth += 1,
                ">" => depth -= 1,
                "where" if depth == 0 => break,
                "for" if depth == 0 => name = None,
                text if depth == 0 && token.kind == Kind::Word => name = Some(text),
                _ => {}
            }
        }
        found.extend(name.map(|name| (open, close(tokens, open), name)));
    }
    found
}

fn arms<'a>(tokens: &[Token<'a>]) -> Vec<Arm<'a>> {
    let mut arms = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        while sequence(tokens, at, &["#", "["]) {
            at = close(tokens, at + 1) + 1;
        }
        let start = at;
        let mut guard = None;
        let mut bars = Vec::new();
        while let Some(token) = tokens.get(at).filter(|token| token.text != "=>") {
            match token.text {
                "(" | "[" | "{" => at = close(tokens, at),
                "if" if guard.is_none() => guard = Some(at),
                "|" if guard.is_none() => bars.push(at),
                _ => {}
            }
            at += 1;
        }
        let Some(first) = tokens.get(start).filter(|_| at < tokens.len()) else {
            break;
        };
        let end = guard.unwrap_or(at);
        let starts = std::iter::once(start).chain(bars.iter().map(|bar| bar + 1));
        let ends = bars.iter().copied().chain([end]);
        let patterns = starts
            .zip(ends)
            .filter(|(from, to)| from < to)
            .filter_map(|(from, to)| tokens.get(from..to).map(<[_]>::to_vec));
        arms.push(Arm {
            line: first.line,
            patterns: patterns.collect(),
            guarded: guard.is_some(),
        });
        at = arm_end(tokens, at + 1);
    }
    arms
}

/// Where the next arm begins, after the expression at `at`.
fn arm_end(tokens: &[Token<'_>], mut at: usize) -> usize {
    // A block ends an arm without a comma, as `if` and `match` do that stand alone.
    while let Some(token) = tokens.get(at) {
        let is_block = ["{", "if", "match", "loop", "while", "for", "unsafe"].contains(&token.text);
        if !is_block {
            break;
        }
        let Some(open) = body(tokens, at) else { break };
        at = close(tokens, open) + 1;
        match tokens.get(at).map(|token| token.text) {
            Some("else") => at += 1,
            Some(",") => return at + 1,
            Some("." | "?") => break,
            _ => return at,
        }
    }
    while let Some(token) = tokens.get(at) {
        match token.text {
            "," => return at + 1,
            "(" | "[" | "{" => at = close(tokens, at) + 1,
            _ => at += 1,
        }
    }
    at
}

#[cfg(test)]
mod tests {
    use super::{super::tokens, *};

    /// The type that a `match` is in, and for each arm how many patterns it has and whether it
    /// takes all.
    type Shape<'a> = (Option<&'a str>, Vec<(usize, bool)>);

    fn shape(text: &str) -> Vec<Shape<'_>> {
        let found = matches(&tokens(text));
        found
            .into_iter()
            .map(|found| {
                (
                    found.of,
                    found
                        .arms
                        .iter()
                        .map(|arm| (arm.patterns.len(), arm.takes_all()))
                        .collect(),
                )
            })
            .collect()
    }

    #[test]
    fn arms_are_found_with_and_without_commas() {
        let text = "match f(|x| { x }) { A::B { c } | A::D(_) => {} A::E => if x { 1 } else { 2 }, A::F => match y { _ => 1 }.max(2), [a, ..] => g(a, b), _ if h => i, other => j }";
        assert_eq!(
            shape(text),
            [
                (
                    None,
                    vec![
                        (2, false),
                        (1, false),
                        (1, false),
                        (1, false),
                        (1, false),
                        (1, true)
                    ]
                ),
                (None, vec![(1, true)]),
            ]
        );
    }

    #[test]
    fn a_match_knows_its_impl() {
        let text = "impl<T: Into<U>> fmt::Display for a::Verdict<T> where T: X { fn f(x: impl Fn()) { match self { Self::A => 1, _ => 2 } } } fn g() { match x { 1 => 2 } }";
        assert_eq!(
            shape(text),
            [
                (Some("Verdict"), vec![(1, false), (1, true)]),
                (None, vec![(1, false)])
            ]
        );
    }

    #[test]
    fn a_variant_is_known_by_its_path() {
        let found = matches(&tokens(
            "match v { &crate::verdict::Verdict::Done { .. } => 1, Verdict => 2 }",
        ));
        let found: Vec<bool> = found
            .iter()
            .flat_map(|found| &found.arms)
            .map(|arm| arm.is_variant_of("Verdict"))
            .collect();
        assert_eq!(found, [true, false]);
    }
}
