#!/usr/bin/env python3
"""Expands what AWS::LanguageExtensions adds to a template, for tools that do not.

    infra/expand.py [TEMPLATE] > expanded.json

Knows what template.yaml uses, and no more: Fn::ForEach over a written list, in Resources and
Outputs; Fn::FindInMap with literal keys and a DefaultValue; Fn::Sub without variables left. Whatever
else CloudFormation would do at deployment stays as it is. SAM's own transform is not applied.
"""

import json
import re
import sys

import yaml

FOR_EACH = "Fn::ForEach::"


class Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short tags: `!Ref x` is `{"Ref": "x"}`."""


def short_tag(loader, suffix, node):
    key = suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}"
    if isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    elif isinstance(node, yaml.MappingNode):
        value = loader.construct_mapping(node, deep=True)
    else:
        value = loader.construct_scalar(node)
        if key == "Fn::GetAtt":
            value = value.split(".", 1)
    return {key: value}


Loader.add_multi_constructor("!", short_tag)


def substitute(value, name, item):
    """Puts one item of a list into a copy of the loop's body."""
    if isinstance(value, str):
        value = value.replace("${%s}" % name, item)
        return value.replace("&{%s}" % name, re.sub(r"[^A-Za-z0-9]", "", item))
    if isinstance(value, list):
        return [substitute(each, name, item) for each in value]
    if isinstance(value, dict):
        if value == {"Ref": name}:
            return item
        return {substitute(k, name, item): substitute(v, name, item) for k, v in value.items()}
    return value


def unroll(section):
    """Writes out the loops of one section."""
    result = {}
    for key, value in section.items():
        if not key.startswith(FOR_EACH):
            additions = {key: value}
        else:
            name, items, body = value
            if not all(isinstance(item, str) for item in items):
                sys.exit(f"{key}: the list must be written out")
            additions = {}
            for item in items:
                for logical_id, resource in unroll(substitute(body, name, item)).items():
                    if logical_id in additions:
                        sys.exit(f"{key}: {logical_id} comes out twice")
                    additions[logical_id] = resource
        for logical_id, resource in additions.items():
            if logical_id in result:
                sys.exit(f"{logical_id} is there twice")
            result[logical_id] = resource
    return result


def resolve(value, mappings):
    """Looks up maps whose keys are known, and drops a Fn::Sub that has nothing to substitute."""
    if isinstance(value, list):
        return [resolve(each, mappings) for each in value]
    if not isinstance(value, dict):
        return value
    value = {k: resolve(v, mappings) for k, v in value.items()}
    if set(value) == {"Fn::Sub"} and isinstance(value["Fn::Sub"], str) and "${" not in value["Fn::Sub"]:
        return value["Fn::Sub"]
    if set(value) == {"Fn::FindInMap"}:
        name, *keys = value["Fn::FindInMap"]
        default = keys.pop()["DefaultValue"] if isinstance(keys[-1], dict) and "DefaultValue" in keys[-1] else None
        if all(isinstance(key, str) for key in [name, *keys]):
            top, second = keys
            found = mappings[name].get(top, {}).get(second, default)
            if found is None:
                sys.exit(f"Fn::FindInMap: no {name}.{top}.{second}, and no default")
            return found
    return value


def expand(template):
    mappings = template.get("Mappings", {})
    result = {}
    for key, value in template.items():
        if key in ("Resources", "Outputs", "Conditions"):
            value = resolve(unroll(value), mappings)
        elif key == "Transform":
            value = [each for each in value if each != "AWS::LanguageExtensions"]
        elif key == "Mappings":
            continue  # all looked up; an unused map would be a finding of cfn-lint
        elif key == "Globals":
            value = resolve(value, mappings)
        result[key] = value
    return result


def main():
    path = sys.argv[1] if len(sys.argv) > 1 else "template.yaml"
    with open(path, encoding="utf-8") as file:
        template = yaml.load(file, Loader)
    json.dump(expand(template), sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
