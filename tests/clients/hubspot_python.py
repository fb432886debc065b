"""hubspot-api-client for Python against the fake HubSpot. Its models refuse what is not as specified."""

import base64
import datetime
import hashlib
import hmac
import time
from urllib.parse import parse_qs, urlencode, urlsplit

import requests
import urllib3
from hubspot import HubSpot
from hubspot.crm import associations as associations_v3
from hubspot.crm import contacts, deals, objects, owners, pipelines, properties
from hubspot.crm.associations import v4
from hubspot.crm.associations.v4 import schema
from hubspot.exceptions import InvalidSignatureTimestampError
from hubspot.oauth import ApiException as OAuthError
from hubspot.utils.oauth import get_auth_url
from hubspot.utils.signature import Signature

from harness import BASE, case, credentials, failure, fault, records, requests_so_far, run, same, sandbox

START = "2026-11-20T15:00:00Z"
MEETING = {"hs_timestamp": START, "hs_meeting_title": "Discovery", "hs_meeting_start_time": START}


def connect(token=None, **more):
    client = HubSpot(access_token=token or credentials()["access_token"], **more)
    client.config["host"] = BASE
    client.config["base_url"] = BASE
    return client


def new(values, *linked):
    return objects.SimplePublicObjectInputForCreate(properties=values, associations=list(linked))


def new_contact(values):
    return contacts.SimplePublicObjectInputForCreate(properties=values, associations=[])


def to(number, kind):
    spec = objects.AssociationSpec(association_category="HUBSPOT_DEFINED", association_type_id=kind)
    return objects.PublicAssociationsForObject(to=objects.PublicObjectId(id=number), types=[spec])


def by_email(client, email, **more):
    return client.crm.contacts.basic_api.get_by_id(email, id_property="email", **more)


def live(name):
    return [one for one in records(name) if not one.get("archived")]


def body_of(error):
    import json

    return json.loads(error.body)


@case("tokens_api exchanges a code and refreshes with the same refresh token")
def tokens():
    given = credentials()
    api = connect().oauth.tokens_api
    page = get_auth_url(given["client_id"], given["redirect_uri"], ("oauth", "crm.objects.contacts.read"), state="abc")
    same(parse_qs(urlsplit(page).query)["scope"], ["oauth crm.objects.contacts.read"])
    address = f"{BASE}/oauth/authorize?{urlsplit(page).query}&{urlencode({'__sandbox_consent': 'allow'})}"
    answer = requests.get(address, allow_redirects=False, timeout=10)
    code = parse_qs(urlsplit(answer.headers["location"]).query)["code"][0]
    app = {"client_id": given["client_id"], "client_secret": given["client_secret"]}
    made = api.create(grant_type="authorization_code", code=code, redirect_uri=given["redirect_uri"], **app)
    same((made.expires_in, made.token_type), (1800, "bearer"))
    fresh = api.create(grant_type="refresh_token", refresh_token=made.refresh_token, **app)
    same(fresh.refresh_token, made.refresh_token)
    same(len(connect(fresh.access_token).crm.contacts.basic_api.get_page(limit=2).results), 2)
    used = failure(
        OAuthError, api.create, grant_type="authorization_code", code=code, redirect_uri=given["redirect_uri"], **app
    )
    same(used.status, 400)


@case("a dead refresh token is a 400 BAD_REFRESH_TOKEN, and a revoked one is dead")
def dead_token():
    given = credentials()
    api = connect().oauth
    app = {"client_id": given["client_id"], "client_secret": given["client_secret"]}
    error = failure(OAuthError, api.tokens_api.create, grant_type="refresh_token", refresh_token="nobody", **app)
    same((error.status, body_of(error)["status"]), (400, "BAD_REFRESH_TOKEN"))
    same(api.refresh_tokens_api.get(given["refresh_token"]).hub_id, given["hub_id"])
    same(api.access_tokens_api.get(given["access_token"]).user_id, given["user_id"])
    api.refresh_tokens_api.archive(given["refresh_token"])
    failure(
        OAuthError, api.tokens_api.create, grant_type="refresh_token", refresh_token=given["refresh_token"], **app
    )
    app["client_secret"] = "no"
    failure(
        OAuthError, api.tokens_api.create, grant_type="refresh_token", refresh_token=given["refresh_token"], **app
    )


