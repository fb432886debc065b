"""The snippets of docs/SANDBOX.md, run as they stand, at other ports."""

import json
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "SANDBOX.md"
SNIPPET = re.compile(r"^```(sh|js|python)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# `sh` that starts servers is for people; local/hub/tests drives it.
STARTS = "cargo run"
# What a test suite starts is built already.
STARTED = '"cargo", "run", "--quiet", "--"'


def snippets(hub, move):
    for language, text in SNIPPET.findall(PAGE.read_text()):
        if STARTS not in text:
            text = text.replace(STARTED, json.dumps(str(hub)))
            yield language, re.sub(r"127\.0\.0\.1:(\d+)", lambda port: f"127.0.0.1:{int(port[1]) + move}", text)


def run(installed, environment, hub, move):
    """Whether all of them ended well and said something, and a line that says so."""
    found = list(snippets(hub, move))
    passed = 0
    for language, text in found:
        if language == "sh":
            command = ["bash", "-euo", "pipefail", "-c", text]
        elif language == "python":
            command = [installed / "bin" / "python", "-c", text]
        else:
            script = installed / "node" / "snippet.mjs"
            script.write_text(text)
            command = [installed / "bin" / "node", script]
        done = subprocess.run(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, timeout=120,
        )
        if done.returncode == 0 and done.stdout.strip():
            passed += 1
        else:
            print(f"FAILED docs/SANDBOX.md, {done.returncode}:\n{text}\n{done.stdout}")
    # A page whose snippets nobody finds would pass too.
    languages = {language for language, _ in found}
    enough = languages == {"sh", "js", "python"} and len(found) >= 7
    return enough and passed == len(found), f"docs/SANDBOX.md: {len(found)} snippets, {passed} ran"
