#!/usr/bin/env python3
"""Compares the functions' release binaries with infra/sizes.json.

    infra/sizes.py [FOLDER]             fails where one is more than a tenth larger than noted
    infra/sizes.py [FOLDER] --update    notes the sizes as they are: commit them with the reason

Every byte of a function is loaded at each cold start. FOLDER is target/release if not given.
"""

import json
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
NOTED = ROOT / "infra" / "sizes.json"
MARGIN = 0.10


def main():
    arguments = [each for each in sys.argv[1:] if each != "--update"]
    folder = pathlib.Path(arguments[0]) if arguments else ROOT / "target" / "release"
    functions = sorted(path.parent.name for path in (ROOT / "functions").glob("*/Cargo.toml"))
    sizes = {name: (folder / name).stat().st_size for name in functions}

    if "--update" in sys.argv:
        NOTED.write_text(json.dumps(sizes, indent=2, sort_keys=True) + "\n", encoding="utf-8")

    noted = json.loads(NOTED.read_text(encoding="utf-8")) if NOTED.exists() else {}
    print(f"{'function':<12} {'bytes':>12} {'noted':>12} {'change':>8}")
    too_large = []
    for name, size in sizes.items():
        before = noted.get(name)
        change = size / before - 1 if before else None
        print(f"{name:<12} {size:>12,} {before or 0:>12,} " + (f"{change:>+8.1%}" if before else "     new"))
        if before is None or change > MARGIN:
            too_large.append(name)
    gone = sorted(set(noted) - set(sizes))
    if too_large or gone:
        sys.exit(
            f"not as noted: {', '.join(too_large + gone)}. If that is meant, say why in the commit,"
            " with the result of `just sizes`"
        )


if __name__ == "__main__":
    main()
