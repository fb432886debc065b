#!/usr/bin/env python3
"""Schemathesis against the hub on this machine: every operation of the document, all checks.

Starts the hub on moved ports, closed to the outside; announces an organization; runs Schemathesis
with schemathesis.toml and exceptions.toml; ends the hub. Exit status 0 means: no check failed, and
enough cases ran.

  tests/schemathesis/run.py                          as CI does
  tests/schemathesis/run.py --examples 100 --least 10000
"""

import argparse
import base64
import hashlib
import hmac
import json
import os
import re
import signal
import subprocess
import sys
import time
import tomllib
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HERE = ROOT / "tests" / "schemathesis"
INSTALLED = ROOT / ".dev" / "schemathesis"
sys.path.insert(0, str(ROOT / "tests" / "clients"))

from run import free_move, hub_binary, is_up  # noqa: E402

HUB, ISSUER, CRM = 3000, 4100, 4101
CONNECTED = "salesforce"
UP_S = 30


def call(url, body=None, headers=None):
    request = urllib.request.Request(url, data=body, headers=headers or {})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def secret_of(log):
    """What the hub prints once it is up."""
    found = re.search(r"events are signed\s+(whsec_\S+)", log.read_text(errors="replace"))
    return found and found[1]


def wait_for(hub, move, log):
    until = time.monotonic() + UP_S
    while time.monotonic() < until and hub.poll() is None:
        if secret_of(log) and is_up(CRM + move):
            return secret_of(log)
        time.sleep(0.1)
    sys.exit(f"the hub did not come up:\n{log.read_text()[-4000:]}")


def signed(body, secret):
    now = str(int(time.time()))
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.new(key, f"msg_1.{now}.".encode() + body, hashlib.sha256).digest()
    signature = f"v1,{base64.b64encode(digest).decode()}"
    return {"webhook-id": "msg_1", "webhook-timestamp": now, "webhook-signature": signature}


def furnish(url, secret, bearer):
    """An organization begins with its event, and nothing may come before it. Then a connection in use,
    a session that was written to it, and more: what each operation can be asked for, by its name."""

    def send(event):
        body = json.dumps({"organizationId": "org_demo", **event}).encode()
        call(f"{url}/api/events", body, signed(body, secret))

    def api(method, path, body=None):
        request = urllib.request.Request(f"{url}/api/{path}", method=method, headers={"authorization": f"Bearer {bearer}"})
        request.data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.headers, json.load(answer)

    events = ROOT / "events" / "payloads"
    send({**json.loads((events / "organization.changed.json").read_text()), "organizationId": "org_demo",
          "payload": {"name": "Demo", "plan": "enterprise", "status": "active"}})
    _, created = api("POST", "integrations/crm", {"crm": CONNECTED, "name": "Demo"})
    headers, begun = api("POST", f"integrations/{CONNECTED}/connect", {"connection_id": created["id"]})
    asked = urllib.request.Request(f"{begun['authorize_url']}&__sandbox_consent=allow")
    try:
        urllib.request.build_opener(Stay).open(asked, timeout=10)
        sys.exit("the fake CRM did not send the browser back")
    except urllib.error.HTTPError as away:
        back = urllib.request.Request(away.headers["location"])
    back.add_header("cookie", headers["set-cookie"].split(";")[0])
    urllib.request.urlopen(back, timeout=10).close()
    api("POST", f"integrations/crm/{created['id']}/approve")
    send({**json.loads((events / "session.completed.meeting.json").read_text()), "organizationId": "org_demo"})
    until = time.monotonic() + UP_S
    while not any(found["status"] == "delivered" for found in api("GET", "deliveries")[1]["items"]):
        if time.monotonic() > until:
            sys.exit("nothing was delivered")
        time.sleep(0.2)

    def more(path, body):
        return api("POST", path, body)[1]["id"]

    connection, spare = (more("integrations/crm", {"crm": CONNECTED, "name": "Demo"}) for _ in range(2))
    new = {"name": "Demo", "url": "https://crm.example/", "events": ["*"]}
    webhook, other = (more("integrations/webhooks", new) for _ in range(2))
    changing = ["getConnection", "changeConnection", "pauseConnection", "resumeConnection", "testConnection", "connect"]
    reading = ["getWebhook", "changeWebhook", "rotateWebhookSecret", "testWebhook"]
    return {
        **dict.fromkeys(changing, connection),
        **dict.fromkeys(reading, webhook),
        "approveConnection": created["id"],
        "endConnection": spare,
        "deleteWebhook": other,
        "getDelivery": api("GET", "deliveries")[1]["items"][0]["id"],
    }


class Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


