"""Cases of one client library: each has a name that says what the CRM does, and runs by itself."""

import importlib.metadata
import json
import os
import socket
import sys
import traceback
import urllib.request

BASE = os.environ["CLIENTS_BASE_URL"]
# A client without a timeout of its own must not hang.
socket.setdefaulttimeout(30)

_cases = []


def case(name):
    """Registers a function as a case."""

    def register(function):
        _cases.append((name, function))
        return function

    return register


def sandbox(method, path, body=None):
    """What the sandbox itself offers, beside the CRM."""
    request = urllib.request.Request(
        f"{BASE}/__sandbox/{path}",
        method=method,
        headers={"content-type": "application/json"},
        data=None if body is None else json.dumps(body).encode(),
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        text = answer.read()
    return json.loads(text) if text else None


def credentials():
    return sandbox("GET", "credentials")


def fault(**body):
    sandbox("POST", "faults", body)


def requests_so_far():
    found = sandbox("GET", "requests")
    return found["requests"] if isinstance(found, dict) else found


def records(name):
    return sandbox("GET", "state")["objects"][name]


def failure(kind, function, *arguments, **named):
    """The error a call ends with; it has to end with one of this kind."""
    try:
        function(*arguments, **named)
    except kind as error:
        return error
    raise AssertionError("it went well")


def same(found, expected):
    assert found == expected, f"{found!r} instead of {expected!r}"


def run(library, version=None):
    """Runs the cases. Plain requests are no library that is installed: they say which version of the API they are for."""
    only = os.environ.get("CLIENTS_ONLY", "")
    wanted = [(name, function) for name, function in _cases if only in name]
    passed = 0
    for name, function in wanted:
        sandbox("POST", "reset")
        try:
            function()
            passed += 1
        except Exception:  # one case must not keep the others from running
            print(f"FAILED {library}: {name}\n{traceback.format_exc()}")
    version = version or importlib.metadata.version(library)
    print(f"{library} {version}: {len(wanted)} cases, {passed} passed")
    sys.exit(0 if passed == len(wanted) else 1)
