"""simple-salesforce against the fake Salesforce.

The library speaks https to a host of the vendor only. `ToSandbox` is mounted for https and sends
every request to the sandbox's plain port instead, so what the library asks stays as it is.
"""

import csv
import datetime
import io
import time
from urllib.parse import urlsplit, urlunsplit

import jwt
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from requests.adapters import HTTPAdapter
from simple_salesforce import Salesforce, SalesforceLogin, exceptions, format_soql

from harness import BASE, case, credentials, failure, fault, records, requests_so_far, run, same, sandbox

KEY = "Liveprompt_Key__c"
SANDBOX = urlsplit(BASE)
TASK = {"Subject": "Send pricing", "Status": "Not Started"}


class ToSandbox(HTTPAdapter):
    def send(self, request, **more):
        address = urlsplit(request.url)
        request.url = urlunsplit(("http", SANDBOX.netloc, address.path, address.query, ""))
        more["timeout"] = 20
        return super().send(request, **more)


def session():
    made = requests.Session()
    made.trust_env = False
    made.mount("https://", ToSandbox())
    return made


def connect(**more):
    given = credentials()
    return Salesforce(
        instance_url=given["instance_url"].replace("http://", "https://"),
        session_id=given["access_token"],
        session=session(),
        **more,
    )


def login(**more):
    given = credentials()
    return Salesforce(
        username=given["username"], password=given["password"], security_token="", session=session(), **more
    )


def code_of(error):
    return error.content[0]["errorCode"]


@case("SOAP login with password and security token, and again when the session ends")
def soap_login():
    sf = login()
    same(sf.sf_instance, SANDBOX.netloc)
    before = sf.session_id
    fault(fault="expire_access_token")
    same(sf.query("SELECT Id FROM Account")["totalSize"], 3)
    assert sf.session_id != before
    given = credentials()
    short = Salesforce(
        username=given["username"],
        password=given["password"],
        organizationId=given["organization_id"],
        session=session(),
    )
    same(short.query("SELECT Id FROM Account")["totalSize"], 3)


@case("a wrong password, and SOAP login in version 65, are authentication failures with their code")
def wrong_login():
    given = credentials()
    wrong = {"username": given["username"], "password": "no", "security_token": "", "session": session()}
    error = failure(exceptions.SalesforceAuthenticationFailed, SalesforceLogin, **wrong)
    same(error.code, "INVALID_LOGIN")
    same(error.auth_message, "Invalid username, password, security token; or user locked out.")
    wrong.update(password=given["password"], sf_version="65.0")
    error = failure(exceptions.SalesforceAuthenticationFailed, SalesforceLogin, **wrong)
    same(error.code, "UNSUPPORTED_API_VERSION")


@case("the password and client-credentials grants give a session")
def grants():
    given = credentials()
    app = {"consumer_key": given["client_id"], "consumer_secret": given["client_secret"]}
    person = {"username": given["username"], "password": given["password"]}
    sf = Salesforce(**app, **person, session=session())
    same(sf.Contact.describe()["name"], "Contact")
    sf = Salesforce(**app, domain="acme.my", session=session())
    same(sf.query("SELECT COUNT() FROM Lead")["totalSize"], 2)
    app["consumer_secret"] = "no"
    error = failure(
        exceptions.SalesforceAuthenticationFailed, Salesforce, **app, domain="acme.my", session=session()
    )
    same(error.code, "invalid_client")


@case("the JWT bearer grant checks issuer, audience and expiry")
def jwt_bearer():
    given = credentials()
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    arguments = {"username": given["username"], "privatekey": pem, "session": session()}
    sf = Salesforce(consumer_key=given["client_id"], **arguments)
    same(sf.query("SELECT Id FROM Lead")["totalSize"], 2)
    stranger = failure(
        exceptions.SalesforceAuthenticationFailed, Salesforce, consumer_key="3MVG9other", **arguments
    )
    same(stranger.code, "invalid_client_id")
    late = {
        "iss": given["client_id"],
        "sub": given["username"],
        "aud": "https://login.salesforce.com",
        "exp": str(int(time.time()) - 60),
    }
    answer = requests.post(
        f"{BASE}/services/oauth2/token",
        timeout=10,
        data={
            "grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer",
            "assertion": jwt.encode(late, pem, algorithm="RS256"),
        },
    )
    same(answer.json(), {"error": "invalid_grant", "error_description": "assertion has expired"})


