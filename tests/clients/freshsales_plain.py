"""Plain requests against the fake Freshsales, as its public clients send them: there is no maintained client library.

Header, paths and bodies are those of developers.freshworks.com/crm/api and of public clients for Python, TypeScript and
C# that use the same paths. Only the standard library is needed.
"""

import json
import sys
import urllib.error
import urllib.parse
import urllib.request

from harness import BASE, case, credentials, failure, fault, records, run, same, sandbox

VERSION = "python{}.{}".format(*sys.version_info[:2])
MEETING = {"title": "Discovery", "from_date": "2026-11-19T10:00:00+00:00", "end_date": "2026-11-19T10:45:00+00:00"}


class Refused(Exception):
    def __init__(self, status, headers, text):
        super().__init__(f"{status} {text}")
        self.status, self.headers, self.text = status, headers, text

    @property
    def messages(self):
        return json.loads(self.text)["errors"]["message"]


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


OPENER = urllib.request.build_opener(NoRedirect, urllib.request.ProxyHandler({}))


class Freshsales:
    """A client as people write it: the bundle alias, the key, and a session."""

    def __init__(self, key, alias=None):
        scheme = urllib.parse.urlsplit(BASE).scheme
        self.base = f"{scheme}://{alias or credentials()['bundle_alias']}/api"
        self.authorization = f"Token token={key}"

    def send(self, method, path, body=None, **query):
        address = f"{self.base}/{path}" + (f"?{urllib.parse.urlencode(query)}" if query else "")
        request = urllib.request.Request(
            address,
            method=method,
            headers={"Authorization": self.authorization, "Content-Type": "application/json"},
            data=None if body is None else json.dumps(body).encode(),
        )
        try:
            with OPENER.open(request, timeout=20) as answer:
                text = answer.read()
                self.status, self.headers = answer.status, answer.headers
        except urllib.error.HTTPError as error:
            raise Refused(error.code, error.headers, error.read().decode()) from None
        return json.loads(text) if text else None

    def get(self, path, **query):
        return self.send("GET", path, **query)

    def post(self, path, body):
        return self.send("POST", path, body)

    def put(self, path, body):
        return self.send("PUT", path, body)

    def lookup(self, email):
        found = self.get("lookup", q=email, f="email", entities="contact")
        return found["contacts"]["contacts"]


def connect():
    sandbox("POST", "settings", {"search_lag_s": 0})
    return Freshsales(credentials()["api_key"])


@case("the header is Token token=…, and a wrong key is a 401 in a form of its own")
def _():
    crm = connect()
    same([user["email"] for user in crm.get("selector/owners")["users"]][0], "olivia@liveprompt.example")
    for header in ("Bearer x", "Token token=wrong", "Token wrong"):
        crm.authorization = header
        refused = failure(Refused, crm.get, "selector/owners")
        same(refused.status, 401)
        same(json.loads(refused.text)["login"], "failed")


@case("a wrong alias and an ended trial are pages of HTML")
def _():
    crm = connect()
    host = urllib.parse.urlsplit(BASE).netloc
    lost = Freshsales(credentials()["api_key"], f"{host}/crm/marketing")
    refused = failure(Refused, lost.get, "selector/owners")
    same(refused.status, 302)
    assert refused.headers["location"].endswith("/login")
    sandbox("POST", "settings", {"expired": True})
    failure(json.JSONDecodeError, crm.get, "selector/owners")
    same(crm.headers.get_content_type(), "text/html")


@case("a classic account has its API at /api")
def _():
    connect()
    sandbox("POST", "settings", {"edition": "classic"})
    crm = Freshsales(credentials()["api_key"], urllib.parse.urlsplit(BASE).netloc)
    same(len(crm.get("selector/owners")["users"]), 2)


@case("a look-up nests twice; a miss is an empty list")
def _():
    crm = connect()
    [ada] = crm.lookup("ADA@acme.example")
    same(ada["display_name"], "Ada Moreno")
    assert ada["id"] > 2**32
    same(crm.lookup("nobody@nowhere.example"), [])