@case("401 by category: expired, unknown; a private app's token does not expire")
def unauthorized():
    given = credentials()
    client = connect(given["access_token"])
    fault(fault="expire_access_token")
    error = failure(contacts.ApiException, client.crm.contacts.basic_api.get_page)
    same((error.status, body_of(error)["category"]), (401, "EXPIRED_AUTHENTICATION"))
    error = failure(contacts.ApiException, connect("nobody").crm.contacts.basic_api.get_page)
    same((error.status, body_of(error)["category"]), (401, "INVALID_AUTHENTICATION"))
    assert connect(given["private_app_token"]).crm.contacts.basic_api.get_page().results


@case("a meeting with people and deal is created, read, changed, archived")
def meeting():
    client = connect()
    ada = by_email(client, "ada@acme.example", associations=["deals"])
    deal = ada.associations["deals"].results[0].id
    api = client.crm.objects.meetings.basic_api
    made = api.create(new(MEETING, to(ada.id, 200), to(deal, 212)))
    assert isinstance(made.created_at, datetime.datetime)
    read = api.get_by_id(made.id, properties=["hs_meeting_title"], associations=["contacts", "deals"])
    same(read.properties["hs_meeting_title"], "Discovery")
    same([one.id for one in read.associations["contacts"].results], [ada.id])
    same([one.id for one in read.associations["deals"].results], [deal])
    change = objects.SimplePublicObjectInput(properties={"hs_meeting_outcome": "COMPLETED"})
    same(api.update(made.id, change).properties["hs_meeting_outcome"], "COMPLETED")
    api.archive(made.id)
    error = failure(objects.meetings.ApiException, api.get_by_id, made.id)
    same((error.status, body_of(error)["message"]), (404, "resource not found"))
    assert api.get_by_id(made.id, archived=True).archived
    same(len(live("meetings")), 0)


@case("calls, tasks and notes by their own and by the general API")
def activities():
    client = connect()
    kinds = {
        "calls": {"hs_call_title": "x", "hs_call_duration": "60000", "hs_call_status": "COMPLETED"},
        "tasks": {"hs_task_subject": "x", "hs_task_status": "NOT_STARTED", "hs_task_type": "CALL"},
        "notes": {"hs_note_body": "x"},
    }
    for name, values in kinds.items():
        made = client.crm.objects.basic_api.create(name, new({"hs_timestamp": START, **values}))
        own = getattr(client.crm.objects, name).basic_api.get_by_id(made.id, properties=list(values))
        same({key: own.properties[key] for key in values}, values)
        same(len(live(name)), 1)
    wrong = new({"hs_timestamp": START, "hs_task_subject": "x", "hs_task_status": "NOPE"})
    error = failure(objects.ApiException, client.crm.objects.basic_api.create, "tasks", wrong)
    same((error.status, body_of(error)["category"]), (400, "VALIDATION_ERROR"))
    same(len(live("tasks")), 1)


@case("a refused contact says which property and why, and is not there")
def refused():
    client = connect()
    before = len(live("contacts"))
    for values, code in [
        ({"email": "q@q.example", "nope": "1"}, "PROPERTY_DOESNT_EXIST"),
        ({"email": "no address"}, "INVALID_EMAIL"),
        ({"email": "q@q.example", "hs_object_id": "1"}, "READ_ONLY_VALUE"),
        ({"email": "q@q.example", "lifecyclestage": "nope"}, "INVALID_OPTION"),
    ]:
        error = failure(contacts.ApiException, client.crm.contacts.basic_api.create, new_contact(values))
        same(error.status, 400)
        assert code in body_of(error)["message"], error.body
    taken = failure(
        contacts.ApiException, client.crm.contacts.basic_api.create, new_contact({"email": "ADA@acme.example"})
    )
    same((taken.status, body_of(taken)["category"]), (409, "CONFLICT"))
    same(len(live("contacts")), before)


