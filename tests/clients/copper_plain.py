"""Plain requests against the fake Copper, as its documentation writes them: nobody keeps a client library for it."""

import json
import urllib.error
import urllib.parse
import urllib.request
from html.parser import HTMLParser

from harness import BASE, case, credentials, fault, records, run, same, sandbox

API = f"{BASE}/developer_api/v1"
# developer.copper.com, activities/overview: the example of the vendor.
EXAMPLE_DATE = 1496710783


def by_key(given=None):
    """The three headers of a call by API key."""
    given = given or credentials()
    return {
        "X-PW-AccessToken": given["api_key"],
        "X-PW-Application": "developer_api",
        "X-PW-UserEmail": given["api_key_email"],
        "Content-Type": "application/json",
    }


def by_token(token=None):
    token = token or credentials()["access_token"]
    return {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}


def ask(method, address, body=None, headers=None):
    """Status, JSON or text, and headers of an answer, whatever it is."""
    data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    request = urllib.request.Request(address, method=method, headers=headers or {}, data=data)
    try:
        answer = urllib.request.urlopen(request, timeout=10)
    except urllib.error.HTTPError as refused:
        answer = refused
    with answer:
        text = answer.read().decode()
        try:
            return answer.status, json.loads(text), answer.headers
        except ValueError:
            return answer.status, text, answer.headers


def call(method, path, body=None, headers=None):
    status, found, _ = ask(method, f"{API}/{path}", body, headers or by_key())
    return status, found


def done(method, path, body=None, headers=None):
    status, found = call(method, path, body, headers)
    assert status == 200, f"{method} {path}: {status} {found}"
    return found


def person(email):
    return done("POST", "people/fetch_by_email", {"email": email})


def note(about, details="Words", **more):
    return {"parent": {"type": "person", "id": about}, "type": {"category": "user", "id": 0}, "details": details, **more}


class Form(HTMLParser):
    """The form of a page, and its hidden fields."""

    def __init__(self, page):
        super().__init__()
        self.action, self.fields = None, {}
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        if tag == "form":
            self.action = found["action"]
        elif tag == "input":
            self.fields[found["name"]] = found["value"]


@case("a call by key needs all three headers, and the key its owner's address")
def three_headers():
    whole = by_key()
    same(call("GET", "account", headers=whole)[0], 200)
    for name in ("X-PW-AccessToken", "X-PW-Application", "X-PW-UserEmail"):
        some = {key: value for key, value in whole.items() if key != name}
        status, found = call("GET", "account", headers=some)
        same((status, found), (401, {"success": False, "status": 401, "message": "Unauthorized"}))
    other = {**whole, "X-PW-UserEmail": "rafael@liveprompt.example"}
    same(call("GET", "account", headers=other)[0], 401)
    same(set(done("GET", "account")), {"id", "name", "primary_timezone", "settings"})


@case("the consent comes back as a form that is posted; its token has no end and no refresh token")
def oauth():
    given = credentials()
    query = {
        "response_type": "code",
        "client_id": given["client_id"],
        "redirect_uri": given["redirect_uri"],
        "scope": "developer/v1/all",
        "state": "abc",
        "__sandbox_consent": "allow",
    }
    status, page, _ = ask("GET", f"{BASE}/oauth/authorize?{urllib.parse.urlencode(query)}")
    form = Form(page)
    same((status, form.action, form.fields["state"]), (200, given["redirect_uri"], "abc"))
    body = {
        "grant_type": "authorization_code",
        "code": form.fields["code"],
        "redirect_uri": given["redirect_uri"],
        "client_id": given["client_id"],
        "client_secret": given["client_secret"],
    }
    encoded = urllib.parse.urlencode(body).encode()
    form_type = {"Content-Type": "application/x-www-form-urlencoded"}
    status, token, _ = ask("POST", f"{BASE}/oauth/token", encoded, form_type)
    same((status, set(token)), (200, {"access_token", "token_type", "scope"}))
    same(done("GET", "users/me", headers=by_token(token["access_token"]))["email"], given["api_key_email"])
    again, refused, _ = ask("POST", f"{BASE}/oauth/token", encoded, form_type)
    same((again, refused["error"]), (400, "invalid_grant"))
    same(call("GET", "account", headers=by_token(token["access_token"]))[0], 401)


