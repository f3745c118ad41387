"""Writes the page of all routes from openapi.yaml: `routes.py` prints it, `routes.py FILE` writes it.

A test holds docs/reference/routes.md against what this prints.
"""

import json
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
METHODS = ("get", "post")
HEAD = """\
# Routes

<!-- Made from openapi.yaml by `make docs`. Change openapi.yaml, not this page. -->

This page is made from [`openapi.yaml`](../../openapi.yaml), the contract for machines.
"""
DROP_IN = "Drop-in"
DROP_IN_PAGES = """\
How: [Leave agora-token-service](../how-to/leave-agora-token-service.md) and
[Leave ZEGO's demo servers](../how-to/leave-zegos-demo-servers.md).
"""
STATUSES = [
    ("400", "a parameter is missing or wrong, or the body is no JSON object"),
    ("401", "nobody is signed in"),
    ("403", "another user's token, uid 0, a wildcard, a room or role that the caller may not have, a token for backends"),
    ("404", "the path has a part too many, or a slash at the end that the route does not take"),
    ("408, 413", "the body took more than 10 seconds (the server), or is over 8 KiB"),
    ("429", "the user has used up the tokens of a minute (`MINTS_PER_MINUTE`). `Retry-After` says when to try again"),
    ("500", "a mistake of ours"),
    ("503", "no tokens at the moment"),
]

document = yaml.safe_load((ROOT / "openapi.yaml").read_text(encoding="utf-8"))


def resolved(node):
    """The node that a `$ref` names. What stands beside the `$ref` wins."""
    if "$ref" not in node:
        return node
    found = document
    for part in node["$ref"].removeprefix("#/").split("/"):
        found = found[part]
    return {**resolved(found), **{key: value for key, value in node.items() if key != "$ref"}}


def cell(text):
    """A text as one cell of a table."""
    return " ".join(str(text).split()).replace("|", "\\|")


