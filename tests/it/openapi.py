"""Reads openapi.yaml for the tests.

`openapi.py document` checks the document and its examples, and prints {"routes": {"GET /a/{b}": [scheme, ...]}, "drop_in": [...], "problems": [...]}.
`openapi.py answers` holds answers against it: a JSON list of cases in, a list of verdicts out (see openapi.rs).
"""

import json
import sys

import yaml
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate
from referencing import Registry
from referencing.jsonschema import DRAFT202012

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")

with open("openapi.yaml", encoding="utf-8") as file:
    document = yaml.safe_load(file)
registry = Registry().with_resource("urn:document", DRAFT202012.create_resource(document))


def resolved(part):
    """The object itself, if this is a reference to one."""
    while "$ref" in part and part["$ref"].startswith("#/components/"):
        _, _, section, name = part["$ref"].split("/")
        part = document["components"][section][name]
    return part


def absolute(schema):
    """The schema with absolute references, which need no base."""
    if isinstance(schema, dict):
        return {k: "urn:document" + v if k == "$ref" else absolute(v) for k, v in schema.items()}
    return [absolute(item) for item in schema] if isinstance(schema, list) else schema


def errors(schema, value):
    """The faults of a value: the place and the rule. The value is left out, because it may be a token."""
    found = Draft202012Validator(absolute(schema), registry=registry).iter_errors(value)
    return [f"{error.json_path} against {'/'.join(map(str, error.schema_path))}" for error in found]


def routes():
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if method in METHODS:
                yield f"{method.upper()} {path}", item, operation


def examples(part):
    return [example["value"] for example in part.get("examples", {}).values()]


def check_examples():
    """Checks each example against its schema. Every route must have an example."""
    checked = 0
    for route, item, operation in routes():
        content = [(f"{route} body", it) for it in operation.get("requestBody", {}).get("content", {}).values()]
        parameters = [resolved(it) for it in item.get("parameters", []) + operation.get("parameters", [])]
        content += [(f"{route} {it['name']}", it) for it in parameters]
        for status, response in operation["responses"].items():
            content += [(f"{route} {status}", it) for it in resolved(response)["content"].values()]
        for where, part in content:
            for example in examples(part):
                wrong = errors(part["schema"], example)
                if wrong:
                    sys.exit(f"{where}: the example does not fit its schema: {wrong}")
                checked += 1
        for media_type, part in resolved(operation["responses"]["200"])["content"].items():
            if not examples(part):
                sys.exit(f"{route} has no example of {media_type}")
    return checked


def described():
    validate(document)
    examples = check_examples()
    security = {route: operation.get("security", document["security"]) for route, _, operation in routes()}
    problems = []
    for schema in document["components"]["schemas"].values():
        problem = schema.get("properties", {}).get("type", {})
        named = problem.get("enum", [problem["const"]] if "const" in problem else [])
        problems += [name for name in named if str(name).startswith("urn:")]
    return {
        "routes": {route: [name for one in all for name in one] for route, all in security.items()},
        "drop_in": [route for route, _, operation in routes() if "Drop-in" in operation["tags"]],
        "schemes": sorted(document["components"]["securitySchemes"]),
        "problems": sorted(problems),
        "examples": examples,
    }


def verdict(case):
    operation = next((it for route, _, it in routes() if route == case["route"]), None)
    if operation is None:
        return ["no such route"]
    response = operation["responses"].get(str(case["status"]))
    if response is None:
        return [f"status {case['status']} is not documented"]
    response = resolved(response)
    headers = {name.lower(): value for name, value in case["headers"].items()}
    media_type = headers.pop("content-type", "none").split(";")[0]
    if media_type not in response["content"]:
        return [f"{media_type} is not documented for status {case['status']}"]
    body = case["body"] if media_type.startswith("text/") else json.loads(case["body"])
    wrong = errors(response["content"][media_type]["schema"], body)
    documented = {name.lower(): resolved(header) for name, header in response.get("headers", {}).items()}
    for name, header in documented.items():
        if name in headers:
            wrong += [f"{name}: {it}" for it in errors(header["schema"], headers[name])]
        elif header.get("required"):
            wrong.append(f"{name} is missing")
    wrong += [f"{name} is not documented" for name in headers.keys() - documented.keys()]
    return wrong


match sys.argv[1:]:
    case ["document"]:
        json.dump(described(), sys.stdout)
    case ["answers"]:
        json.dump([verdict(case) for case in json.load(sys.stdin)], sys.stdout)
    case _:
        sys.exit(__doc__)