@case("a contact is found, changed and archived by address")
def address():
    client = connect()
    made = client.crm.contacts.basic_api.create(new_contact({"email": "a+b@q.example", "firstname": "Plus"}))
    found = by_email(client, "A+b@q.example", properties=["firstname"], properties_with_history=["firstname"])
    same((found.id, found.properties["firstname"]), (made.id, "Plus"))
    same(found.properties_with_history["firstname"][0].value, "Plus")
    change = contacts.SimplePublicObjectInput(properties={"firstname": ""})
    client.crm.contacts.basic_api.update("a+b@q.example", change, id_property="email")
    same(by_email(client, "a+b@q.example", properties=["firstname"]).properties.get("firstname"), None)
    client.crm.contacts.basic_api.archive(made.id)
    same(failure(contacts.ApiException, by_email, client, "a+b@q.example").status, 404)


@case("get_page and get_all follow the cursor")
def pages():
    client = connect()
    before = len(live("contacts"))
    for start in (0, 100):
        inputs = [new_contact({"email": f"p{start + n}@q.example"}) for n in range(100)]
        body = contacts.BatchInputSimplePublicObjectBatchInputForCreate(inputs=inputs)
        client.crm.contacts.batch_api.create(body)
    first = client.crm.contacts.basic_api.get_page(limit=50, properties=["email"])
    second = client.crm.contacts.basic_api.get_page(limit=50, after=first.paging.next.after)
    assert not {one.id for one in first.results} & {one.id for one in second.results}
    same(len(client.crm.contacts.get_all()), before + 200)
    same(failure(contacts.ApiException, client.crm.contacts.basic_api.get_page, limit=101).status, 400)


@case("a batch fails as a whole, or in part when every input has a trace id")
def batches():
    client = connect()
    api = client.crm.objects.meetings.batch_api
    kind = objects.meetings.SimplePublicObjectBatchInputForCreate

    def make(*inputs):
        return api.create(objects.meetings.BatchInputSimplePublicObjectBatchInputForCreate(inputs=list(inputs)))

    bad = {**MEETING, "hs_timestamp": "tomorrow"}
    error = failure(
        objects.meetings.ApiException,
        make,
        kind(properties=MEETING, associations=[]),
        kind(properties=bad, associations=[]),
    )
    same(error.status, 400)
    same(len(live("meetings")), 0)
    part = make(
        kind(properties=MEETING, associations=[], object_write_trace_id="a"),
        kind(properties=bad, associations=[], object_write_trace_id="b"),
    )
    same((len(part.results), part.num_errors), (1, 1))
    same(part.errors[0].context["objectWriteTraceId"], ["b"])
    same(len(live("meetings")), 1)


@case("batch read, update, upsert and archive of contacts")
def more_batches():
    client = connect()
    api = client.crm.contacts.batch_api
    found = api.read(
        contacts.BatchReadInputSimplePublicObjectId(
            id_property="email",
            properties=["email"],
            properties_with_history=[],
            inputs=[contacts.SimplePublicObjectId(id=one) for one in ("ada@acme.example", "nobody@q.example")],
        )
    )
    same((len(found.results), found.num_errors), (1, 1))
    number = found.results[0].id
    update = contacts.SimplePublicObjectBatchInput(id=number, properties={"jobtitle": "CEO"})
    done = api.update(contacts.BatchInputSimplePublicObjectBatchInput(inputs=[update]))
    same(done.results[0].properties["jobtitle"], "CEO")
    upserts = [
        contacts.SimplePublicObjectBatchInputUpsert(id_property="email", id=one, properties={"firstname": "Up"})
        for one in ("ada@acme.example", "new@q.example")
    ]
    done = api.upsert(contacts.BatchInputSimplePublicObjectBatchInputUpsert(inputs=upserts))
    same(sorted(one.new for one in done.results), [False, True])
    ids = [contacts.SimplePublicObjectId(id=one.id) for one in done.results]
    api.archive(contacts.BatchInputSimplePublicObjectId(inputs=ids))
    same(failure(contacts.ApiException, by_email, client, "ada@acme.example").status, 404)


@case("an upsert by the hub's unique property writes a meeting once")
def once():
    client = connect()
    body = objects.meetings.BatchInputSimplePublicObjectBatchInputUpsert(
        inputs=[
            objects.meetings.SimplePublicObjectBatchInputUpsert(
                id_property="liveprompt_key", id="ses_1", object_write_trace_id="1", properties=MEETING
            )
        ]
    )
    first, second = (client.crm.objects.meetings.batch_api.upsert(body) for _ in range(2))
    same((first.results[0].new, second.results[0].new), (True, False))
    same(len(live("meetings")), 1)
    found = client.crm.objects.meetings.basic_api.get_by_id("ses_1", id_property="liveprompt_key")
    same(found.id, first.results[0].id)
    twin = new({**MEETING, "liveprompt_key": "ses_1"})
    error = failure(objects.meetings.ApiException, client.crm.objects.meetings.basic_api.create, twin)
    assert "CONFLICTING_UNIQUE_VALUE" in body_of(error)["message"]


