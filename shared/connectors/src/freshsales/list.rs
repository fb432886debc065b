//! The objects that are written, and their lists: each has several, in pages that are numbered.
//!
//! The page that is asked for next is a cursor of ours: `filter=open&page=2`.

use hub_domain::Verdict;

/// Records of a page.
const PAGE: usize = 100;
/// The last page that is asked for: an hour of the smallest plan has a thousand calls for everybody.
const LAST: usize = 200;

/// What is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Object {
    Appointments,
    Tasks,
}

impl Object {
    /// # Errors
    /// Nothing else can be written.
    pub(super) fn of(name: &str) -> Result<Self, Verdict> {
        match name {
            "appointments" => Ok(Self::Appointments),
            "tasks" => Ok(Self::Tasks),
            _ => Err(Verdict::Misconfigured {
                reason: format!(
                    "'{name}' cannot be written: the object of a mapping is 'appointments' or 'tasks'"
                ),
            }),
        }
    }

    /// As it stands in paths, and around lists.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Appointments => "appointments",
            Self::Tasks => "tasks",
        }
    }

    /// As it stands around one record.
    pub(super) const fn wrapper(self) -> &'static str {
        match self {
            Self::Appointments => "appointment",
            Self::Tasks => "task",
        }
    }

    /// The lists that hold all of it together. Whether what is overdue is also open is [U].
    const fn filters(self) -> &'static [&'static str] {
        match self {
            Self::Appointments => &["past", "upcoming"],
            Self::Tasks => &["open", "overdue", "completed"],
        }
    }
}

/// A page of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct List {
    pub(super) object: Object,
    filter: &'static str,
    page: usize,
}

impl List {
    /// What an operation asks for: the first page of the first list, if it names none.
    ///
    /// # Errors
    /// No such object, or no such list.
    pub(super) fn asked(object: &str, cursor: Option<&str>) -> Result<Self, Verdict> {
        let object = Object::of(object)?;
        let first = object.filters().first().copied().unwrap_or_default();
        let Some(cursor) = cursor else {
            return Ok(Self {
                object,
                filter: first,
                page: 1,
            });
        };
        let parts = cursor.strip_prefix("filter=");
        let parts = parts.and_then(|rest| rest.split_once("&page="));
        let found = parts.and_then(|(filter, page)| {
            let mut known = object.filters().iter().copied();
            let filter = known.find(|known| *known == filter)?;
            Some((filter, page.parse().ok()?))
        });
        let (filter, page) = found.ok_or_else(|| Verdict::Bug {
            reason: format!("no list of {} is at {cursor}", object.name()),
        })?;
        Ok(Self {
            object,
            filter,
            page,
        })
    }

    /// The same as an operation's cursor.
    pub(super) fn cursor(self) -> String {
        let Self { filter, page, .. } = self;
        format!("filter={filter}&page={page}")
    }

    /// Where it is.
    ///
    /// # Errors
    /// More pages than the limits leave room for.
    pub(super) fn address(self) -> Result<String, Verdict> {
        if self.page > LAST {
            return Err(Verdict::Misconfigured {
                reason: format!(
                    "there are more than {} {}: look in Freshsales whether it is there",
                    PAGE * LAST,
                    self.object.name()
                ),
            });
        }
        Ok(format!(
            "{}?{}&per_page={PAGE}",
            self.object.name(),
            self.cursor()
        ))
    }

    /// The page after this one, which has so many rows and is one of so many pages, if the answer says so; or
    /// the next list.
    pub(super) fn next(self, rows: usize, pages: Option<usize>) -> Option<Self> {
        // Without a word on pages only an empty one is the last: nobody promises that a page has as many rows
        // as were asked for.
        if rows > 0 && pages.is_none_or(|pages| self.page < pages) {
            return Some(Self {
                page: self.page + 1,
                ..self
            });
        }
        let mut filters = self.object.filters().iter();
        filters.find(|filter| **filter == self.filter)?;
        Some(Self {
            filter: filters.next()?,
            page: 1,
            ..self
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_walked_to_their_ends() {
        let first = List::asked("tasks", None).unwrap();
        assert_eq!(
            first.address().unwrap(),
            "tasks?filter=open&page=1&per_page=100"
        );
        let mut walked = vec![first.cursor()];
        // Two pages of two, none, and one without a word on pages before an empty one.
        let answers = [
            (2, Some(2)),
            (2, Some(2)),
            (0, Some(0)),
            (1, None),
            (0, None),
        ];
        let mut list = first;
        for (rows, pages) in answers {
            match list.next(rows, pages) {
                Some(next) => {
                    let cursor = next.cursor();
                    assert_eq!(List::asked("tasks", Some(&cursor)).unwrap(), next);
                    walked.push(cursor);
                    list = next;
                }
                None => walked.push("end".to_owned()),
            }
        }
        assert_eq!(
            walked,
            [
                "filter=open&page=1",
                "filter=open&page=2",
                "filter=overdue&page=1",
                "filter=completed&page=1",
                "filter=completed&page=2",
                "end"
            ]
        );
    }

    #[test]
    fn what_is_no_list_is_refused() {
        assert!(List::asked("deals", None).is_err());
        for cursor in ["", "filter=mine&page=1", "filter=open&page=x", "page=1"] {
            assert!(List::asked("tasks", Some(cursor)).is_err(), "{cursor}");
        }
        let far = List::asked("appointments", Some("filter=past&page=201")).unwrap();
        assert!(matches!(far.address(), Err(Verdict::Misconfigured { .. })));
    }
}
