"""Messages that the hub signed, as they arrived: the hub tests a webhook whose address is the fake receiver,
before and after its secret is rotated. The receiver keeps the bytes; the suites verify them."""

import base64
import hashlib
import hmac
import json
import re
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HUB, ISSUER, RECEIVER = 3000, 4100, 4109


def call(url, body=None, headers=None):
    data = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, headers={"content-type": "application/json", **(headers or {})})
    with urllib.request.urlopen(request, timeout=30) as answer:
        text = answer.read()
    return json.loads(text) if text else None


def announce(url, secret):
    """An organization begins with its event, signed with the secret that the hub prints at its start."""
    body = (ROOT / "events" / "payloads" / "organization.changed.json").read_bytes()
    now = str(int(time.time()))
    signed = hmac.new(base64.b64decode(secret.removeprefix("whsec_")), f"msg_1.{now}.".encode() + body, hashlib.sha256)
    signature = f"v1,{base64.b64encode(signed.digest()).decode()}"
    call(f"{url}/api/events", body, {"webhook-id": "msg_1", "webhook-timestamp": now, "webhook-signature": signature})


def collect(move, log, file):
    """Writes the secrets and the kept attempts for the suites: one attempt with one signature, one with two.
    Answers how the hub is asked to try the webhook once more."""
    url, receiver = (f"http://127.0.0.1:{port + move}" for port in (HUB, RECEIVER))
    found = None
    until = time.monotonic() + 30
    while not found and time.monotonic() < until:
        found = re.search(r"events are signed\s+(whsec_\S+)", log.read_text(errors="replace"))
        time.sleep(0.1)
    assert found, "the hub did not say what events are signed with"
    announce(url, found[1])
    token = call(f"http://127.0.0.1:{ISSUER + move}/token?org=org_demo&role=admin")["access_token"]

    def api(path, body):
        return call(f"{url}/api/integrations/webhooks{path}", body, {"authorization": f"Bearer {token}"})

    made = api("", {"name": "Ours", "url": f"{receiver}/hooks/ours", "events": ["integration.*"]})
    secrets, messages = [made["secret"]], []
    for _ in range(2):
        call(f"{receiver}/__sandbox/settings", {"secrets": secrets})
        tried = api("/test", {"webhook_id": made["id"]})
        assert tried["delivered"], f"the receiver did not take what the hub signed: {tried}"
        messages.append(tried["message_id"])
        if len(secrets) == 1:
            secrets.insert(0, api(f"/{made['id']}/rotate-secret", {})["secret"])
    # What the hub has to say of itself may have come too.
    attempts = [one for one in call(f"{receiver}/__sandbox/state")["attempts"] if one["id"] in messages]
    signatures = [len(attempt["signature"].split(" ")) for attempt in attempts]
    assert signatures == [1, 2], f"signatures of the attempts: {signatures}"
    assert all(attempt["verified"] for attempt in attempts), attempts
    file.write_text(json.dumps({"secret": secrets[0], "previous": secrets[1], "attempts": attempts}))
    return lambda: api("/test", {"webhook_id": made["id"]})


# What the receiver is told to answer; the status that the hub shows, and whether that was a delivery.
ANSWERS = [
    ({"fault": "status", "status": 200}, 200, True),
    ({"fault": "status", "status": 201, "body": {"external_id": "rec_7"}}, 201, True),
    ({"fault": "status", "status": 204}, 204, True),
    ({"fault": "redirect", "status": 301, "location": "/hooks/elsewhere"}, 301, False),
    ({"fault": "redirect"}, 302, False),
    ({"fault": "status", "status": 400}, 400, False),
    ({"fault": "abort_message"}, 400, False),
    ({"fault": "status", "status": 404}, 404, False),
    ({"fault": "retry_after", "seconds": 120}, 429, False),
    ({"fault": "retry_after_date", "seconds": 90}, 429, False),
    ({"fault": "server_error"}, 500, False),
    ({"fault": "status", "status": 502}, 502, False),
    ({"fault": "status", "status": 504}, 504, False),
    ({"fault": "huge_answer"}, 200, True),
    ({"fault": "huge_answer", "bytes": 60_000_000}, 200, True),
    ({"fault": "drop_before"}, None, False),
    ({"fault": "drop_after"}, None, False),
    ({"fault": "reset"}, None, False),
    ({"fault": "hang", "seconds": 60}, None, False),
    # Thirty seconds for one answer: what is not there in ten never comes.
    ([{"fault": "slow_drip", "ms": 1_000}, {"fault": "status", "status": 200, "body": "x" * 30}], None, False),
    ([{"fault": "slow_drip", "ms": 10}, {"fault": "status", "status": 200, "body": "x" * 30}], 200, True),
    # The last: it may end the webhook.
    ({"fault": "gone"}, 410, False),
]
# The hub waits ten seconds for an answer (docs/setup/webhooks.md).
PATIENCE_S = 15


def tried(test, move):
    """Whether the hub makes of every answer what it should, once each, and a line that says so."""
    receiver = f"http://127.0.0.1:{RECEIVER + move}"
    call(f"{receiver}/__sandbox/reset", b"")
    passed = 0
    for fault, status, delivered in ANSWERS:
        for one in fault if isinstance(fault, list) else [fault]:
            call(f"{receiver}/__sandbox/faults", one)
        began = time.monotonic()
        shown = test()
        took = time.monotonic() - began
        attempts = call(f"{receiver}/__sandbox/state")["attempts"]
        if (
            (shown["status"], shown["delivered"]) == (status, delivered)
            and took < PATIENCE_S
            and len(shown["answer"]) <= 1_000
            # Redirects are not followed, and a test is one attempt.
            and [one["path"] for one in attempts if one["id"] == shown["message_id"]] == ["/hooks/ours"]
        ):
            passed += 1
        else:
            print(f"FAILED the hub, told {fault}: {shown} after {took:.1f} s")
    return passed == len(ANSWERS), f"the hub tries a webhook: {len(ANSWERS)} answers, {passed} as they should be"