@case("a filtered search has rules and pages")
def _():
    crm = connect()
    rule = {"attribute": "contact_email.email", "operator": "is_in", "value": "ben@acme.example"}
    found = crm.post("filtered_search/contact", {"filter_rule": [rule], "page": 1, "per_page": 25})
    same([one["display_name"] for one in found["contacts"]], ["Ben Okafor"])
    same(found["meta"], {"total_pages": 1, "total": 1})
    rule = {"attribute": "updated_at", "operator": "is_after", "value": "2000-01-01"}
    names = []
    for page in (1, 2, 3):
        found = crm.post("filtered_search/contact", {"filter_rule": [rule], "page": page, "per_page": 3})
        names += [one["display_name"] for one in found["contacts"]]
    same((len(names), len(set(names)), found["meta"]["total_pages"]), (7, 7, 3))


@case("an upsert makes a contact and then changes it; the identifier is emails")
def _():
    crm = connect()
    body = lambda key, **more: {"unique_identifier": {key: "eve@new.example"}, "contact": more}
    made = crm.post("contacts/upsert", body("emails", first_name="Eve", last_name="Ng"))
    same(crm.status, 201)
    changed = crm.put("contacts/upsert", body("emails", job_title="CTO"))
    same((crm.status, changed["contact"]["id"]), (200, made["contact"]["id"]))
    same(changed["contact"]["email"], "eve@new.example")
    refused = failure(Refused, crm.post, "contacts/upsert", body("email", job_title="CFO"))
    same(refused.status, 400)
    assert "unique field" in refused.messages[0]
    refused = failure(Refused, crm.post, "contacts", {"contact": {"email": "eve@new.example"}})
    same(refused.messages, ["Email is not unique"])


@case("custom fields bear cf_ and stand in custom_field; lists take numbers")
def _():
    crm = connect()
    fields = {field["name"]: field for field in crm.get("settings/contacts/fields")["fields"]}
    same(fields["cf_hub_key"]["default"], False)
    [ada] = crm.lookup("ada@acme.example")
    path = f"contacts/{ada['id']}"
    choice = fields["lifecycle_stage_id"]["choices"][0]
    body = {"custom_field": {"cf_hub_key": "k"}, "lifecycle_stage_id": choice["id"]}
    changed = crm.put(path, {"contact": body})["contact"]
    same((changed["custom_field"]["cf_hub_key"], changed["lifecycle_stage_id"]), ("k", choice["id"]))
    refused = failure(Refused, crm.put, path, {"contact": {"lifecycle_stage_id": choice["value"]}})
    same(refused.status, 400)


@case("an appointment has attendees and belongs to a contact")
def _():
    crm = connect()
    [ada] = crm.lookup("ada@acme.example")
    owner = crm.get("selector/owners")["users"][0]["id"]
    attendees = [
        {"attendee_type": "FdMultitenant::User", "attendee_id": str(owner)},
        {"attendee_type": "Contact", "attendee_id": str(ada["id"])},
    ]
    body = {**MEETING, "targetable_id": str(ada["id"]), "targetable_type": "Contact", "time_zone": "UTC"}
    made = crm.post("appointments", {"appointment": {**body, "appointment_attendees_attributes": attendees}})
    same(made["appointment"]["targetable_id"], ada["id"])
    same([one["title"] for one in crm.get(f"contacts/{ada['id']}/appointments")["appointments"]], ["Discovery"])
    same([one["title"] for one in crm.get("appointments", filter="past")["appointments"]], ["Discovery"])
    refused = failure(Refused, crm.post, "appointments", {"appointment": {"title": "x"}})
    same(refused.messages, ["From date can't be blank", "End date can't be blank"])