def configuration(target):
    """schemathesis.toml and the exceptions, as one file: it knows no second one."""
    exceptions = tomllib.loads((HERE / "exceptions.toml").read_text())["exception"]
    text = (HERE / "schemathesis.toml").read_text().replace('"hooks.py"', json.dumps(str(HERE / "hooks.py")))
    for exception in exceptions:
        if len(exception["reason"]) < 20:
            sys.exit(f"an exception without a reason: {exception}")
        text += "\n[[operations]]\n"
        text += f"include-operation-id = {json.dumps(exception['operations'])}\n"
        for check, settings in exception["checks"].items():
            members = ", ".join(f"{name} = {json.dumps(value)}" for name, value in settings.items())
            text += f"checks.{check} = {{ {members} }}\n"
    target.write_text(text)
    print(f"{len(exceptions)} exceptions")


def run(url, secret, bearer, things, seed, options):
    config = INSTALLED / "config.toml"
    configuration(config)
    report = INSTALLED / "report.ndjson"
    command = [
        INSTALLED / "bin" / "schemathesis",
        "--config-file",
        config,
        "run",
        f"{url}/api/openapi.json",
        "--max-examples",
        str(options.examples),
        "--seed",
        str(seed),
        "--report",
        "ndjson",
        "--report-ndjson-path",
        report,
        "--no-color",
        *options.more,
    ]
    environment = {
        "PATH": os.environ.get("PATH", ""),
        "HOME": str(INSTALLED),
        "HUB_BEARER": bearer,
        "HUB_WEBHOOK_SECRET": secret,
        "HUB_THINGS": json.dumps(things),
        "HUB_CRM": CONNECTED,
        "PYTHONDONTWRITEBYTECODE": "1",
        "NO_PROXY": "*",
    }
    started = time.monotonic()
    output = []
    with subprocess.Popen(
        command, cwd=INSTALLED, env=environment, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    ) as running:
        for line in running.stdout:
            output.append(line)
            print(line, end="", flush=True)
    cases = sum(int(found) for found in re.findall(r"^\s+(\d+) generated", "".join(output), re.MULTILINE))
    return running.returncode, cases, int(time.monotonic() - started)


def reached():
    """Method and path of what answered with success in the last run."""
    found = set()
    for line in (INSTALLED / "report.ndjson").read_text().splitlines():
        recorder = json.loads(line).get("ScenarioFinished", {}).get("recorder", {})
        for name, interaction in recorder.get("interactions", {}).items():
            case = recorder["cases"][name]["value"]
            status = (interaction.get("response") or {}).get("status_code", 0)
            if 200 <= status < 400:
                found.add((case["method"], case["path"]))
    return found


def unreached(found):
    """Operations that never succeeded, but for those of exceptions.toml: their checks show little."""
    document = json.loads((ROOT / "docs" / "openapi.json").read_text())
    names = {
        operation["operationId"]
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if (method.upper(), path) not in found
    }
    return sorted(names - set(tomllib.loads((HERE / "exceptions.toml").read_text())["unreached"]))


def with_hub(seed, options):
    """One run on a hub of its own."""
    move = free_move()
    log = INSTALLED / "hub.log"
    with log.open("wb") as output:
        hub = subprocess.Popen(
            [hub_binary(), "--ports", f"+{move}", "--closed"],
            cwd=ROOT, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
        )
    try:
        secret = wait_for(hub, move, log)
        url = f"http://127.0.0.1:{HUB + move}"
        token = call(f"http://127.0.0.1:{ISSUER + move}/token?org=org_demo&role=admin")["access_token"]
        things = furnish(url, secret, token)
        return run(url, secret, token, things, seed, options)
    finally:
        hub.terminate()
        try:
            hub.wait(timeout=10)
        except subprocess.TimeoutExpired:
            hub.kill()
            hub.wait()


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--examples", type=int, default=12)
    arguments.add_argument("--runs", type=int, default=1, help="each on a fresh hub, with the next seed")
    arguments.add_argument("--least", type=int, default=2000, help="cases, or it is a failure")
    arguments.add_argument("--seed", type=int, default=20261120)
    arguments.add_argument("more", nargs="*", help="for Schemathesis itself, after --")
    options = arguments.parse_args()
    if not (INSTALLED / "bin" / "schemathesis").exists():
        sys.exit("Schemathesis is not there: .ci/install")
    subprocess.run(["cargo", "build", "--locked", "--quiet", "--bin", "hub"], cwd=ROOT, check=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    found, cases, seconds, failed = set(), 0, 0, 0
    for seed in range(options.seed, options.seed + options.runs):
        status, more, took = with_hub(seed, options)
        cases, seconds, failed = cases + more, seconds + took, failed + (status != 0)
        if status:
            print(f"seed {seed}: Schemathesis ended with status {status}")
        found |= reached()
    print(f"schemathesis: {cases} cases in {seconds} s, {options.runs} runs, {failed} failed")
    missing = unreached(found)
    if missing:
        sys.exit(f"never answered with success, which exceptions.toml does not expect: {missing}")
    if cases < options.least:
        sys.exit(f"only {cases} cases, {options.least} are wanted")
    sys.exit(failed)


if __name__ == "__main__":
    main()
