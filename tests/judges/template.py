"""Prints template.yaml as the CloudFormation that would be deployed, translated by AWS's own code (aws-sam-translator).

The argument is a JSON object of parameters; the answer is {"template": ..., "parameters": ...}, with every parameter's value. Conditions
and references are left for the reader. A function's code becomes s3://functions/BINARY, so that a reader finds the binary of each.
"""

import json
import sys

from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse


class ManagedPolicies:
    """The translator asks an AWS account for these; it attaches none by itself where functions bring their roles."""

    def load(self):
        return {}


with open("template.yaml", encoding="utf-8") as file:
    template = yaml_parse(file.read())
declared = template["Parameters"]
parameters = {name: it["Default"] for name, it in declared.items() if "Default" in it} | json.loads(sys.argv[1])
if parameters.keys() != declared.keys():
    sys.exit(f"unknown or missing parameters: {parameters.keys() ^ declared.keys()}")
for resource in template["Resources"].values():
    if resource["Type"] == "AWS::Serverless::Function":
        resource["Properties"]["CodeUri"] = "s3://functions/" + resource["Metadata"]["BuildProperties"]["Binary"]
json.dump({"template": transform(template, dict(parameters), ManagedPolicies()), "parameters": parameters}, sys.stdout)