@case("a session without a way to log in again ends with SalesforceExpiredSession")
def expired():
    sf = connect()
    fault(fault="expire_access_token")
    error = failure(exceptions.SalesforceExpiredSession, sf.Contact.describe)
    same(error.status, 401)
    same(code_of(error), "INVALID_SESSION_ID")
    nobody = Salesforce(instance="x.salesforce.com", session_id="00Dxx!nobody", session=session())
    failure(exceptions.SalesforceExpiredSession, nobody.query, "SELECT Id FROM Contact")


@case("userinfo and introspection over oauth2()")
def userinfo():
    given = credentials()
    sf = connect()
    found = sf.oauth2("userinfo")
    same(found["user_id"], given["user_id"])
    same(found["preferred_username"], given["username"])
    form = {"token": sf.session_id, "client_id": given["client_id"], "client_secret": given["client_secret"]}
    answer = requests.post(f"{BASE}/services/oauth2/introspect", data=form, timeout=10).json()
    same((answer["active"], answer["username"]), (True, given["username"]))
    form["token"] = "nobody"
    same(requests.post(f"{BASE}/services/oauth2/introspect", data=form, timeout=10).json(), {"active": False})


@case("create, get, update and delete a record")
def one_record():
    sf = connect()
    made = sf.Contact.create({"LastName": "Vega", "Email": "vega@x.example"})
    same((made["success"], made["errors"]), (True, []))
    same(sf.Contact.get(made["id"])["Email"], "vega@x.example")
    same(sf.Contact.update(made["id"], {"Title": "CTO"}), 204)
    same([row["Title"] for row in records("Contact") if row["Id"] == made["id"]], ["CTO"])
    same(sf.Contact.delete(made["id"]), 204)
    error = failure(exceptions.SalesforceResourceNotFound, sf.Contact.get, made["id"])
    same(code_of(error), "ENTITY_IS_DELETED")
    error = failure(exceptions.SalesforceResourceNotFound, sf.Contact.get, "003000000000000AAA")
    same(code_of(error), "NOT_FOUND")


@case("a refused record is SalesforceMalformedRequest with code and fields")
def refused():
    sf = connect()
    error = failure(exceptions.SalesforceMalformedRequest, sf.Contact.create, {"FirstName": "No"})
    same((error.status, error.resource_name), (400, "Contact"))
    same(error.content[0]["fields"], ["LastName"])
    for body, code in [
        ({"LastName": "a", "Nope__c": 1}, "INVALID_FIELD"),
        ({"LastName": "x" * 81}, "STRING_TOO_LONG"),
        ({"LastName": "a", "AccountId": "001000000000000AAA"}, "INVALID_CROSS_REFERENCE_KEY"),
        ({"LastName": "a", "Birthdate": "tomorrow"}, "JSON_PARSER_ERROR"),
    ]:
        error = failure(exceptions.SalesforceMalformedRequest, sf.Contact.create, body)
        assert code_of(error) in (code, "INVALID_FIELD"), (body, error.content)
    same(len(records("Contact")), 6)
    missing = failure(exceptions.SalesforceResourceNotFound, sf.Nope.create, {"Name": "x"})
    same(missing.status, 404)


@case("upsert by external id creates with 201 and updates with 200")
def upsert():
    sf = connect()
    event = {
        "Subject": "Discovery",
        "StartDateTime": "2026-11-20T15:00:00.000+0000",
        "EndDateTime": "2026-11-20T15:45:00Z",
    }
    same(sf.Event.upsert(f"{KEY}/ses_1", event), 201)
    same(sf.Event.upsert(f"{KEY}/ses_1", {"Subject": "Again"}), 200)
    same([row["Subject"] for row in records("Event") if row.get(KEY) == "ses_1"], ["Again"])
    same(sf.Event.get_by_custom_id(KEY, "ses_1")["Subject"], "Again")
    old = connect(version="45.0")
    same(old.Event.upsert(f"{KEY}/ses_1", {"Subject": "Old"}), 204)
    error = failure(exceptions.SalesforceMalformedRequest, sf.Event.upsert, f"{KEY}/ses_1", {KEY: "ses_1"})
    same(code_of(error), "INVALID_FIELD")


