#!/usr/bin/env python3
"""Runs the vendors' own client libraries against the fake CRMs on their ports.

Starts the hub on moved ports, runs each suite with the address of its CRM, and ends the hub.
The libraries are in .dev/clients (`.ci/install`). Exit status 0 means that every case passed.

  tests/clients/run.py              all suites
  tests/clients/run.py jsforce …    only these; `page` runs the snippets of docs/SANDBOX.md
"""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import hub_signed
import page

ROOT = Path(__file__).resolve().parents[2]
HERE = ROOT / "tests" / "clients"
INSTALLED = ROOT / ".dev" / "clients"
# The ports of `cargo run`: the hub, the issuer and up to nine CRMs, the embedded AWS.
PORTS = [3000, *range(4100, 4110), 4566]
# What the hub signed for a webhook, as the receiver got it.
HUB_SIGNED = INSTALLED / "hub-signed.json"
CASES_LEAST = 12
HUB_UP_S = 30
SUITE_S = 600

# The snippets of the manual.
PAGE = "page"
# A suite is named after its CRM in the sandbox's registry, which has the port, and says for which library it is.
REGISTERED = re.compile(r"^    (\w+): (\d+) => ", re.MULTILINE)
LIBRARY = re.compile(r"^\s*(?:await )?run\(['\"]([^'\"]+)", re.MULTILINE)
# The suites of what the hub signs for a customer's own receiver.
WEBHOOKS = "webhooks"


def suites():
    """Library, its suite, the port of its CRM."""
    ports = {name: int(port) for name, port in REGISTERED.findall((ROOT / "local/sandbox/src/lib.rs").read_text())}
    ports[WEBHOOKS] = hub_signed.RECEIVER
    found = []
    for path in sorted(HERE.glob("*_*.*")):
        port = ports.get(path.name.split("_")[0])
        library = LIBRARY.search(path.read_text())
        if port and library:
            found.append((library[1], path.name, port))
    missing = set(ports.values()) - {port for *_, port in found}
    if missing:
        sys.exit(f"no suite for the ports {sorted(missing)}: tests/clients/<crm>_<library>.mjs or .py")
    return found


SUITES = suites()


def is_free(port):
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def free_move():
    """How far the ports have to be moved so that all of them are free."""
    for move in range(10_000, 40_000, 137):
        if all(is_free(port + move) for port in PORTS):
            return move
    sys.exit("no free ports")


def hub_binary():
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    return (target if target.is_absolute() else ROOT / target) / "debug" / "hub"


def is_up(port):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/__sandbox/credentials", timeout=2) as answer:
            return bool(json.load(answer))
    except (OSError, ValueError):
        return False


def wait_for(hub, ports, log):
    until = time.monotonic() + HUB_UP_S
    while time.monotonic() < until:
        if hub.poll() is not None:
            break
        if all(is_up(port) for port in ports):
            return
        time.sleep(0.1)
    sys.exit(f"the hub did not come up:\n{log.read_text()[-4000:]}")


def surroundings():
    """What every suite is told."""
    return {
        "PATH": os.environ.get("PATH", ""),
        "HOME": str(INSTALLED),
        "PYTHONDONTWRITEBYTECODE": "1",
        "NO_PROXY": "*",
    }


def run_suite(library, script, port):
    """The last line a suite prints; None when it failed or ran too few cases."""
    node = script.endswith(".mjs")
    interpreter = INSTALLED / "bin" / ("node" if node else "python")
    # Node looks for packages from the script upwards, so it runs beside what was installed.
    folder = INSTALLED / "node" if node else HERE
    if node:
        for name in ("harness.mjs", "webhooks_cases.mjs", script):
            (folder / name).write_bytes((HERE / name).read_bytes())
    environment = {
        **surroundings(),
        "CLIENTS_BASE_URL": f"http://127.0.0.1:{port}",
        "CLIENTS_HUB_SIGNED": str(HUB_SIGNED),
        "CLIENTS_ONLY": os.environ.get("CLIENTS_ONLY", ""),
    }
    try:
        done = subprocess.run(
            [interpreter, folder / script],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=SUITE_S,
        )
        output, status = done.stdout, done.returncode
    except subprocess.TimeoutExpired as late:
        output = late.stdout or b""
        output = output.decode(errors="replace") if isinstance(output, bytes) else output
        status = -1
        print(f"{library}: not done after {SUITE_S} s")
    found = re.search(rf"^{re.escape(library)} \S+: (\d+) cases, (\d+) passed$", output, re.MULTILINE)
    if status != 0 or not found:
        print(output)
        return False, found[0] if found else f"{library}: no result"
    enough = int(found[1]) >= CASES_LEAST or environment["CLIENTS_ONLY"]
    return bool(enough) and found[1] == found[2], found[0]


def main():
    names = sys.argv[1:]
    wanted = [suite for suite in SUITES if not names or suite[0] in names]
    known = {PAGE, *(name for name, *_ in SUITES)}
    if not known.issuperset(names):
        sys.exit(f"knows only {', '.join(sorted(known))}")
    if not (INSTALLED / "bin" / "node").exists():
        sys.exit("the client libraries are not there: .ci/install")
    subprocess.run(["cargo", "build", "--locked", "--quiet", "--bin", "hub"], cwd=ROOT, check=True)
    move = free_move()
    log = INSTALLED / "hub.log"
    with log.open("wb") as output:
        hub = subprocess.Popen(
            [hub_binary(), "--ports", f"+{move}"],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        wait_for(hub, sorted({port + move for *_, port in SUITES}), log)
        if any(port == hub_signed.RECEIVER for *_, port in wanted):
            test = hub_signed.collect(move, log, HUB_SIGNED)
        results = [run_suite(library, script, port + move) for library, script, port in wanted]
        if any(port == hub_signed.RECEIVER for *_, port in wanted):
            results.append(hub_signed.tried(test, move))
        if not names or PAGE in names:
            results.append(page.run(INSTALLED, surroundings(), hub_binary(), move))
    finally:
        hub.terminate()
        try:
            hub.wait(timeout=10)
        except subprocess.TimeoutExpired:
            hub.kill()
            hub.wait()
    for _, line in results:
        print(line)
    sys.exit(0 if all(passed for passed, _ in results) else 1)


if __name__ == "__main__":
    main()
