//! Associations between records: which types there are, and which records have them. Every
//! association is seen from both ends.

use std::collections::{BTreeMap, BTreeSet};

use super::kinds::Kind::{self, Call, Company, Contact, Deal, Meeting, Note, Task, Ticket};

/// A type of association.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Tag {
    /// Made in this account, in contrast to the vendor's.
    pub(super) own: bool,
    pub(super) id: u32,
}

/// A label of this account, for one direction.
#[derive(Debug, Clone)]
struct Label {
    from: Kind,
    to: Kind,
    id: u32,
    inverse: u32,
    text: String,
}

/// The vendor's types: from, to, id, id of the way back, label. The unlabelled one of a pair first.
const TYPES: &[(Kind, Kind, u32, u32, Option<&str>)] = &[
    (Contact, Company, 279, 280, None),
    (Contact, Company, 1, 2, Some("Primary")),
    (Contact, Deal, 4, 3, None),
    (Contact, Ticket, 15, 16, None),
    (Contact, Contact, 449, 449, None),
    (Company, Company, 450, 450, None),
    (Company, Company, 13, 14, Some("Child Company")),
    (Deal, Company, 341, 342, None),
    (Deal, Company, 5, 6, Some("Primary")),
    (Deal, Ticket, 27, 28, None),
    (Deal, Deal, 451, 451, None),
    (Ticket, Company, 339, 340, None),
    (Ticket, Company, 26, 25, Some("Primary")),
    (Ticket, Ticket, 452, 452, None),
    (Meeting, Contact, 200, 199, None),
    (Meeting, Company, 188, 187, None),
    (Meeting, Deal, 212, 211, None),
    (Meeting, Ticket, 226, 225, None),
    (Meeting, Call, 400, 399, None),
    (Call, Contact, 194, 193, None),
    (Call, Company, 182, 181, None),
    (Call, Deal, 206, 205, None),
    (Call, Ticket, 220, 219, None),
    (Task, Contact, 204, 203, None),
    (Task, Company, 192, 191, None),
    (Task, Deal, 216, 215, None),
    (Task, Ticket, 230, 229, None),
    (Note, Contact, 202, 201, None),
    (Note, Company, 190, 189, None),
    (Note, Deal, 214, 213, None),
    (Note, Ticket, 228, 227, None),
];

type End = (Kind, u64);

#[derive(Debug, Default)]
pub(super) struct Links {
    edges: BTreeMap<End, BTreeMap<End, BTreeSet<Tag>>>,
    labels: Vec<Label>,
}

/// The vendor's types from one kind to another, the unlabelled one first.
fn built_in(from: Kind, to: Kind) -> impl Iterator<Item = (u32, u32, Option<&'static str>)> {
    TYPES.iter().flat_map(move |(a, b, there, back, label)| {
        let forth = (*a == from && *b == to).then_some((*there, *back, *label));
        let other = (*b == from && *a == to && there != back).then_some((*back, *there, *label));
        forth.into_iter().chain(other)
    })
}

impl Links {
    /// The unlabelled type; `None` when such records are never associated.
    pub(super) fn plain(from: Kind, to: Kind) -> Option<Tag> {
        let (id, _, _) = built_in(from, to).find(|(_, _, label)| label.is_none())?;
        Some(Tag { own: false, id })
    }

    /// The type that marks the main company.
    pub(super) fn primary(from: Kind, to: Kind) -> Option<Tag> {
        let (id, _, _) = built_in(from, to).find(|(_, _, label)| *label == Some("Primary"))?;
        Some(Tag { own: false, id })
    }

    /// All types from one kind to another with their labels.
    pub(super) fn types(&self, from: Kind, to: Kind) -> Vec<(Tag, Option<String>)> {
        let vendors = built_in(from, to)
            .map(|(id, _, label)| (Tag { own: false, id }, label.map(str::to_owned)));
        let own = self.labels.iter().filter(|l| l.from == from && l.to == to);
        let own = own.map(|l| {
            (
                Tag {
                    own: true,
                    id: l.id,
                },
                Some(l.text.clone()),
            )
        });
        vendors.chain(own).collect()
    }

    /// The same association seen from the other end; `None` when there is no such type.
    fn inverse(&self, from: Kind, to: Kind, tag: Tag) -> Option<Tag> {
        if tag.own {
            let mut own = self.labels.iter();
            let label = own.find(|l| l.from == from && l.to == to && l.id == tag.id)?;
            return Some(Tag {
                own: true,
                id: label.inverse,
            });
        }
        let (_, back, _) = built_in(from, to).find(|(id, _, _)| *id == tag.id)?;
        Some(Tag {
            own: false,
            id: back,
        })
    }

    pub(super) fn knows(&self, from: Kind, to: Kind, tag: Tag) -> bool {
        self.inverse(from, to, tag).is_some()
    }

