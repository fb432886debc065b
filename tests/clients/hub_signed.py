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
    """Writes the secrets and the kept attempts for the suites: one attempt with one signature, one with two."""
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
    secrets = [made["secret"]]
    for _ in range(2):
        call(f"{receiver}/__sandbox/settings", {"secrets": secrets})
        tried = api("/test", {"webhook_id": made["id"]})
        assert tried["delivered"], f"the receiver did not take what the hub signed: {tried}"
        if len(secrets) == 1:
            secrets.insert(0, api(f"/{made['id']}/rotate-secret", {})["secret"])
    attempts = call(f"{receiver}/__sandbox/state")["attempts"]
    signatures = [len(attempt["signature"].split(" ")) for attempt in attempts]
    assert signatures == [1, 2], f"signatures of the attempts: {signatures}"
    assert all(attempt["verified"] for attempt in attempts), attempts
    file.write_text(json.dumps({"secret": secrets[0], "previous": secrets[1], "attempts": attempts}))
