//! The reference event: what the figures per delivery are of. Three participants, three action items,
//! two insights, a summary of 2 kB; the transcript stays where it is, and the event has its address.

use serde_json::{Value, json};

/// Words of a meeting, each sentence once: text that repeats itself would be compressed to nothing.
const SUMMARY: &str = "\
Acme's sales operations team described how meeting notes reach their CRM today: most account executives type them on \
Friday afternoons, from memory, and roughly a third of all conversations never arrive. Forecast calls therefore begin \
with arguments about what customers really said. Priya, who leads revenue operations, wants one source that both the \
field and finance accept. She asked whether recordings of calls in Germany need the consent of every participant, and \
we promised a written answer from our counsel. Their security questionnaire has 140 items; Tomas will send it on \
Tuesday and expects it back within two weeks, including the report of the latest penetration test. \
Budget: 48,000 euros are approved for the current year, and the steering committee can double that in February if the \
pilot in the Nordic region shows that reps save at least two hours a week. Two other vendors are being looked at. One \
of them lost favour because its transcripts of Danish were unusable; the other is cheaper but cannot write to custom \
objects. The decision lies with Marguerite, the chief revenue officer, who joined for the last ten minutes. Her main \
worry is adoption: an earlier tool was bought in 2023 and abandoned after one quarter, since managers never opened it. \
She would like weekly reports per team, delivered by mail, and a named person on our side for onboarding. \
Timeline: the pilot should begin on 11 January with forty seats in Oslo, Malmö and Aarhus. Legal review runs in \
parallel and must end by 18 December, as nobody signs during the holidays. Integration work on their side is small: \
the administrator creates one field and approves the connection. We showed how a session appears as an activity with \
tasks, and how somebody can see why a person was matched. They asked for the same on opportunities that are shared by \
two subsidiaries, which today need a manual step. Risks that were named: a reorganisation of the southern region in \
spring, and a freeze of new software that the group's chief information officer might announce at the end of March.";

/// The event of a session by its number, for one organization: other people each time but one, so that a
/// batch looks up as many addresses as it may.
pub(crate) fn event(organization: &str, number: usize) -> Value {
    let session = session(number);
    json!({
        "id": format!("evt_{number:08}"), "type": "session.completed", "organizationId": organization,
        "timestamp": "2026-11-20T11:45:00Z",
        "payload": { "sessionId": session, "session": {
            "id": session, "title": format!("Acme: evaluation and pilot, part {number}"), "kind": "meeting",
            "created_at": "2026-11-20T11:00:00Z", "duration_seconds": 2_700, "language": "en",
            "url": format!("https://app.liveprompt.example/sessions/{session}"),
            "host": { "name": "Hana Sato", "email": "hana@seller.example" },
            "participants": [
                { "name": "Ada Byrne", "email": "ada@acme.example", "title": "VP Sales", "company": "Acme" },
                { "name": "Priya Raman", "email": format!("priya.{number}@buyer.example"), "title": "Head of RevOps" },
                { "name": "Tomas Lind", "email": format!("tomas.{number}@buyer.example"), "company": "Buyer" } ],
            "tags": { "team": "mid-market", "region": "emea", "product": "recorder" },
            "summary": { "text": SUMMARY, "format": "text" },
            "insights": [
                { "id": "ins_1", "kind": "budget", "value": "48,000 EUR", "confidence": 0.92, "person_email": "ada@acme.example" },
                { "id": "ins_2", "kind": "decision_maker", "value": "Marguerite, chief revenue officer", "confidence": 0.81 } ],
            "action_items": [
                { "id": "act_1", "title": "Send the answer on consent in Germany", "status": "open",
                  "assignee_email": "hana@seller.example", "due_at": "2026-11-27T16:00:00Z" },
                { "id": "act_2", "title": "Fill in the security questionnaire", "status": "open",
                  "assignee_email": "hana@seller.example", "due_at": "2026-12-04T16:00:00Z" },
                { "id": "act_3", "title": "Name somebody for onboarding", "status": "open" } ] } },
    })
}

/// The session of a number.
pub(crate) fn session(number: usize) -> String {
    format!("ses_{number:08}")
}

#[cfg(test)]
mod tests {
    use hub_domain::{Envelope, Payload};

    use super::*;

    #[test]
    fn it_is_what_its_description_says() {
        assert!((2_000..2_100).contains(&SUMMARY.len()), "{}", SUMMARY.len());
        let event = Envelope::parse(&event("org_bench", 7), "").unwrap();
        let Payload::SessionCompleted {
            session,
            segments,
            summary,
            action_items,
            insights,
        } = event.payload
        else {
            panic!("another event");
        };
        assert_eq!(
            (
                session.participants.len(),
                action_items.len(),
                insights.len()
            ),
            (3, 3, 2)
        );
        assert_eq!(summary.unwrap().text.len(), SUMMARY.len());
        assert!(segments.is_empty());
    }
}
