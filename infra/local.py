#!/usr/bin/env python3
"""Makes the template by which `sam local invoke` runs a function on this machine.

    infra/local.py ENVIRONMENT [BINARIES] > local.json

ENVIRONMENT is the file that `cargo run -- surroundings --env` wrote. BINARIES is a folder with
`<binary>/bootstrap`; `make release` fills target/lambda, the default.

Of template.yaml only the functions are taken. Each has its environment written out, because
`--env-vars` sets no variable that the template does not name, and template.yaml does not name those
that open the egress rules.
"""

import json
import os
import sys

import yaml

from expand import Loader, expand

TAKEN = ["Handler", "Runtime", "MemorySize", "Timeout"]


def binary(logical_id):
    """As the Makefile has it: deliver is one binary, deployed once per CRM."""
    return "deliver" if logical_id.startswith("Deliver") else logical_id.removesuffix("Function").lower()


def local(template, environment, binaries):
    common = template["Globals"]["Function"]
    functions = {}
    for logical_id, resource in expand(template)["Resources"].items():
        if resource["Type"] != "AWS::Serverless::Function":
            continue
        properties = common | resource["Properties"]
        functions[logical_id] = {
            "Type": resource["Type"],
            "Properties": {name: properties[name] for name in TAKEN}
            | {
                "CodeUri": os.path.abspath(os.path.join(binaries, binary(logical_id))),
                "Architectures": [template["Parameters"]["Architecture"]["Default"]],
                "Environment": {"Variables": environment[logical_id]},
            },
        }
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Transform": "AWS::Serverless-2016-10-31",
        "Resources": functions,
    }


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    with open(sys.argv[1], encoding="utf-8") as file:
        environment = json.load(file)
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    with open(os.path.join(root, "template.yaml"), encoding="utf-8") as file:
        template = yaml.load(file, Loader)
    binaries = sys.argv[2] if len(sys.argv) > 2 else os.path.join(root, "target", "lambda")
    json.dump(local(template, environment, binaries), sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
