"""standardwebhooks for Python: what the hub signed is believed, and nothing else."""

import base64
import contextlib
import hashlib
import hmac
import json
import os
import time
import urllib.error
import urllib.request
from datetime import datetime, timezone
from pathlib import Path

from harness import BASE, case, failure, run, same, sandbox
from standardwebhooks import webhooks
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

_given = json.loads(Path(os.environ["CLIENTS_HUB_SIGNED"]).read_text())
SECRET, PREVIOUS = _given["secret"], _given["previous"]
SINGLE, BOTH = _given["attempts"]
STRANGE = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"


def headers(message, **more):
    given = {f"webhook-{name}": message[name] for name in ("id", "timestamp", "signature")}
    return {**given, **{f"webhook-{name}": value for name, value in more.items()}}


def believed(body, given, secret=PREVIOUS):
    same(Webhook(secret).verify(body, given, json_parse=False), None)


def refused(body, given, why, secret=PREVIOUS):
    error = failure(WebhookVerificationError, Webhook(secret).verify, body, given, json_parse=False)
    assert why in str(error), error


UNSIGNED = "No matching signature"


@contextlib.contextmanager
def clock(seconds):
    """The library's clock."""

    class Frozen(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.fromtimestamp(seconds, tz=tz)

    real, webhooks.datetime = webhooks.datetime, Frozen
    try:
        yield
    finally:
        webhooks.datetime = real


def signed(body, secret, identifier="msg_ours"):
    """By this file alone, so that the library does not judge itself."""
    now = str(int(time.time()))
    key = base64.b64decode(secret.removeprefix("whsec_"))
    mac = hmac.new(key, f"{identifier}.{now}.".encode() + body, hashlib.sha256).digest()
    return {"id": identifier, "timestamp": now, "signature": f"v1,{base64.b64encode(mac).decode()}"}


@case("what the hub signed is believed, as text and as bytes, and parsed")
def _():
    believed(SINGLE["body"], headers(SINGLE))
    believed(base64.b64decode(SINGLE["body_base64"]), headers(SINGLE))
    same(Webhook(PREVIOUS).verify(SINGLE["body"], headers(SINGLE))["type"], "integration.test")


@case("the hub signs as the library does")
def _():
    at = datetime.fromtimestamp(int(SINGLE["timestamp"]), tz=timezone.utc)
    same(Webhook(PREVIOUS).sign(SINGLE["id"], at, SINGLE["body"]), SINGLE["signature"])


@case("the known answer of the specification")
def _():
    body = '{"type":"contact.created","timestamp":"2022-11-03T20:26:10.344522Z","data":{"id":"1f81eb52-5198-4599-803e-771906343485"}}'
    known = "v1,Inw/unYkpAh6Njpdz4O+hnN82xYMXQ6NjnZIQN/mzIQ="
    message = {"id": "msg_2KWPBgLlAfxdpx2AI54pPJ85f4W", "timestamp": "1674087231", "signature": known}
    at = datetime.fromtimestamp(1674087231, tz=timezone.utc)
    same(Webhook(STRANGE).sign(message["id"], at, body), known)
    with clock(1674087231):
        believed(body, headers(message), STRANGE)


@case("a tampered body is refused")
def _():
    refused(SINGLE["body"].replace("integration.test", "integration.tests"), headers(SINGLE), UNSIGNED)
    refused(SINGLE["body"] + "\n", headers(SINGLE), UNSIGNED)
    refused(SINGLE["body"][1:], headers(SINGLE), UNSIGNED)


@case("the same JSON written anew is refused: verify the bytes that came")
def _():
    parsed = json.loads(SINGLE["body"])
    for other in (json.dumps(parsed), json.dumps(dict(reversed(parsed.items())), separators=(",", ":"))):
        same(json.loads(other), parsed)
        refused(other, headers(SINGLE), UNSIGNED)


@case("each of the three headers is needed")
def _():
    for name in headers(SINGLE):
        given = headers(SINGLE)
        del given[name]
        refused(SINGLE["body"], given, "Missing required headers")
        refused(SINGLE["body"], {**given, name: ""}, "Missing required headers")


@case("the names of headers are taken in any spelling")
def _():
    believed(SINGLE["body"], {name.title(): value for name, value in headers(SINGLE).items()})


@case("five minutes after the attempt it is believed, a second later it is too old")
def _():
    with clock(int(SINGLE["timestamp"]) + 300):
        believed(SINGLE["body"], headers(SINGLE))
    with clock(int(SINGLE["timestamp"]) + 301):
        refused(SINGLE["body"], headers(SINGLE), "too old")


@case("five minutes before the attempt it is believed, a second earlier it is too new")
def _():
    with clock(int(SINGLE["timestamp"]) - 300):
        believed(SINGLE["body"], headers(SINGLE))
    with clock(int(SINGLE["timestamp"]) - 301):
        refused(SINGLE["body"], headers(SINGLE), "too new")


@case("id and time are signed too")
def _():
    refused(SINGLE["body"], headers(SINGLE, id=BOTH["id"]), UNSIGNED)
    refused(SINGLE["body"], headers(SINGLE, timestamp=str(int(SINGLE["timestamp"]) + 1)), UNSIGNED)
    refused(SINGLE["body"], headers(SINGLE, timestamp="soon"), "Invalid Signature Headers")


@case("after a rotation both secrets believe, and no third one")
def _():
    same(len(BOTH["signature"].split(" ")), 2)
    believed(BOTH["body"], headers(BOTH), SECRET)
    believed(BOTH["body"], headers(BOTH), PREVIOUS)
    refused(BOTH["body"], headers(BOTH), UNSIGNED, STRANGE)
    refused(SINGLE["body"], headers(SINGLE), UNSIGNED, SECRET)


@case("a v1a in front of the v1 is passed over, and alone it is nothing")
def _():
    asymmetric = "v1a," + base64.b64encode(bytes(64)).decode()
    believed(SINGLE["body"], headers(SINGLE, signature=f"{asymmetric} {SINGLE['signature']}"))
    refused(SINGLE["body"], headers(SINGLE, signature=asymmetric), UNSIGNED)


@case("a version that nobody knows is passed over, also with the right signature")
def _():
    later = SINGLE["signature"].replace("v1,", "v2,")
    refused(SINGLE["body"], headers(SINGLE, signature=later), UNSIGNED)
    believed(SINGLE["body"], headers(SINGLE, signature=f"{later} {SINGLE['signature']}"))


@case("the secret with and without whsec_ is the same, and so are its bytes")
def _():
    believed(SINGLE["body"], headers(SINGLE), PREVIOUS.removeprefix("whsec_"))
    believed(SINGLE["body"], headers(SINGLE), base64.b64decode(PREVIOUS.removeprefix("whsec_")))


@case("bodies that are blank, empty or beyond ASCII are signed byte by byte")
def _():
    for body in ("   ", "\n", "", '{"name":"Zoë Müller, 山田 – 👋"}'):
        message = signed(body.encode(), SECRET)
        believed(body, headers(message), SECRET)
        believed(body.encode(), headers(message), SECRET)
        refused(f"{body} ", headers(message), UNSIGNED, SECRET)


@case("a blank body is believed and cannot be parsed")
def _():
    for body in ("  ", ""):
        failure(json.JSONDecodeError, Webhook(SECRET).verify, body, headers(signed(body.encode(), SECRET)))


@case("what the library signs, the receiver believes, byte by byte")
def _():
    sandbox("POST", "settings", {"secrets": [SECRET]})
    body = '{"type":"integration.test","name":"Zoë Müller, 山田 – 👋"}'
    at = datetime.now(tz=timezone.utc).replace(microsecond=0)
    signature = Webhook(SECRET).sign("msg_ours", at, body)
    given = headers({"id": "msg_ours", "timestamp": str(int(at.timestamp())), "signature": signature})

    def send(text):
        request = urllib.request.Request(f"{BASE}/hooks/ours", data=text.encode(), headers=given)
        return urllib.request.urlopen(request, timeout=10).status

    same([send(body), send(body)], [204, 204])
    same(failure(urllib.error.HTTPError, send, f"{body} ").code, 401)
    state = sandbox("GET", "state")
    same(state["messages"]["msg_ours"]["taken"], 2)
    same([one["verified"] for one in state["attempts"]], [True, True, False])
    same(base64.b64decode(state["attempts"][0]["body_base64"]).decode(), body)


run("standardwebhooks")