@case("a sales activity takes a type of the account")
def _():
    crm = connect()
    [ada] = crm.lookup("ada@acme.example")
    kind = crm.get("selector/sales_activity_types")["sales_activity_types"][0]["id"]
    body = {"title": "Demo", "targetable_type": "Contact", "targetable_id": ada["id"], "start_date": 1795161600}
    crm.post("sales_activities", {"sales_activity": {**body, "sales_activity_type_id": kind}})
    same(len(crm.get(f"contacts/{ada['id']}/activities")["activities"]), 1)
    wrong = {"sales_activity": {**body, "sales_activity_type_id": 1}}
    same(failure(Refused, crm.post, "sales_activities", wrong).status, 400)
    sandbox("POST", "settings", {"sales_activities": False})
    same(failure(Refused, crm.get, "selector/sales_activity_types").status, 404)


@case("a task belongs to a user, and is completed")
def _():
    crm = connect()
    refused = failure(Refused, crm.post, "tasks", {"task": {"title": "Call"}})
    same(refused.messages, ["Owner id can't be blank"])
    owner = crm.get("selector/owners")["users"][0]["id"]
    due = "2026-11-30T09:00:00Z"
    made = crm.post("tasks", {"task": {"title": "Call", "owner_id": owner, "due_date": due, "status": 0}})
    crm.put(f"tasks/{made['task']['id']}", {"task": {"status": 1}})
    same([one["title"] for one in crm.get("tasks", filter="completed")["tasks"]], ["Call"])
    same(crm.get("tasks", filter="open")["tasks"], [])


@case("a deal has contacts, and takes a note")
def _():
    crm = connect()
    [ada] = crm.lookup("ada@acme.example")
    deal = crm.post("deals", {"deal": {"name": "Big", "amount": 12, "contacts_added_list": [ada["id"]]}})["deal"]
    note = {"description": "<b>Hi</b>", "targetable_type": "Deal", "targetable_id": deal["id"]}
    crm.post("notes", {"note": note})
    same(crm.get(f"deals/{deal['id']}", include="notes")["notes"][0]["description"], "<b>Hi</b>")
    crm.send("DELETE", f"deals/{deal['id']}")
    same((crm.status, failure(Refused, crm.get, f"deals/{deal['id']}").status), (204, 404))


@case("contacts are listed by a view, newest change first")
def _():
    crm = connect()
    view = crm.get("contacts/filters")["filters"][0]["id"]
    crm.post("contacts", {"contact": {"email": "last@new.example"}})
    page = crm.get(f"contacts/view/{view}", page=1, per_page=2, sort="created_at", sort_type="desc")
    same((page["contacts"][0]["email"], page["meta"]["total"]), ("last@new.example", 8))


@case("many contacts are a job that is asked for later")
def _():
    crm = connect()
    body = [{"emails": "ada@acme.example", "data": {"job_title": "CEO"}}, {"emails": "no address", "data": {}}]
    accepted = crm.post("contacts/bulk_upsert", {"contacts": body})
    same(crm.status, 202)
    assert accepted["message"].startswith("Request accepted")
    assert crm.get(f"jobs/{accepted['job_id']}")["status"] in ("In Progress", "Completed")
    same(crm.lookup("ada@acme.example")[0]["job_title"], "CEO")


@case("a limit is a 429 with a wait, by the hour and by the minute")
def _():
    crm = connect()
    for limit in ({"hourly_calls": 2}, {"hourly_calls": None, "minutely_calls": 4}):
        sandbox("POST", "settings", limit)
        crm.get("selector/owners")
        crm.get("selector/owners")
        refused = failure(Refused, crm.get, "selector/owners")
        same(refused.status, 429)
        assert 0 < int(refused.headers["retry-after"]) <= 3600


@case("a limit may stand in the text of a 400")
def _():
    crm = connect()
    fault(fault="wrapped_rate_limit")
    refused = failure(Refused, crm.get, "selector/owners")
    same((refused.status, refused.headers["retry-after"]), (400, None))
    assert "response_code :: 429" in refused.messages[0]
    fault(fault="maintenance_html")
    same(failure(Refused, crm.get, "selector/owners").status, 503)
    same(len(records("contacts")), 7)


run("freshsales-plain", VERSION)