@case("search filters, sorts and pages; it lags behind writes")
def search():
    client = connect()

    def find(**more):
        return client.crm.contacts.search_api.do_search(contacts.PublicObjectSearchRequest(**more))

    def where(name, operator, **more):
        return [contacts.FilterGroup(filters=[contacts.Filter(property_name=name, operator=operator, **more)])]

    sandbox("POST", "settings", {"search_limit": 100})
    same(find(filter_groups=where("email", "EQ", value="ada@acme.example")).total, 1)
    same(find(filter_groups=where("email", "IN", values=["ada@acme.example", "ben@acme.example"])).total, 2)
    same(find(filter_groups=where("jobtitle", "HAS_PROPERTY"), query="carla").total, 1)
    both = where("firstname", "EQ", value="Ada") + where("firstname", "EQ", value="Ben")
    same(find(filter_groups=both).total, 2)
    first = find(sorts=["email"], limit=2, properties=["email"])
    rest = find(sorts=["email"], limit=2, properties=["email"], after=first.paging.next.after)
    assert first.results[1].properties["email"] < rest.results[0].properties["email"]
    client.crm.contacts.basic_api.create(new_contact({"email": "late@q.example"}))
    late = where("email", "EQ", value="late@q.example")
    same(find(filter_groups=late).total, 0)
    sandbox("POST", "settings", {"search_lag_s": 0})
    same(find(filter_groups=late).total, 1)
    error = failure(contacts.ApiException, find, limit=201)
    same((error.status, body_of(error)["category"]), (400, "VALIDATION_ERROR"))


@case("associations v4: default, with types, in batches, labels, paging")
def linked():
    client = connect()
    people = [one.id for one in client.crm.contacts.basic_api.get_page(limit=3).results]
    number = client.crm.objects.meetings.basic_api.create(new(MEETING)).id
    api = client.crm.associations.v4
    done = api.basic_api.create_default("meetings", number, "contacts", people[0])
    same(done.status, "COMPLETE")
    spec = v4.AssociationSpec(association_category="HUBSPOT_DEFINED", association_type_id=200)
    made = api.basic_api.create("meetings", number, "contacts", people[1], [spec])
    same(made.labels, [])
    pair = v4.PublicDefaultAssociationMultiPost(
        _from=v4.PublicObjectId(id=number), to=v4.PublicObjectId(id=people[2])
    )
    api.batch_api.create_default(
        "meetings", "contacts", v4.BatchInputPublicDefaultAssociationMultiPost(inputs=[pair])
    )
    page = api.basic_api.get_page("meetings", number, "contacts", limit=2)
    rest = api.basic_api.get_page("meetings", number, "contacts", limit=2, after=page.paging.next.after)
    same([str(one.to_object_id) for one in page.results + rest.results], people)
    same(page.results[0].association_types[0].type_id, 200)
    asked = [v4.PublicFetchAssociationsBatchRequest(id=one) for one in people]
    read = api.batch_api.get_page(
        "contacts", "meetings", v4.BatchInputPublicFetchAssociationsBatchRequest(inputs=asked)
    )
    same(len(read.results), 3)
    definition = schema.PublicAssociationDefinitionCreateRequest(label="Decides", name="decides")
    label = api.schema.definitions_api.create("contacts", "deals", definition).results[0]
    all_labels = api.schema.definitions_api.get_all("contacts", "deals").results
    assert label.type_id in [one.type_id for one in all_labels]
    api.schema.definitions_api.remove("contacts", "deals", label.type_id)
    all_labels = api.schema.definitions_api.get_all("contacts", "deals").results
    assert label.type_id not in [one.type_id for one in all_labels]
    api.basic_api.archive("meetings", number, "contacts", people[0])
    same(len(api.basic_api.get_page("meetings", number, "contacts").results), 2)
    error = failure(v4.ApiException, api.basic_api.create_default, "meetings", number, "contacts", "999")
    same(error.status, 404)


