"""Writes out the loops of template.yaml, as CloudFormation's transform AWS::LanguageExtensions does: `expand_template.py template.yaml`
prints the result as JSON. Checks and tests read this form, because not all of them know loops.

SAM CLI's own code expands the loops. Its whole expander would also put in parameters, at their defaults.
"""

import json
import sys

from samcli.lib.cfn_language_extensions.models import TemplateProcessingContext
from samcli.lib.cfn_language_extensions.processors.foreach import ForEachProcessor
from samtranslator.yaml_helper import yaml_parse

LOOPS = "AWS::LanguageExtensions"


def expanded(path):
    """The template in this file without loops, and without the transform that knows them."""
    with open(path, encoding="utf-8") as file:
        template = yaml_parse(file.read())
    template["Transform"].remove(LOOPS)
    ForEachProcessor().process_template(TemplateProcessingContext(template, {}))
    return template


if __name__ == "__main__":
    json.dump(expanded(sys.argv[1]), sys.stdout, indent=1)
