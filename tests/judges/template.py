"""Prints template.yaml as the CloudFormation that would be deployed, translated by AWS's own code (aws-sam-translator).

A function's code becomes s3://functions/BINARY, so that a reader finds the binary of each.
"""

import json
import sys

from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse

PARAMETERS = {
    "JwtIssuer": "https://issuer.example.com/",
    "JwtAudience": "tokenmint",
    "AllowedOrigins": "https://app.example.com",
    "AgoraSecretArn": "arn:aws:secretsmanager:eu-central-1:123456789012:secret:tokenmint/agora-abcdef",
    "ZegoSecretArn": "arn:aws:secretsmanager:eu-central-1:123456789012:secret:tokenmint/zego-abcdef",
}


class ManagedPolicies:
    """The translator asks an AWS account for these; the one it attaches by itself is known."""

    def load(self):
        name = "AWSLambdaBasicExecutionRole"
        return {name: f"arn:aws:iam::aws:policy/service-role/{name}"}


with open("template.yaml", encoding="utf-8") as file:
    template = yaml_parse(file.read())
for resource in template["Resources"].values():
    if resource["Type"] == "AWS::Serverless::Function":
        resource["Properties"]["CodeUri"] = "s3://functions/" + resource["Metadata"]["BuildProperties"]["Binary"]
json.dump(transform(template, PARAMETERS, ManagedPolicies()), sys.stdout)
