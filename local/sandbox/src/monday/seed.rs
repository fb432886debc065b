//! The boards and items a new account starts with. They go through the same checks as a caller's.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::account::{Account, Board};
use super::columns::Column;

/// The boards, as the examples of the manifest's settings name them.
pub(super) const CONTACTS: u64 = 18_000_000_001;
pub(super) const ACCOUNTS: u64 = 18_000_000_002;
pub(super) const ACTIVITIES: u64 = 18_000_000_003;
pub(super) const TASKS: u64 = 18_000_000_004;

fn column(id: &str, title: &str, kind: &str) -> Column {
    let labels: &[&str] = match kind {
        "status" => &["Working on it", "Done", "Stuck"],
        "dropdown" => &["Pilot", "Renewal"],
        _ => &[],
    };
    let boards = match id {
        "contacts" => vec![CONTACTS],
        "accounts" | "contact_account" => vec![ACCOUNTS],
        _ => Vec::new(),
    };
    Column {
        id: id.to_owned(),
        title: title.to_owned(),
        kind: kind.to_owned(),
        labels: labels.iter().map(|label| (*label).to_owned()).collect(),
        boards,
        archived: false,
    }
}

fn board(id: u64, name: &str, columns: &[(&str, &str, &str)]) -> Board {
    let mut all = vec![column("name", "Name", "name")];
    all.extend(
        columns
            .iter()
            .map(|(id, title, kind)| column(id, title, kind)),
    );
    Board {
        id,
        name: name.to_owned(),
        columns: all,
    }
}

/// Fills an empty account.
pub(super) fn plant(account: &mut Account, started: Timestamp) {
    let ago = started.checked_sub(SignedDuration::from_hours(90 * 24));
    account.now = ago.unwrap_or(started);
    account.boards = vec![
        board(
            CONTACTS,
            "Contacts",
            &[
                ("contact_email", "Email", "email"),
                ("contact_phone", "Phone", "phone"),
                ("contact_account", "Account", "board_relation"),
                ("title5", "Title", "text"),
            ],
        ),
        board(
            ACCOUNTS,
            "Accounts",
            &[("company_domain", "Domain", "link")],
        ),
        board(
            ACTIVITIES,
            "Activities",
            &[
                ("liveprompt_key", "liveprompt key", "text"),
                ("contacts", "Contacts", "board_relation"),
                ("accounts", "Accounts", "board_relation"),
                ("kind", "Kind", "text"),
                ("starts_at", "Starts", "date"),
                ("minutes", "Minutes", "numbers"),
                ("recording", "Recording", "link"),
                ("outcome", "Outcome", "dropdown"),
                ("last_touch", "Last updated", "last_updated"),
            ],
        ),
        board(
            TASKS,
            "Tasks",
            &[
                ("liveprompt_key", "liveprompt key", "text"),
                ("contacts", "Contacts", "board_relation"),
                ("accounts", "Accounts", "board_relation"),
                ("status", "Status", "status"),
                ("due_date", "Due", "date"),
                ("person", "Owner", "people"),
            ],
        ),
    ];
    account.activities = vec![("meeting_summary".to_owned(), "Meeting summary".to_owned())];
    let mut make = |board: u64, name: &str, values: Value| {
        // 0, which the test below catches, when it is refused.
        let made = account.create(board, name, &json!(values.to_string()), false);
        made.unwrap_or_default()
    };
    let acme = make(ACCOUNTS, "Acme Corp", json!({}));
    let globex = make(ACCOUNTS, "Globex", json!({}));
    let initech = make(ACCOUNTS, "Initech", json!({}));
    let mut person = |name: &str, email: &str, account: Option<u64>| {
        let linked: Vec<u64> = account.into_iter().collect();
        let values = json!({ "contact_email": { "email": email, "text": email },
            "contact_account": { "item_ids": linked } });
        make(CONTACTS, name, values);
    };
    person("Ada Moreno", "ada@acme.example", Some(acme));
    person("Ben Okafor", "ben@acme.example", Some(acme));
    person("Carla Lindt", "carla@globex.example", Some(globex));
    // Nothing keeps two contacts from having the same address.
    person("Dora Hale", "dup@initech.example", Some(initech));
    person("Dora Hale-Smith", "dup@initech.example", Some(initech));
    person("Milton Waddams", "milton@initech.example", Some(initech));
    person("Lee Park", "lee@prospect.example", None);
    person("Lia Sand", "lia@prospect.example", None);
    account.now = started;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_seed_record_is_accepted() -> Result<(), Box<dyn std::error::Error>> {
        let now = "2026-11-20T09:00:00Z".parse()?;
        let mut account = Account::new(1, now);
        plant(&mut account, now);
        let counts = [CONTACTS, ACCOUNTS, ACTIVITIES, TASKS].map(|board| {
            account
                .items
                .values()
                .filter(|item| item.board == board)
                .count()
        });
        assert_eq!(counts, [8, 3, 0, 0]);
        assert!(account.is_indexed(account.items.values().next().ok_or("none")?));
        Ok(())
    }
}
