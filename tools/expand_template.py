"""Writes out the loops of template.yaml, as CloudFormation's transform AWS::LanguageExtensions does: `expand_template.py template.yaml`
prints the result as JSON. Checks and tests read this form, because not all of them know loops.

SAM CLI's own code expands the loops. Its whole expander would also put in parameters, at their defaults. A loop may go through a list in
the section Mappings (Fn::FindInMap). Nothing else reads that section, so the result does not have it.
"""

import json
import sys

from samcli.lib.cfn_language_extensions.models import TemplateProcessingContext
from samcli.lib.cfn_language_extensions.processors.foreach import ForEachProcessor
from samcli.lib.cfn_language_extensions.resolvers import FnFindInMapResolver, IntrinsicResolver
from samtranslator.yaml_helper import yaml_parse

LOOPS = "AWS::LanguageExtensions"


class Loops(ForEachProcessor):
    """SAM's code finds loops in a section, in another loop, and at the top of a resource's properties. This one also finds them deeper in the
    properties, such as among the paths of an API."""

    def _process_section(self, section, context, parent_identifiers=None):
        if isinstance(section, list):
            return [self._process_section(item, context, parent_identifiers) for item in section]
        found = super()._process_section(section, context, parent_identifiers)
        if not isinstance(found, dict):
            return found
        return {name: self._process_section(of, context, parent_identifiers) for name, of in found.items()}


def read(path):
    """The template in this file, as it is written."""
    with open(path, encoding="utf-8") as file:
        return yaml_parse(file.read())


def expanded(path):
    """The template in this file without loops, and without the transform that knows them."""
    template = read(path)
    check_placeholders(template)
    template["Transform"].remove(LOOPS)
    context = TemplateProcessingContext(template, {})
    Loops(IntrinsicResolver(context).register_resolver(FnFindInMapResolver)).process_template(context)
    template.pop("Mappings", None)
    return settled(template)


def check_placeholders(value, loops=()):
    """Refuses ${NAME} of a loop where CloudFormation does not replace it. It replaces it only in names and in Fn::Sub."""
    if isinstance(value, dict):
        for name, of in value.items():
            if name.startswith("Fn::ForEach::"):
                identifier, _, body = of
                check_placeholders(body, (*loops, identifier))
            elif not (name == "Fn::Sub" and isinstance(of, str)):
                check_placeholders(of, loops)
    elif isinstance(value, list):
        for item in value:
            check_placeholders(item, loops)
    elif isinstance(value, str):
        for loop in loops:
            if f"${{{loop}}}" in value:
                raise SystemExit(f"CloudFormation puts nothing in place of ${{{loop}}} in {value!r}. Write !Sub before it.")


def settled(value):
    """Replaces each Fn::Sub without a ${…} by its text. So references and conditions have plain names again."""
    if isinstance(value, dict):
        text = value.get("Fn::Sub")
        if len(value) == 1 and isinstance(text, str) and "${" not in text:
            return text
        return {name: settled(of) for name, of in value.items()}
    if isinstance(value, list):
        return [settled(item) for item in value]
    return value


if __name__ == "__main__":
    json.dump(expanded(sys.argv[1]), sys.stdout, indent=1)