@case("a person is found by address, or is not there; an address is one person's")
def people():
    ada = person("ada@acme.example")
    same((ada["emails"][0]["category"], ada["company_name"]), ("work", "Acme Corp"))
    status, found = call("POST", "people/fetch_by_email", {"email": "nobody@nowhere.example"})
    same((status, found["message"]), (404, "Resource not found"))
    new = {"name": "Ada", "emails": [{"email": "ada@acme.example", "category": "work"}]}
    status, found = call("POST", "people", new)
    same((status, found["status"]), (422, 422))
    assert found["message"].startswith("Invalid input: emails"), found
    both = done("POST", "people/search", {"emails": ["ada@acme.example", "ben@acme.example"]})
    same(len(both), 2)


@case("a lead has one address, and may have that of a person")
def leads():
    found = done("POST", "leads/search", {"emails": ["carla@globex.example", "lee@prospect.example"]})
    same([one["email"]["email"] for one in found], ["lee@prospect.example", "carla@globex.example"])
    same(person("carla@globex.example")["name"], "Carla Lindt")


@case("activity types have numbers of the account, save the note")
def types():
    found = done("GET", "activity_types")
    same(found["user"][0] | {"name": "Note"}, found["user"][0])
    same((found["user"][0]["id"], found["user"][0]["category"]), (0, "user"))
    assert {one["name"] for one in found["user"]} >= {"Phone Call", "Meeting"}
    same({one["category"] for one in found["system"]}, {"system"})


@case("an activity is made, changed, read and deleted; its stub stays")
def activities():
    ada = person("ada@acme.example")["id"]
    meeting = credentials()["activity_types"]["meeting"]
    made = done("POST", "activities", note(ada, activity_date=EXAMPLE_DATE) | {"type": {"category": "user", "id": meeting}})
    same((made["activity_date"], made["type"]["id"], made["old_value"]), (EXAMPLE_DATE, meeting, None))
    path = f"activities/{made['id']}"
    same(done("PUT", path, {"details": "Other words"})["details"], "Other words")
    same(done("GET", path)["parent"], {"type": "person", "id": ada})
    done("DELETE", path)
    same(done("GET", path), {"id": made["id"], "is_deleted": True})
    same(call("PUT", path, {"details": "x"})[0], 404)


@case("an activity of an unknown type, of one of the system, or of nothing is refused")
def refused():
    ada = person("ada@acme.example")["id"]
    for change in (
        {"type": {"category": "user", "id": 5}},
        {"type": {"category": "system", "id": 1}},
        {"parent": {"type": "person", "id": 1}},
        {"parent": None},
        {"activity_date": "2026-11-20"},
    ):
        status, found = call("POST", "activities", note(ada) | change)
        (field,) = change
        same((status, found["message"]), (422, f"Invalid input: {field}: invalid"))
    same(records("activities"), [])


@case("ten rows go in a bulk call, eleven do not; each is answered for itself")
def bulk():
    ada = person("ada@acme.example")["id"]
    rows = [note(ada, f"number {number}") for number in range(10)]
    rows[3] = {"details": "of nothing"}
    found = done("POST", "activities/bulk_create", {"activities": rows})
    same(found[3], {"success": False, "message": {"parent": [{"error": "missing"}]}})
    same([one.get("details") for one in found if "id" in one], [row["details"] for row in rows if "parent" in row])
    status, refused = call("POST", "activities/bulk_create", {"activities": [note(ada)] * 11})
    same((status, refused), (422, {"error": "Request size too large, limit is 10"}))
    changed = done(
        "POST",
        "activities/bulk_update",
        {"activities": [{"id": found[0]["id"], "details": "new"}, {"id": 1, "details": "none"}]},
    )
    same((changed[0]["details"], changed[1]["success"], changed[1]["id"]), ("new", False, 1))


@case("activities are found by their record and by when they took place")
def found_by_time():
    ada, ben = person("ada@acme.example")["id"], person("ben@acme.example")["id"]
    for who, at in ((ada, 100), (ben, 200), (ada, 300)):
        done("POST", "activities", note(who, activity_date=at))

    def dates(path, body):
        return [one["activity_date"] for one in done("POST", path, body)]

    same(dates("activities/search", {"minimum_activity_date": 200, "maximum_activity_date": 200}), [200])
    same(dates("activities/search", {"parent": {"type": "person", "id": ada}}), [300, 100])
    same(dates(f"people/{ada}/activities", {}), [300, 100])


