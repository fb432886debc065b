//! The types of records, by every name the vendor takes for them.

/// A type of record. The order is that of the type ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Kind {
    Contact,
    Company,
    Deal,
    Ticket,
    Task,
    Note,
    Meeting,
    Call,
}

impl Kind {
    pub(super) const ALL: [Self; 8] = [
        Self::Contact,
        Self::Company,
        Self::Deal,
        Self::Ticket,
        Self::Task,
        Self::Note,
        Self::Meeting,
        Self::Call,
    ];

    /// Reads a path segment: the plural, the singular or the type id.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.to_ascii_lowercase();
        Self::ALL.into_iter().find(|kind| {
            text == kind.plural() || text == kind.type_id() || text.to_uppercase() == kind.name()
        })
    }

    /// The name in paths and in `associations`.
    pub(super) const fn plural(self) -> &'static str {
        match self {
            Self::Contact => "contacts",
            Self::Company => "companies",
            Self::Deal => "deals",
            Self::Ticket => "tickets",
            Self::Task => "tasks",
            Self::Note => "notes",
            Self::Meeting => "meetings",
            Self::Call => "calls",
        }
    }

    /// The name in messages.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Contact => "CONTACT",
            Self::Company => "COMPANY",
            Self::Deal => "DEAL",
            Self::Ticket => "TICKET",
            Self::Task => "TASK",
            Self::Note => "NOTE",
            Self::Meeting => "MEETING",
            Self::Call => "CALL",
        }
    }

    /// The name in the `type` of an associated id.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Contact => "contact",
            Self::Company => "company",
            Self::Deal => "deal",
            Self::Ticket => "ticket",
            Self::Task => "task",
            Self::Note => "note",
            Self::Meeting => "meeting_event",
            Self::Call => "call",
        }
    }

    pub(super) const fn type_id(self) -> &'static str {
        match self {
            Self::Contact => "0-1",
            Self::Company => "0-2",
            Self::Deal => "0-3",
            Self::Ticket => "0-5",
            Self::Task => "0-27",
            Self::Note => "0-46",
            Self::Meeting => "0-47",
            Self::Call => "0-48",
        }
    }

    /// What happened with people, in contrast to who they are.
    pub(super) const fn is_activity(self) -> bool {
        matches!(self, Self::Task | Self::Note | Self::Meeting | Self::Call)
    }

    /// The scope that a read or a write of such a record needs.
    pub(super) const fn scope(self, write: bool) -> &'static str {
        match (self, write) {
            (Self::Company, false) => "crm.objects.companies.read",
            (Self::Company, true) => "crm.objects.companies.write",
            (Self::Deal, false) => "crm.objects.deals.read",
            (Self::Deal, true) => "crm.objects.deals.write",
            (Self::Ticket, _) => "tickets",
            (_, false) => "crm.objects.contacts.read",
            (_, true) => "crm.objects.contacts.write",
        }
    }

    /// The table of its properties.
    pub(super) const fn table(self) -> &'static str {
        match self {
            Self::Contact => include_str!("schema/contacts.toml"),
            Self::Company => include_str!("schema/companies.toml"),
            Self::Deal => include_str!("schema/deals.toml"),
            Self::Ticket => include_str!("schema/tickets.toml"),
            Self::Task => include_str!("schema/tasks.toml"),
            Self::Note => include_str!("schema/notes.toml"),
            Self::Meeting => include_str!("schema/meetings.toml"),
            Self::Call => include_str!("schema/calls.toml"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Kind;

    #[test]
    fn every_name_of_a_type() {
        for name in ["meetings", "meeting", "0-47", "MEETINGS"] {
            assert_eq!(Kind::parse(name), Some(Kind::Meeting), "{name}");
        }
        assert_eq!(Kind::parse("leads"), None);
    }
}