    /// Makes a label with its way back; gives both ids.
    pub(super) fn make_label(
        &mut self,
        from: Kind,
        to: Kind,
        there: &str,
        back: &str,
    ) -> (u32, u32) {
        let next = 1 + self.labels.iter().map(|label| label.id).max().unwrap_or(35);
        let same = from == to && there == back;
        let (id, inverse) = (next, if same { next } else { next + 1 });
        let label = |from, to, id, inverse, text: &str| Label {
            from,
            to,
            id,
            inverse,
            text: text.to_owned(),
        };
        self.labels.push(label(from, to, id, inverse, there));
        if !same {
            self.labels.push(label(to, from, inverse, id, back));
        }
        (id, inverse)
    }

    /// Gives a label another text, and its way back too if there is one.
    pub(super) fn rename_label(&mut self, id: u32, text: &str, back: Option<&str>) {
        for label in &mut self.labels {
            if label.id == id {
                text.clone_into(&mut label.text);
            } else if let (true, Some(back)) = (label.inverse == id, back) {
                back.clone_into(&mut label.text);
            }
        }
    }

    /// Takes a label away in both directions, also from the records that have it.
    pub(super) fn remove_label(&mut self, id: u32) {
        let is_it = |label: &&Label| label.id == id || label.inverse == id;
        let ids: BTreeSet<u32> = self.labels.iter().filter(is_it).map(|l| l.id).collect();
        self.labels.retain(|label| !ids.contains(&label.id));
        for tags in self.edges.values_mut().flat_map(BTreeMap::values_mut) {
            tags.retain(|tag| !tag.own || !ids.contains(&tag.id));
        }
    }

    /// Associates two records. The unlabelled type comes along with every labelled one.
    pub(super) fn add(&mut self, from: End, to: End, tag: Tag) {
        let plain = Self::plain(from.0, to.0);
        for tag in [Some(tag), plain].into_iter().flatten() {
            let Some(back) = self.inverse(from.0, to.0, tag) else {
                continue;
            };
            self.tags(from, to).insert(tag);
            self.tags(to, from).insert(back);
        }
    }

    fn tags(&mut self, from: End, to: End) -> &mut BTreeSet<Tag> {
        let edges = self.edges.entry(from).or_default();
        edges.entry(to).or_default()
    }

    /// Takes one type away; the others stay.
    pub(super) fn remove_type(&mut self, from: End, to: End, tag: Tag) {
        let Some(back) = self.inverse(from.0, to.0, tag) else {
            return;
        };
        self.tags(from, to).remove(&tag);
        self.tags(to, from).remove(&back);
        if self.tags(from, to).is_empty() {
            self.remove(from, to);
        }
    }

    /// Takes every association of two records away.
    pub(super) fn remove(&mut self, from: End, to: End) {
        for (a, b) in [(from, to), (to, from)] {
            if let Some(edges) = self.edges.get_mut(&a) {
                edges.remove(&b);
            }
        }
    }

    /// Takes every association of a record away.
    pub(super) fn remove_all(&mut self, end: End) {
        for (other, _) in self.edges.remove(&end).unwrap_or_default() {
            if let Some(edges) = self.edges.get_mut(&other) {
                edges.remove(&end);
            }
        }
    }

    /// What a record is associated with, of one kind, in the order of ids.
    pub(super) fn of(&self, from: End, to: Kind) -> impl Iterator<Item = (u64, &BTreeSet<Tag>)> {
        let edges = self.edges.get(&from).into_iter();
        edges
            .flat_map(move |edges| edges.range((to, 0)..=(to, u64::MAX)))
            .map(|((_, id), tags)| (*id, tags))
    }
}

#[cfg(test)]
mod tests {
    use super::{Kind, Links, Tag};

    #[test]
    fn both_ends_see_it() {
        let mut links = Links::default();
        let (meeting, contact) = ((Kind::Meeting, 5), (Kind::Contact, 1));
        links.add(
            meeting,
            contact,
            Tag {
                own: false,
                id: 200,
            },
        );
        let back: Vec<_> = links.of(contact, Kind::Meeting).collect();
        assert_eq!(back.len(), 1);
        assert!(back.iter().all(|(id, tags)| *id == 5
            && tags.contains(&Tag {
                own: false,
                id: 199
            })));
        links.remove_all(contact);
        assert_eq!(links.of(meeting, Kind::Contact).count(), 0);
    }

    #[test]
    fn a_main_company_is_a_company_too() {
        let mut links = Links::default();
        let (deal, company) = ((Kind::Deal, 5), (Kind::Company, 1));
        links.add(deal, company, Tag { own: false, id: 5 });
        let ids = links
            .of(deal, Kind::Company)
            .flat_map(|(_, tags)| tags.iter().map(|t| t.id));
        assert_eq!(ids.collect::<Vec<_>>(), [5, 341]);
    }
}
