//! Which version of a thing a change is made for: `If-Match` (RFC 9110, 13.1.1).

use crate::error::EngineError;

/// The versions that a caller takes for the current one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expected {
    /// Any: the caller does not say.
    Any,
    /// One of these. None of them where what the caller sent is no version of ours.
    OneOf(Vec<u64>),
}

impl Expected {
    /// Reads the header. A weak tag never fits, as the standard has it.
    pub fn read(if_match: Option<&str>) -> Self {
        match if_match.map(str::trim) {
            None | Some("*") => Self::Any,
            Some(tags) => Self::OneOf(
                tags.split(',')
                    .filter_map(|tag| tag.trim().strip_prefix('"')?.strip_suffix('"'))
                    .filter_map(|tag| tag.parse().ok())
                    .collect(),
            ),
        }
    }

    /// Whether it is the version that stands.
    ///
    /// # Errors
    /// It is another.
    pub(crate) fn check(&self, version: u64) -> Result<(), EngineError> {
        match self {
            Self::Any => Ok(()),
            Self::OneOf(versions) if versions.contains(&version) => Ok(()),
            Self::OneOf(_) => Err(EngineError::Changed { version }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_strong_tag_of_ours_fits() {
        for (header, fits) in [
            (None, true),
            (Some("*"), true),
            (Some("\"7\""), true),
            (Some(" \"3\", \"7\" "), true),
            (Some("\"8\""), false),
            (Some("W/\"7\""), false),
            (Some("7"), false),
            (Some("\"\""), false),
            (Some(""), false),
        ] {
            assert_eq!(Expected::read(header).check(7).is_ok(), fits, "{header:?}");
        }
    }
}
