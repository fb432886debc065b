//! The objects that are written, and their lists: each has several, in pages that are numbered.
//!
//! The page that is asked for next has no place in an operation but its object. So it stands there as the
//! list's address: `tasks`, then `tasks?filter=open&page=2`. Nobody but this connector sees it.

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
    /// What an operation's object asks for: the first page of the first list, if it names none.
    ///
    /// # Errors
    /// No such object, or no such list.
    pub(super) fn asked(text: &str) -> Result<Self, Verdict> {
        let (name, rest) = text.split_once('?').unwrap_or((text, ""));
        let object = Object::of(name)?;
        let first = object.filters().first().copied().unwrap_or_default();
        let (filter, page) = match rest.split_once("&page=") {
            None => (Some(first), Some(1)),
            Some((filter, page)) => {
                let filter = filter.strip_prefix("filter=");
                let mut known = object.filters().iter().copied();
                let known = known.find(|known| Some(*known) == filter);
                (known, page.parse().ok())
            }
        };
        match (filter, page) {
            (Some(filter), Some(page)) => Ok(Self {
                object,
                filter,
                page,
            }),
            _ => Err(Verdict::Bug {
                reason: format!("no list of {name} is called {rest}"),
            }),
        }
    }

    /// The same as an operation's object.
    pub(super) fn text(self) -> String {
        let Self { filter, page, .. } = self;
        format!("{}?filter={filter}&page={page}", self.object.name())
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
        Ok(format!("{}&per_page={PAGE}", self.text()))
    }

    /// The page after this one, which has so many rows and is one of so many pages, if the answer says so; or the next list.
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
        let first = List::asked("tasks").unwrap();
        assert_eq!(
            first.address().unwrap(),
            "tasks?filter=open&page=1&per_page=100"
        );
        let mut walked = vec![first.text()];
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
                    assert_eq!(List::asked(&next.text()).unwrap(), next);
                    walked.push(next.text());
                    list = next;
                }
                None => walked.push("end".to_owned()),
            }
        }
        assert_eq!(
            walked,
            [
                "tasks?filter=open&page=1",
                "tasks?filter=open&page=2",
                "tasks?filter=overdue&page=1",
                "tasks?filter=completed&page=1",
                "tasks?filter=completed&page=2",
                "end"
            ]
        );
    }

    #[test]
    fn what_is_no_list_is_refused() {
        for text in [
            "deals",
            "tasks?filter=mine&page=1",
            "tasks?filter=open&page=x",
        ] {
            assert!(List::asked(text).is_err(), "{text}");
        }
        let far = List::asked("appointments?filter=past&page=201").unwrap();
        assert!(matches!(far.address(), Err(Verdict::Misconfigured { .. })));
    }
}