@case("an external id that two records have is SalesforceMoreThanOneRecord with their addresses")
def several():
    sf = connect()
    error = failure(
        exceptions.SalesforceMoreThanOneRecord, sf.Contact.upsert, "Email/dup@initech.example", {"Title": "x"}
    )
    same(error.status, 300)
    same(len(error.content), 2)
    same([row["Title"] for row in records("Contact") if row.get("Title") == "x"], [])


@case("query, query_more, query_all and query_all_iter page through everything")
def pages():
    sf = connect()
    for start in range(0, 2400, 200):
        tasks = [{"attributes": {"type": "Task"}, "Subject": f"page {start + n}"} for n in range(200)]
        sf.restful("composite/sobjects", method="POST", json={"records": tasks})
    first = sf.query("SELECT Id, Subject FROM Task ORDER BY CreatedDate, Id")
    same((first["totalSize"], first["done"], len(first["records"])), (2400, False, 2000))
    locator = first["nextRecordsUrl"].rsplit("/", 1)[-1]
    same(len(sf.query_more(locator)["records"]), 400)
    rest = sf.query_more(first["nextRecordsUrl"], identifier_is_url=True)
    same((rest["done"], "nextRecordsUrl" in rest), (True, False))
    same(len(sf.query_all("SELECT Id FROM Task")["records"]), 2400)
    ids = {row["Id"] for row in sf.query_all_iter("SELECT Id FROM Task")}
    same(len(ids), 2400)


@case("format_soql escapes what a SOQL text means")
def escaping():
    sf = connect()
    name = "O'Hara \"50%_\" \\ x"
    made = sf.Contact.create({"LastName": name, "Email": "o@x.example"})
    query = format_soql("SELECT Id FROM Contact WHERE LastName = {} AND Email IN {}", name, ["o@x.example", "n'one"])
    same([row["Id"] for row in sf.query(query)["records"]], [made["id"]])
    query = format_soql("SELECT Id FROM Contact WHERE LastName LIKE '%{:like}%'", '50%_"')
    same(sf.query(query)["totalSize"], 1)
    since = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=30)
    query = format_soql("SELECT Id FROM Contact WHERE CreatedDate > {} AND IsDeleted = {}", since, False)
    same(sf.query(query)["totalSize"], 2)


@case("parents, children, groups and refusals of SOQL")
def soql():
    sf = connect()
    row = sf.query("SELECT Name, (SELECT LastName FROM Contacts) FROM Account WHERE Name = 'Acme Corp'")["records"][0]
    same(len(row["Contacts"]["records"]), 2)
    row = sf.query("SELECT c.Account.Name FROM Contact c WHERE c.Email = 'ada@acme.example' LIMIT 1")["records"][0]
    same(row["Account"]["Name"], "Acme Corp")
    rows = sf.query("SELECT StageName, COUNT(Id) n, AVG(Amount) FROM Opportunity GROUP BY StageName")["records"]
    same(sorted((row["StageName"], row["n"], row["expr0"]) for row in rows)[0], ("Needs Analysis", 1, 48000.0))
    error = failure(exceptions.SalesforceMalformedRequest, sf.query, "SELECT Nope FROM Contact")
    same(code_of(error), "INVALID_FIELD")
    error = failure(exceptions.SalesforceMalformedRequest, sf.query, "SELECT FROM Contact")
    same(code_of(error), "MALFORMED_QUERY")


@case("search by SOSL, and quick_search")
def search():
    sf = connect()
    found = sf.search("FIND {ada@acme.example} IN EMAIL FIELDS RETURNING Contact(Id, LastName), Lead(Id)")
    same([row["LastName"] for row in found["searchRecords"]], ["Moreno"])
    found = sf.quick_search("Initech")
    assert "Account" in {row["attributes"]["type"] for row in found["searchRecords"]}, found
    body = {"q": "ada@acme.example", "in": "EMAIL", "fields": ["Id"], "sobjects": [{"name": "Contact"}]}
    same(len(sf.restful("parameterizedSearch", method="POST", json=body)["searchRecords"]), 1)


