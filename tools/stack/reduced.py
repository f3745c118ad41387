"""The template that the emulator gets: template.yaml without what the emulator lacks. `differences` says what is different."""

import copy
import re

from expand_template import expanded

# What may differ, as paths into the expanded template, and why.
ALLOWED = {
    r"/Globals/Function/DeploymentPreference": "the emulator has no CodeDeploy",
    r"/Resources/\w+/Properties/DeploymentPreference": "the emulator has no CodeDeploy",
    r"/Resources/\w+Peak": "the emulator has no Application Auto Scaling",
    r"/Globals/Function/Architectures/0": "the functions are built for this machine",
    r"/Parameters/Architecture/Default": "the functions run on this machine",
    r"/Resources/\w+/Properties/CodeUri": "they are built beforehand",
    r"/Resources/\w+/Metadata": "they are built beforehand",
    r"/Outputs/(ApiUrl|TryIt)/Value": "the API's address is on this machine",
    r"/Parameters/JwtIssuer/(AllowedPattern|ConstraintDescription)": "an issuer on this machine has no certificate",
}


def reduced(path, builds, port, host, architecture):
    """The template in this file, for the emulator. `builds`: the folder with a folder for each function."""
    template = without_what_is_missing(expanded(path), port, host)
    template["Globals"]["Function"]["Architectures"] = [architecture]
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = str(builds / resource.pop("Metadata")["BuildProperties"]["Binary"])
    return template


def reduced_release(template, port, host, architecture):
    """The template of a release, for the emulator."""
    template = without_what_is_missing(copy.deepcopy(template), port, host)
    template["Parameters"]["Architecture"]["Default"] = architecture
    return template


def without_what_is_missing(template, port, host):
    """The template, changed for what the emulator lacks and for what is on this machine."""
    del template["Globals"]["Function"]["DeploymentPreference"]
    resources = template["Resources"]
    for name, resource in list(resources.items()):
        if resource["Type"] == "AWS::ApplicationAutoScaling::ScalableTarget":
            del resources[name]
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"].pop("DeploymentPreference", None)
    issuer = template["Parameters"]["JwtIssuer"]
    issuer["AllowedPattern"] = issuer["AllowedPattern"].replace("https://", "https?://")
    issuer["ConstraintDescription"] = "must be empty or a URL"
    here = f"http://${{Api}}.execute-api.{host}:{port}"
    there = "https://${Api}.execute-api.${AWS::Region}.${AWS::URLSuffix}"
    outputs = template["Outputs"]
    url, try_it = outputs["ApiUrl"]["Value"], outputs["TryIt"]["Value"]["Fn::Sub"]
    url["Fn::Sub"] = url["Fn::Sub"].replace(there, here)
    try_it[0] = try_it[0].replace(there, here)
    return template


def differences(one, other, path=""):
    """Each path at which two values differ."""
    if isinstance(one, dict) and isinstance(other, dict):
        for name in sorted(one.keys() | other.keys()):
            if name in one and name in other:
                yield from differences(one[name], other[name], f"{path}/{name}")
            else:
                yield f"{path}/{name}"
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for index, pair in enumerate(zip(one, other)):
            yield from differences(*pair, f"{path}/{index}")
    elif one != other:
        yield path


def unexpected(original, template):
    """The paths at which this template differs from the original one without a reason."""
    found = list(differences(original, template))
    allowed = [re.compile(pattern + r"(/.*)?") for pattern in ALLOWED]
    return [path for path in found if not any(pattern.fullmatch(path) for pattern in allowed)]