@case("associations v3 by name")
def linked_v3():
    client = connect()
    ada = by_email(client, "ada@acme.example").id
    number = client.crm.objects.meetings.basic_api.create(new(MEETING)).id
    pair = associations_v3.PublicAssociation(
        _from=associations_v3.PublicObjectId(id=number),
        to=associations_v3.PublicObjectId(id=ada),
        type="meeting_event_to_contact",
    )
    body = associations_v3.BatchInputPublicAssociation(inputs=[pair])
    api = client.crm.associations.batch_api
    same(api.create("meetings", "contacts", body).results[0].to.id, ada)
    asked = associations_v3.BatchInputPublicObjectId(inputs=[associations_v3.PublicObjectId(id=number)])
    same(api.read("meetings", "contacts", asked).results[0].to[0].id, ada)
    api.archive("meetings", "contacts", body)
    same(api.read("meetings", "contacts", asked).num_errors, 1)


@case("properties and groups are listed, made, changed and taken away")
def definitions():
    client = connect()
    api = client.crm.properties
    listed = {one.name: one for one in api.core_api.get_all("meetings").results}
    assert listed["hs_meeting_outcome"].options and listed["liveprompt_key"].has_unique_value
    api.groups_api.create("contacts", properties.PropertyGroupCreate(name="hub", label="Hub", display_order=1))
    assert "hub" in [one.name for one in api.groups_api.get_all("contacts").results]
    wanted = properties.PropertyCreate(
        name="hub_size",
        label="Size",
        type="enumeration",
        field_type="select",
        group_name="hub",
        options=[properties.OptionInput(label="Big", value="big", hidden=False, display_order=0)],
    )
    api.core_api.create("contacts", wanted)
    same(failure(properties.ApiException, api.core_api.create, "contacts", wanted).status, 409)
    changed = api.core_api.update("contacts", "hub_size", properties.PropertyUpdate(label="How big"))
    same((changed.label, changed.options[0].value), ("How big", "big"))
    names = [properties.PropertyName(name=one) for one in ("hub_size", "email")]
    asked = properties.BatchReadInputPropertyName(archived=False, inputs=names)
    same(len(api.batch_api.read("contacts", asked).results), 2)
    client.crm.contacts.basic_api.create(new_contact({"email": "big@q.example", "hub_size": "big"}))
    api.batch_api.archive("contacts", properties.BatchInputPropertyName(inputs=names[:1]))
    same(failure(properties.ApiException, api.core_api.get_by_name, "contacts", "hub_size").status, 404)


@case("owners by address and number, pipelines and their stages")
def read_only():
    client = connect()
    found = client.crm.owners.owners_api.get_page(email="olivia@liveprompt.example").results
    same(len(found), 1)
    same(client.crm.owners.owners_api.get_by_id(found[0].id).email, "olivia@liveprompt.example")
    same(failure(owners.ApiException, client.crm.owners.owners_api.get_by_id, 999).status, 404)
    lines = client.crm.pipelines.pipelines_api.get_all("deals").results
    stages = {one.id: one.metadata for one in lines[0].stages}
    same(stages["closedlost"]["isClosed"], "true")
    same(client.crm.pipelines.pipeline_stages_api.get_by_id("deals", "default", "closedwon").label, "Closed Won")
    same(failure(pipelines.ApiException, client.crm.pipelines.pipelines_api.get_by_id, "deals", "x").status, 404)


@case("a deal takes the stages of its pipeline only")
def deal_stages():
    client = connect()
    values = {"dealname": "x", "pipeline": "default", "dealstage": "closedlost", "amount": "10"}
    make = deals.SimplePublicObjectInputForCreate
    number = client.crm.deals.basic_api.create(make(properties=values, associations=[])).id
    found = client.crm.deals.basic_api.get_by_id(number, properties=["hs_is_closed", "hs_is_closed_won"]).properties
    same((found["hs_is_closed"], found["hs_is_closed_won"]), ("true", "false"))
    values["dealstage"] = "nope"
    error = failure(deals.ApiException, client.crm.deals.basic_api.create, make(properties=values, associations=[]))
    same(error.status, 400)
    same(len([one for one in live("deals") if "closedlost" in str(one)]), 1)