@case("describe of the org and of an object, and what is in its metadata")
def describe():
    sf = connect()
    names = {one["name"] for one in sf.describe()["sobjects"]}
    assert {"Account", "Contact", "Event", "Task", "EventRelation"} <= names
    task = {field["name"]: field for field in sf.Task.describe()["fields"]}
    same(task["Description"]["filterable"], False)
    same(task["Status"]["defaultedOnCreate"], True)
    assert any(value["value"] == "Completed" for value in task["Status"]["picklistValues"])
    about = sf.Contact.metadata()
    same(about["objectDescribe"]["keyPrefix"], "003")
    same(len(about["recentItems"]), 6)
    failure(exceptions.SalesforceResourceNotFound, sf.Nope.describe)


@case("limits, api_usage and the organization")
def limits():
    sf = connect()
    most = sf.limits()["DailyApiRequests"]
    used = sf.api_usage["api-usage"]
    same((used.total, used.used), (most["Max"], most["Max"] - most["Remaining"]))
    same(sf.is_sandbox(), False)
    sandbox("POST", "settings", {"daily_limit": 0})
    error = failure(exceptions.SalesforceRefusedRequest, sf.limits)
    same((error.status, code_of(error)), (403, "REQUEST_LIMIT_EXCEEDED"))
    sandbox("POST", "settings", {"daily_limit": 100000})


@case("updated() and deleted() give what changed in a window")
def changes():
    sf = connect()
    kept = sf.Task.create(TASK)["id"]
    gone = sf.Task.create(TASK)["id"]
    sf.Task.delete(gone)
    now = datetime.datetime.now(datetime.timezone.utc)
    window = (now - datetime.timedelta(hours=1), now + datetime.timedelta(hours=1))
    same(sf.Task.updated(*window)["ids"], [kept])
    same([one["id"] for one in sf.Task.deleted(*window)["deletedRecords"]], [gone])
    same(sf.query("SELECT Id FROM Task", include_deleted=True)["totalSize"], 2)
    early = now - datetime.timedelta(days=40)
    error = failure(exceptions.SalesforceMalformedRequest, sf.Task.updated, early, now)
    same(code_of(error), "INVALID_REPLICATION_DATE")


@case("composite, collections and batch over restful()")
def composite():
    sf = connect()
    part = {"method": "POST", "url": "/services/data/v59.0/sobjects/Task", "body": TASK}
    body = {
        "allOrNone": True,
        "compositeRequest": [
            {**part, "referenceId": "a"},
            {"method": "GET", "url": "/services/data/v59.0/sobjects/Task/@{a.id}?fields=Subject", "referenceId": "b"},
        ],
    }
    found = sf.restful("composite", method="POST", json=body)["compositeResponse"]
    same([one["httpStatusCode"] for one in found], [201, 200])
    same(found[1]["body"]["Subject"], TASK["Subject"])
    rows = [{"attributes": {"type": "Task"}, **TASK}, {"attributes": {"type": "Task"}, "Subject": "x" * 256}]
    done = sf.restful("composite/sobjects", method="POST", json={"records": rows, "allOrNone": False})
    same([one["success"] for one in done], [True, False])
    done = sf.restful("composite/sobjects", method="DELETE", params={"ids": done[0]["id"]})
    same(done[0]["success"], True)
    found = sf.restful(
        "composite/batch", method="POST", json={"batchRequests": [{"method": "GET", "url": "v59.0/limits"}]}
    )
    same((found["hasErrors"], found["results"][0]["statusCode"]), (False, 200))


