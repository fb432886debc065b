//! What the OAuth servers of the fake CRMs have in common: reading a request, codes and tokens with
//! their lives, the check of a verifier, the consent page. It knows no CRM and no vendor's words:
//! what is refused, how and with which text stays with each CRM.

mod answer;
mod consent;
mod noise;
mod params;
mod pkce;
mod server;
mod tokens;
mod trouble;

pub(crate) use answer::Answer;
pub(crate) use consent::{Decision, decision, location, page, posting, problem};
pub(crate) use noise::Noise;
pub(crate) use params::{
    Form, basic, content_type, credential, get, header, json_form, multipart, query, urlencoded,
    words,
};
pub(crate) use pkce::{Challenge, is_verifier, s256};
pub(crate) use server::Server;
pub(crate) use tokens::{Code, CodeFault, Consent, Fate, Tables, after};
pub(crate) use trouble::{Trouble, trouble};

/// Someone who can log in to a fake CRM.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Person {
    pub(crate) first: &'static str,
    pub(crate) last: &'static str,
    pub(crate) email: &'static str,
}

/// The same two everywhere: an admin and a sales representative.
pub(crate) const PEOPLE: [Person; 2] = [
    Person {
        first: "Olivia",
        last: "Admin",
        email: "olivia@liveprompt.example",
    },
    Person {
        first: "Rafael",
        last: "Rep",
        email: "rafael@liveprompt.example",
    },
];

/// Who consents: the one `login_hint` names, the admin otherwise.
pub(crate) fn who(form: &Form) -> &'static str {
    let hint = get(form, "login_hint");
    let named = PEOPLE.iter().find(|person| Some(person.email) == hint);
    named.or(PEOPLE.first()).map_or("", |person| person.email)
}

/// The person with this address, and their number from 0.
pub(crate) fn person(email: &str) -> Option<(u64, &'static Person)> {
    (0..).zip(&PEOPLE).find(|(_, person)| person.email == email)
}
