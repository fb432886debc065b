//! Our clock is wrong by ten minutes, either way.

use std::time::Duration;

use hub_domain::{ConnectionState, Method};

use super::{REFRESHED, active, spent, stored, token_calls, used, works};

#[tokio::test(start_paused = true)]
async fn tokens_are_refreshed_when_they_end_and_not_more_often() {
    for crm in REFRESHED {
        for minutes in [-10, 10] {
            let (machine, id) = spent(crm).await;
            let what = format!("{crm}, {minutes} minutes");
            let before = token_calls(&machine);
            for _ in 0..5 {
                let hub = machine.hub_off_by("deliver", minutes);
                assert!(used(&hub, &id).await.works, "{what}");
            }
            assert_eq!(token_calls(&machine) - before, 1, "{what}");
            // Its end comes by both clocks, and is met once.
            tokio::time::sleep(Duration::from_hours(3)).await;
            for _ in 0..5 {
                let hub = machine.hub_off_by("deliver", minutes);
                assert!(used(&hub, &id).await.works, "{what}");
            }
            assert_eq!(token_calls(&machine) - before, 2, "{what}");
            // Workers of both clocks side by side.
            assert!(works(&machine, &id).await, "{what}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_assertion_of_another_time_is_refused_in_words_and_parks_nothing() {
    for minutes in [-10, 10] {
        let (machine, id) = active("salesforce", Method::JwtBearer).await;
        tokio::time::sleep(Duration::from_hours(3)).await;
        let hub = machine.hub_off_by("deliver", minutes);
        let tested = used(&hub, &id).await;
        assert!(!tested.works, "{minutes}");
        let said = tested.checks.last().unwrap();
        assert_eq!(said.verdict, "retry", "{said:?}");
        assert!(said.reason.contains("the clocks differ"), "{said:?}");
        let found = stored(&machine, &id).await;
        assert_eq!(found.state, ConnectionState::Active, "{found:?}");
        // The clock is set right.
        assert!(works(&machine, &id).await, "{minutes}");
    }
}
