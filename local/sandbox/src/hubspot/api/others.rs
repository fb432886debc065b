//! What is only read: owners, pipelines, the account.

use serde_json::{Value, json};

use super::super::answer::Answer;
use super::super::errors::{Outcome, Refusal};
use super::super::kinds::Kind;
use super::super::portal::{Owner, Portal};
use super::super::times;
use super::{Call, paging};

pub(super) fn owners(portal: &Portal, call: &Call, rest: &[&str]) -> Outcome<Answer> {
    match rest {
        [] => {
            let limit = call.limit(100, 500)?;
            let email = call.parameter("email").map(str::to_lowercase);
            let after: u64 = call
                .parameter("after")
                .and_then(|a| a.parse().ok())
                .unwrap_or(0);
            let mut fitting = portal.owners.iter().filter(|owner| {
                !call.flag("archived")
                    && owner.id > after
                    && email.as_ref().is_none_or(|email| *email == owner.email)
            });
            let page: Vec<&Owner> = fitting.by_ref().take(limit).collect();
            let shown: Vec<Value> = page.iter().map(|owner| owner_shown(owner)).collect();
            let mut body = json!({ "results": shown });
            if let (Some(_), Some(last), Some(body)) =
                (fitting.next(), page.last(), body.as_object_mut())
            {
                body.insert(
                    "paging".to_owned(),
                    paging(portal, call, &last.id.to_string()),
                );
            }
            Ok(Answer::json(200, body))
        }
        [id] => {
            let by_user = call.parameter("idProperty") == Some("userId");
            let owner = if by_user {
                portal.owners.iter().find(|o| o.user_id.to_string() == *id)
            } else {
                portal.owner(id)
            };
            let owner = owner.ok_or_else(Refusal::not_found)?;
            Ok(Answer::json(200, owner_shown(owner)))
        }
        _ => Err(Refusal::not_found()),
    }
}

fn owner_shown(owner: &Owner) -> Value {
    json!({
        "id": owner.id.to_string(),
        "type": "PERSON",
        "email": owner.email,
        "firstName": owner.first,
        "lastName": owner.last,
        "userId": owner.user_id,
        "userIdIncludingInactive": owner.user_id,
        "archived": false,
        "createdAt": "2024-01-08T09:00:00.000Z",
        "updatedAt": "2024-01-08T09:00:00.000Z",
    })
}

pub(super) fn pipelines(portal: &Portal, kind: Kind, rest: &[&str]) -> Outcome<Answer> {
    let lines = portal.pipelines.get(&kind);
    let Some(lines) = lines else {
        let message = format!("{} does not support pipelines", kind.name());
        return Err(Refusal::validation(message));
    };
    let line = |id: &str| {
        lines
            .iter()
            .find(|line| line.id == id)
            .ok_or_else(Refusal::not_found)
    };
    let body = match rest {
        [] => json!({ "results": lines.iter().map(|line| line.shown(kind)).collect::<Vec<_>>() }),
        [id] => line(id)?.shown(kind),
        [id, "stages"] => json!({ "results": line(id)?.stages_shown(kind) }),
        [id, "stages", stage] => {
            let stages = line(id)?.stages_shown(kind);
            let mut stages = stages.into_iter();
            let stage = stages.find(|shown| shown.get("id").and_then(Value::as_str) == Some(stage));
            stage.ok_or_else(Refusal::not_found)?
        }
        _ => return Err(Refusal::not_found()),
    };
    Ok(Answer::json(200, body))
}

pub(super) fn account(portal: &Portal, rest: &[&str], used: u64) -> Outcome<Answer> {
    let body = match rest {
        ["details"] => json!({
            "portalId": portal.hub_id,
            "accountType": "STANDARD",
            "timeZone": "UTC",
            "companyCurrency": "EUR",
            "additionalCurrencies": [],
            "utcOffset": "+00:00",
            "utcOffsetMilliseconds": 0,
            "uiDomain": "app.hubspot.com",
            "dataHostingLocation": "na1",
        }),
        ["api-usage", "daily", "private-apps"] => {
            let midnight = times::day(portal.now).tomorrow().map_or_else(
                |_| times::written(portal.now),
                |day| format!("{day}T00:00:00.000Z"),
            );
            json!({ "results": [{
                "name": "private-apps-api-calls-daily",
                "usageLimit": portal.settings.daily_limit,
                "currentUsage": used,
                "collectedAt": times::written(portal.now),
                "fetchStatus": "SUCCESS",
                "resetsAt": midnight,
            }] })
        }
        _ => return Err(Refusal::not_found()),
    };
    Ok(Answer::json(200, body))
}