@case("contacts are merged and forgotten")
def merge():
    client = connect()
    api = client.crm.contacts.basic_api
    first, second = (api.create(new_contact({"email": f"m{n}@q.example"})).id for n in (1, 2))
    merged = api.merge(contacts.PublicMergeInput(primary_object_id=first, object_id_to_merge=second))
    same(merged.id, first)
    same(by_email(client, "m2@q.example").id, first)
    api.purge(contacts.PublicGdprDeleteInput(object_id=first))
    same(failure(contacts.ApiException, api.get_by_id, first).status, 404)


@case("urllib3's Retry repeats 429 and 5xx of reads")
def retries():
    wait = urllib3.util.retry.Retry(total=3, backoff_factor=0.01, status_forcelist=(429, 500, 502, 503))
    client = connect(retry=wait)
    for name in ("rate_limit", "server_error", "bad_gateway", "service_unavailable", "drop_before"):
        fault(fault=name, times=2)
        assert client.crm.contacts.basic_api.get_page(limit=1).results, name
    statuses = [one["status"] for one in requests_so_far()]
    same(statuses.count(429), 2)
    same(statuses.count(200), 5)


@case("limits and faults by status and policy, with the headers of the quota")
def limits():
    client = connect(retry=urllib3.util.retry.Retry(total=0))
    api = client.crm.contacts.basic_api
    for name, status, policy in [
        ("rate_limit", 429, "TEN_SECONDLY_ROLLING"),
        ("daily_limit", 429, "DAILY"),
        ("lock_423", 423, None),
        ("missing_scopes", 403, None),
        ("migration_477", 477, None),
    ]:
        fault(fault=name)
        error = failure(contacts.ApiException, api.get_page, limit=1)
        same((error.status, body_of(error).get("policyName")), (status, policy))
    sandbox("POST", "settings", {"ten_secondly_limit": 3})
    page = api.get_page_with_http_info(limit=1)
    same(page[2]["X-HubSpot-RateLimit-Max"], "3")
    for _ in range(3):
        try:
            api.get_page(limit=1)
        except contacts.ApiException as error:
            same((error.status, body_of(error)["errorType"]), (429, "RATE_LIMIT"))
            break
    else:
        raise AssertionError("no limit")
    private = connect(credentials()["private_app_token"]).crm.contacts.basic_api.get_page_with_http_info(limit=1)
    same(private[2]["X-HubSpot-RateLimit-Daily"], "625000")


@case("api_request reaches any path, in every version")
def raw():
    client = connect()
    for path in ("/crm/v3/objects/contacts", "/crm/objects/2026-03/contacts", "/crm/objects/2026-09/contacts"):
        answer = client.api_request({"path": path, "qs": {"limit": 1}})
        same((answer.status_code, len(answer.json()["results"])), (200, 1))
    note = {"properties": {"hs_timestamp": START, "hs_note_body": "x"}}
    answer = client.api_request({"method": "POST", "path": "/crm/objects/2026-09/notes", "body": note})
    same((answer.status_code, len(live("notes"))), (201, 1))
    same(client.api_request({"path": "/crm/v3/objects/nopes"}).status_code, 400)


@case("signatures of webhooks in three versions")
def signatures():
    secret = credentials()["client_secret"]
    uri, body, now = "https://hub.example/api/hooks?x=1", '[{"eventId":1}]', str(int(time.time() * 1000))
    v3 = base64.b64encode(hmac.new(secret.encode(), f"POST{uri}{body}{now}".encode(), hashlib.sha256).digest()).decode()
    hexed = {
        "v1": hashlib.sha256(f"{secret}{body}".encode()).hexdigest(),
        "v2": hashlib.sha256(f"{secret}POST{uri}{body}".encode()).hexdigest(),
        "v3": v3,
    }
    for version, signature in hexed.items():
        arguments = {"http_uri": uri, "signature_version": version, "timestamp": now}
        assert Signature.is_valid(signature, secret, body, **arguments), version
        assert not Signature.is_valid(signature, secret, body + " ", **arguments), version
    failure(
        InvalidSignatureTimestampError, Signature.is_valid, v3, secret, body, http_uri=uri, signature_version="v3",
        timestamp=str(int(now) - 301_000),
    )


if __name__ == "__main__":
    run("hubspot-api-client")