@case("a page has twenty, two hundred at most, and a header tells how many there are")
def pages():
    for number in range(23):
        done("POST", "tasks", {"name": f"Task {number:02}"})
    status, found, headers = ask("POST", f"{API}/tasks/search", {"page_number": 2}, by_key())
    same((status, len(found), headers["X-PW-TOTAL"]), (200, 3, "23"))
    same(len(done("POST", "tasks/search", {"page_size": 200})), 23)
    same(done("POST", "tasks/search", {"page_number": 9}), [])
    same(call("POST", "tasks/search", {"page_size": 201})[0], 422)


@case("a number in a custom field finds its task exactly; a text cannot be searched")
def numbers():
    fields = {one["name"]: one for one in done("GET", "custom_field_definitions")}
    key, region = fields["Hub key"]["id"], fields["Region"]["id"]
    same(fields["Hub key"]["data_type"], "Float")
    for number in (2**48 - 1, 2**48 - 2):
        custom = [{"custom_field_definition_id": key, "value": number}]
        done("POST", "tasks", {"name": str(number), "custom_fields": custom})
    wanted = {"custom_field_definition_id": key, "minimum_value": 2**48 - 1, "maximum_value": 2**48 - 1}
    found = done("POST", "tasks/search", {"custom_fields": [wanted]})
    same([one["name"] for one in found], [str(2**48 - 1)])
    text = {"custom_fields": [{"custom_field_definition_id": region, "value": "EMEA"}]}
    same(call("POST", "tasks/search", text)[0], 422)


@case("a task has a due date in seconds or as a day, and is completed")
def tasks():
    for due in (1798070400, "12/24/2026"):
        same(done("POST", "tasks", {"name": "x", "due_date": due})["due_date"], 1798070400)
    same(call("POST", "tasks", {"name": "x", "due_date": "2026-12-24"})[0], 422)
    made = done("POST", "tasks", {"name": "x", "priority": "High"})
    same((made["status"], made["completed_date"]), ("Open", None))
    assert done("PUT", f"tasks/{made['id']}", {"status": "Completed"})["completed_date"]


@case("what changed since is walked in its order")
def since():
    first = done("POST", "tasks", {"name": "first"})
    body = {"minimum_modified_date": first["date_modified"], "sort_by": "date_modified", "sort_direction": "asc"}
    same([one["id"] for one in done("POST", "tasks/search", body)], [first["id"]])
    late = {"minimum_modified_date": first["date_modified"] + 3600}
    same(done("POST", "tasks/search", late), [])


@case("181 calls of a minute are one too many, and so is the fourth bulk call of a second")
def limits():
    sandbox("POST", "settings", {"per_minute": 5})
    for _ in range(5):
        same(call("GET", "account")[0], 200)
    status, found, headers = ask("GET", f"{API}/account", None, by_token())
    same((status, found["status"], headers["Retry-After"]), (429, 429, None))
    sandbox("POST", "reset")
    sandbox("POST", "settings", {"bulk_per_second": 0})
    same(call("POST", "activities/bulk_create", {"activities": []})[0], 429)
    same(call("GET", "account")[0], 200)


@case("a webhook goes to https alone")
def webhooks():
    new = {"target": "https://hub.example/x", "type": "activity_log", "event": "new", "secret": {"k": "v"}}
    made = done("POST", "webhooks", new)
    same([one["id"] for one in done("GET", "webhooks")], [made["id"]])
    status, found = call("POST", "webhooks", new | {"target": "ftp://hub.example/x"})
    same((status, found["message"]), (422, "Invalid input: Invalid URI For External Resource"))


@case("an answer that is lost leaves a record behind")
def lost():
    ada = person("ada@acme.example")["id"]
    fault(fault="drop_after", where={"path_prefix": "/developer_api/v1/activities"})
    try:
        call("POST", "activities", note(ada, "[liveprompt ses_1]"))
        raise AssertionError("it was answered")
    except OSError:
        pass
    found = done("POST", "activities/search", {"parent": {"type": "person", "id": ada}})
    same([one["details"] for one in found], ["[liveprompt ses_1]"])


run("copper-plain", version="v1")