def code(value):
    """A value as the clients write it, in a code span."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    fence = "``" if "`" in text else "`"
    space = " " if text.startswith("`") or text.endswith("`") else ""
    # Within a table GitHub and mdBook want this escape even in a code span.
    return f"{fence}{space}{text}{space}{fence}".replace("|", "\\|")


def rule(schema):
    """What a value must be."""
    schema = resolved(schema)
    if "enum" in schema:
        return " or ".join(code(value) for value in schema["enum"])
    if "const" in schema:
        return code(schema["const"])
    if "oneOf" in schema and "type" not in schema:
        values = [value for one in schema["oneOf"] for value in rule(one).split(" or ")]
        return " or ".join(dict.fromkeys(values))
    kind = schema.get("type", "")
    if isinstance(kind, list):
        return " or ".join(rule({**schema, "type": one}) for one in kind)
    if kind == "array":
        most = f", at most {schema['maxItems']}" if "maxItems" in schema else ""
        return f"list of {rule(schema['items'])}{most}"
    if kind == "object":
        return "object"
    parts = [{"integer": "whole number", "boolean": "`true` or `false`", "string": "text"}.get(kind, str(kind))]
    if "minimum" in schema:
        parts.append(f"{schema['minimum']:,} to {schema['maximum']:,}" if "maximum" in schema else f"from {schema['minimum']:,}")
    if "pattern" in schema:
        parts.append(code(schema["pattern"]))
    if "not" in schema and "const" in schema["not"]:
        parts.append(f"not {code(schema['not']['const'])}")
    return ", ".join(parts)


def meaning(node, schema):
    """The description of a parameter, and that of its type."""
    texts = [node.get("description"), resolved(schema).get("description")]
    return cell(" ".join(dict.fromkeys(text.strip() for text in texts if text)))


def table(head, rows):
    yield "| " + " | ".join(head) + " |"
    yield "|" + "---|" * len(head)
    for row in rows:
        yield "| " + " | ".join(row) + " |"
    yield ""


def fields(schema, prefix=""):
    """The fields of an object, one after the other, and those of the objects within."""
    schema = resolved(schema)
    required = schema.get("required", [])
    for name, field in schema.get("properties", {}).items():
        full = resolved(field)
        yield f"{prefix}{name}", field, name in required
        if full.get("type") == "object":
            yield from fields(full, f"{prefix}{name}.")


def parameters(listed):
    rows = []
    for parameter in map(resolved, listed):
        schema = resolved(parameter["schema"])
        default = code(schema["default"]) if "default" in schema else ("required" if parameter.get("required") else "")
        rows.append([code(parameter["name"]), parameter["in"], rule(schema), default, meaning(parameter, schema)])
    if rows:
        yield from table(["parameter", "in", "must be", "default", "meaning"], rows)


def body(request):
    (content,) = request["content"].values()
    schema = resolved(content["schema"])
    kinds = schema.get("oneOf") or schema.get("anyOf")
    if kinds and "properties" not in schema:
        for one in map(resolved, kinds):
            yield f"The JSON object for {one['title']}:"
            yield ""
            yield from body_of(one)
    else:
        yield "The body is a JSON object:"
        yield ""
        yield from body_of(schema)


def body_of(schema):
    rows = []
    for name, field, required in fields(schema):
        full = resolved(field)
        default = code(full["default"]) if "default" in full else ("required" if required else "")
        rows.append([code(name), rule(field), default, meaning({}, field)])
    yield from table(["field", "must be", "default", "meaning"], rows)
    for name, needs in schema.get("dependentRequired", {}).items():
        yield f"{code(name)} needs {' and '.join(map(code, needs))}."
        yield ""
    if "required" in schema.get("not", {}):
        yield f"Not both of {' and '.join(map(code, schema['not']['required']))}."
        yield ""


def examples(content):
    """The examples of a body, each as a block."""
    for name, example in content.get("examples", {}).items():
        yield f"Example: {name.replace('-', ' ')}."
        yield ""
        value = resolved(example)["value"]
        yield "```json" if not isinstance(value, str) else "```text"
        yield value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)
        yield "```"
        yield ""


def answer(success):
    yield "### Answer"
    yield ""
    for kind, content in success["content"].items():
        yield f"{code(kind)}:"
        yield ""
        yield from examples(content)
        schema = resolved(content["schema"])
        one_of = schema.get("oneOf", []) if "properties" not in schema else []
        for one in one_of or [schema]:
            if "properties" not in resolved(one):
                continue
            if one_of and "kind" in resolved(one)["properties"]:
                kinds = resolved(one)["properties"]["kind"]
                yield f"Fields where `kind` is {rule(kinds)}:"
                yield ""
            elif one_of and "title" in resolved(one):
                yield f"Fields from {resolved(one)['title']}:"
                yield ""
            rows = [[code(name), rule(field), "always" if required else "sometimes", meaning({}, field)]
                    for name, field, required in fields(one)]
            yield from table(["field", "is", "sent", "meaning"], rows)


def problem_types(content):
    """The names of the problems that an answer may be."""
    schema = resolved(content["schema"])
    for one in schema.get("oneOf", [schema]):
        kind = resolved(one).get("properties", {}).get("type", {})
        for value in [kind["const"]] if "const" in kind else kind.get("enum", []):
            yield value.rsplit(":", 1)[1]


def refused_alike(responses):
    """The responses by their statuses. Statuses with the same response become one."""
    alike = {}
    for status, response in responses.items():
        if status != "200":
            alike.setdefault(response.get("$ref", status), ([], response))[0].append(status)
    return [(", ".join(statuses), response) for statuses, response in alike.values()]


def refusals(responses):
    rows = []
    for status, response in refused_alike(responses):
        response = resolved(response)
        names = [name for content in response["content"].values() for name in problem_types(content)]
        rows.append([status, ", ".join(map(code, names)), cell(response["description"])])
    yield "### Refusals"
    yield ""
    yield from table(["status", "problem", "when"], rows)


def route(path, shared, method, operation):
    title = f"{method.upper()} {path}"
    # As code: mdBook reads braces at the end of a heading as attributes.
    yield f"## {code(title)}"
    yield ""
    yield f"{operation['summary']}."
    yield ""
    if "description" in operation:
        yield operation["description"].strip()
        yield ""
    (scheme,) = operation.get("security", document["security"])[0]
    yield {"SignedInUser": "Caller: a signed-in user, with a JWT (`Authorization: Bearer …`).",
           "UikitUser": "Caller: a signed-in user, with a JWT in the query (`jwt=…`).",
           "AWS_IAM": "Caller: an IAM identity, with a signature of AWS (version 4), or, with `BACKEND_AUDIENCE`, a backend's JWT."}[scheme]
    yield ""
    yield "### Request"
    yield ""
    listed = [*shared, *operation.get("parameters", [])]
    yield from parameters(listed)
    if "requestBody" in operation:
        yield from body(operation["requestBody"])
        (content,) = operation["requestBody"]["content"].values()
        yield from examples(content)
    yield from answer(resolved(operation["responses"]["200"]))
    yield from refusals(operation["responses"])
    if DROP_IN in operation["tags"]:
        for content in resolved(operation["responses"]["403"])["content"].values():
            of_the_service = {name: example for name, example in content.get("examples", {}).items() if name != "gateway"}
            yield from examples({"examples": of_the_service})


def errors():
    """All problems, with an example of each that has one."""
    found = {}
    for path in document["paths"].values():
        for method in METHODS:
            for status, response in path.get(method, {}).get("responses", {}).items():
                response = resolved(response)
                for content in response.get("content", {}).values():
                    for name in problem_types(content):
                        found.setdefault((int(status), name), response["description"])
    titles = {}
    for schema in document["components"]["schemas"].values():
        properties = schema.get("properties", {})
        kind = properties.get("type", {})
        if "title" in properties:
            for value in [kind["const"]] if "const" in kind else kind.get("enum", []):
                titles[value.rsplit(":", 1)[1]] = properties["title"]["const"]
    yield "## Errors"
    yield ""
    yield "An answer of the service that is no token is `application/problem+json` (RFC 9457) with `type`, `title`, `status`, `detail` and"
    yield "`request_id`. `POST /fetch_rtm_token` and the drop-in routes are exceptions: each shows the form of its errors. `type`"
    yield "is `urn:tokenmint:problem:` and the name in this table:"
    yield ""
    yield from table(["status", "name", "title", "when"],
                     [[str(status), code(name), cell(titles[name]), cell(when)] for (status, name), when in sorted(found.items())])
    for response in document["components"]["responses"].values():
        content = response["content"].get("application/problem+json", {})
        for example in content.get("examples", {}).values():
            value = example["value"]
            yield f"Status {value['status']}:"
            yield ""
            yield "```json"
            yield json.dumps(value, indent=2, ensure_ascii=False)
            yield "```"
            yield ""


def page():
    yield HEAD
    yield document["info"]["description"].strip()
    yield ""
    operations = [(path, item.get("parameters", []), method, item[method])
                  for path, item in document["paths"].items() for method in METHODS if method in item]
    unknown = {key for item in document["paths"].values() for key in item} - {*METHODS, "parameters"}
    if unknown:
        raise SystemExit(f"openapi.yaml has methods that this program does not write: {unknown}")
    drop_in = [operation for operation in operations if DROP_IN in operation[3]["tags"]]
    ours = [operation for operation in operations if DROP_IN not in operation[3]["tags"]]
    yield from contents(ours)
    yield "With `DROP_IN=true` there are [drop-in routes](#drop-in-routes), too."
    yield ""
    for operation in ours:
        yield from route(*operation)
    yield "## Drop-in routes"
    yield ""
    (tag,) = (tag for tag in document["tags"] if tag["name"] == DROP_IN)
    yield tag["description"].strip()
    yield ""
    yield DROP_IN_PAGES
    yield from contents(drop_in)
    yield "What a refusal's status means on all of them:"
    yield ""
    yield from table(["status", "when"], STATUSES)
    for operation in drop_in:
        yield from route(*operation)
    yield from errors()


def contents(operations):
    return table(["route", "token"], [[f"[{code(f'{method.upper()} {path}')}](#{anchor(f'{method} {path}')})",
                                       cell(operation["summary"])] for path, _, method, operation in operations])


def anchor(title):
    """The id that code hosts and mdBook give to a heading."""
    kept = "".join(letter for letter in title.lower() if letter.isalnum() or letter in " -_")
    return kept.replace(" ", "-")


text = "\n".join(page()).rstrip() + "\n"
if len(sys.argv) > 1:
    Path(sys.argv[1]).write_text(text, encoding="utf-8")
else:
    sys.stdout.write(text)