@case("bulk2 inserts, upserts, updates, deletes and queries")
def bulk2():
    sf = connect()
    people = [
        {"LastName": "Bulk 1", "Email": "b1@x.example", KEY: "b1"},
        {"LastName": 'Bulk "2"', "Email": "no address", KEY: "b2"},
    ]
    job = sf.bulk2.Contact.insert(records=people, wait=0.01)[0]
    same((job["numberRecordsProcessed"], job["numberRecordsFailed"]), (2, 1))
    both = sf.bulk2.Contact.get_all_ingest_records(job["job_id"])
    same([row["LastName"] for row in both["successfulRecords"]], ["Bulk 1"])
    assert both["failedRecords"][0]["sf__Error"].startswith("INVALID_EMAIL_ADDRESS"), both
    same(both["unprocessedRecords"], [])
    people[1]["Email"] = "b2@x.example"
    job = sf.bulk2.Contact.upsert(records=people, external_id_field=KEY, wait=0.01)[0]
    rows = csv.DictReader(io.StringIO(sf.bulk2.Contact.get_successful_records(job["job_id"])))
    same(sorted(row["sf__Created"] for row in rows), ["false", "true"])
    query = f"SELECT Id, LastName, Account.Name FROM Contact WHERE {KEY} LIKE 'b%' ORDER BY LastName"
    pages = list(sf.bulk2.Contact.query(query, max_records=1, wait=0.01))
    same(len(pages), 2)
    rows = [row for page in pages for row in csv.DictReader(io.StringIO(page))]
    same([row["LastName"] for row in rows], ['Bulk "2"', "Bulk 1"])
    same(list(rows[0]), ["Id", "LastName", "Account.Name"])
    sf.bulk2.Contact.update(records=[{"Id": row["Id"], "Title": "Bulk"} for row in rows], wait=0.01)
    same(len([row for row in records("Contact") if row.get("Title") == "Bulk"]), 2)
    sf.bulk2.Contact.delete(records=[{"Id": row["Id"]} for row in rows], wait=0.01)
    same(sf.query("SELECT COUNT() FROM Contact")["totalSize"], 6)


@case("a bulk job of an unknown object, key or column is refused")
def bulk2_refused():
    sf = connect()
    failure(exceptions.SalesforceMalformedRequest, sf.bulk2.Nope.insert, records=[{"Name": "x"}], wait=0.01)
    failure(
        exceptions.SalesforceMalformedRequest,
        sf.bulk2.Contact.upsert,
        records=[{"LastName": "x"}],
        external_id_field="Title",
        wait=0.01,
    )
    failure(exceptions.SalesforceOperationError, sf.bulk2.Contact.insert, records=[{"Nope": "x"}], wait=0.01)
    query = sf.bulk2.Contact.query("SELECT Nope FROM Contact", wait=0.01)
    failure(exceptions.SalesforceMalformedRequest, next, query)
    same(len(records("Contact")), 6)


@case("faults come as the library's exceptions, and nothing was written")
def faults():
    sf = connect()
    for name, kind, status in [
        ("concurrency_limit", exceptions.SalesforceRefusedRequest, 403),
        ("service_unavailable", exceptions.SalesforceGeneralError, 503),
        ("server_error", exceptions.SalesforceGeneralError, 500),
        ("maintenance_html", exceptions.SalesforceGeneralError, 503),
        ("lock_row", exceptions.SalesforceMalformedRequest, 400),
    ]:
        fault(fault=name)
        same(failure(kind, sf.Task.create, TASK).status, status)
    fault(fault="drop_before")
    failure(requests.ConnectionError, sf.Task.create, TASK)
    same(records("Task"), [])
    fault(fault="drop_after")
    failure(requests.ConnectionError, sf.Task.upsert, f"{KEY}/once", TASK)
    same(sf.Task.upsert(f"{KEY}/once", TASK), 200)
    same(len(records("Task")), 1)


@case("headers of the caller count: the optimistic lock, the batch size")
def headers():
    sf = connect()
    made = sf.Contact.create({"LastName": "Lock"})["id"]
    past = {"If-Unmodified-Since": "Fri, 20 Nov 2020 09:00:00 GMT"}
    error = failure(exceptions.SalesforceGeneralError, sf.Contact.update, made, {"Title": "x"}, headers=past)
    same(error.status, 412)
    tasks = [{"attributes": {"type": "Task"}, "Subject": "x"} for _ in range(200)]
    for _ in range(2):
        sf.restful("composite/sobjects", method="POST", json={"records": tasks})
    small = sf.query("SELECT Id FROM Task", headers={"Sforce-Query-Options": "batchSize=250"})
    same((small["done"], len(small["records"])), (False, 250))


@case("every call goes to the version that was asked for, and dead versions are gone")
def versions():
    sf = connect(version="62.0")
    sf.Contact.describe()
    same(requests_so_far()[-1]["path_and_query"], "/services/data/v62.0/sobjects/Contact/describe")
    dead = connect(version="29.0")
    same(failure(exceptions.SalesforceGeneralError, dead.limits).status, 410)


if __name__ == "__main__":
    run("simple-salesforce")
