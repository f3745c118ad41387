"""Prints template.yaml as the CloudFormation that would be deployed, translated by AWS's own code (aws-sam-translator).

Each line of the input is a JSON object of parameters; its answer is the line {"template": ..., "parameters": ...}, with every
parameter's value. Conditions and references are left for the reader. A function's code becomes s3://functions/BINARY, so that a reader
finds the binary of each. One process answers many, because to load the translator takes seconds.
"""

import copy
import json
import logging
import sys

from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse


class ManagedPolicies:
    """The translator asks an AWS account for these; it attaches none by itself where functions bring their roles."""

    def load(self):
        return {}


# It warns that nobody collects its metrics.
logging.disable(logging.WARNING)
with open("template.yaml", encoding="utf-8") as file:
    source = yaml_parse(file.read())
declared = source["Parameters"]
for resource in source["Resources"].values():
    if resource["Type"] == "AWS::Serverless::Function":
        resource["Properties"]["CodeUri"] = "s3://functions/" + resource["Metadata"]["BuildProperties"]["Binary"]
for line in sys.stdin:
    parameters = {name: it["Default"] for name, it in declared.items() if "Default" in it} | json.loads(line)
    if parameters.keys() != declared.keys():
        sys.exit(f"unknown or missing parameters: {parameters.keys() ^ declared.keys()}")
    template = transform(copy.deepcopy(source), dict(parameters), ManagedPolicies())
    print(json.dumps({"template": template, "parameters": parameters}), flush=True)
