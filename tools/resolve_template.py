"""Prints template.yaml as CloudFormation would deploy it: aws-sam-translator translates it, and SAM CLI's own expander puts the parameters in.

Each line of the input is {"parameters": ..., "added": ..., "variables": ..., "stack": ...}: values of parameters, resources that the template
has besides its own, variables that a deployer writes into the template for every function, and the stack's name.
Each line of the output is the answer to one:
    template    what would be deployed. What exists only after a deployment stays a Ref, a Fn::GetAtt, or ${Name} within a text
    left_out    the resources whose condition is false
    parameters  every parameter's value
    conditions  every condition's value
    refusals    what the template's rules say against these parameters
    names       for each type of resource, the properties that name the resource: two resources cannot have the same values
    replaced    for the types in REPLACED, the properties that make CloudFormation replace a resource, and how long a description may be
or {"error": ...} where CloudFormation would refuse the template or a parameter. A function's code becomes s3://functions/BINARY, so that
a reader finds the binary of each. One process answers many lines, because loading the translator takes seconds.
"""

import copy
import functools
import hashlib
import json
import logging
import os
import re
import sys

from cfnlint.helpers import REGIONS
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER
from samcli.lib.cfn_language_extensions.api import IntrinsicResolverProcessor
from samcli.lib.cfn_language_extensions.exceptions import InvalidTemplateException
from samcli.lib.cfn_language_extensions.models import PseudoParameterValues, TemplateProcessingContext
from samcli.lib.cfn_language_extensions.processors import TemplateParsingProcessor
from samcli.lib.cfn_language_extensions.resolvers import (
    ConditionResolver,
    FnIfResolver,
    FnJoinResolver,
    FnRefResolver,
    FnSelectResolver,
    FnSplitResolver,
    FnSubResolver,
    IntrinsicResolver,
)
from samtranslator.translator.transform import transform

from expand_template import expanded

REGION, ACCOUNT, STACK = "eu-central-1", "123456789012", "tokenmint"


class Join(FnJoinResolver):
    """SAM joins a reference to a resource as Python prints it, and joins AWS::NoValue as an empty text. CloudFormation does neither."""

    def resolve(self, value):
        delimiter, items = self.parent.resolve_value(value["Fn::Join"])
        if isinstance(items, list):
            items = [item for item in items if item not in (None, {"Ref": "AWS::NoValue"})]
            if any(isinstance(item, dict) for item in items):
                return {"Fn::Join": [delimiter, items]}
        return super().resolve({"Fn::Join": [delimiter, items]})


class Sub(FnSubResolver):
    """SAM puts a reference to a resource into a text as Python prints it. Here it becomes ${Name}, as where the text itself refers to it."""

    def _value_to_string(self, value):
        return "${" + value["Ref"] + "}" if isinstance(value, dict) else super()._value_to_string(value)


POLICY = "AWS::IAM::ManagedPolicy"


def replaced(resource_type):
    """What AWS's own schemas say, which cfn-lint has: the properties that make CloudFormation replace the resource in every region, and how
    many characters a description may have."""
    schemas = [PROVIDER_SCHEMA_MANAGER.get_resource_schema(region, resource_type).schema for region in REGIONS]
    create_only = [{path.removeprefix("/properties/") for path in schema["createOnlyProperties"]} for schema in schemas]
    return {
        "properties": sorted(set.intersection(*create_only)),
        "description": min(schema["properties"]["Description"]["maxLength"] for schema in schemas),
    }


# The resource types of which it matters when CloudFormation replaces them.
REPLACED = {resource_type: replaced(resource_type) for resource_type in [POLICY, "AWS::Lambda::Version"]}


class Split(FnSplitResolver):
    """SAM leaves a reference to a resource as it is. Here a reference to a managed policy or an alias becomes its ARN, because the template
    takes a name out of it.

    A policy that the template does not name gets its name from CloudFormation: the stack's name, the logical id, and random characters. The
    characters are new when CloudFormation replaces the policy. Here they are a digest of what makes CloudFormation replace it. So two stacks
    have the same name exactly if CloudFormation would update the one to the other without a replacement. The logical id stays ${Name}, so
    that the text still refers to the policy.
    """

    def resolve(self, value):
        delimiter, source = value["Fn::Split"]
        target = source.get("Ref") if isinstance(source, dict) else None
        resource = self.context.fragment["Resources"].get(target, {"Type": None})
        if resource["Type"] == "AWS::Lambda::Alias":
            function, name = (resource["Properties"][name] for name in ["FunctionName", "Name"])
            source = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:${{{function['Ref']}}}:{name}"
        if resource["Type"] == POLICY:
            properties = self.parent.resolve_value(resource["Properties"])
            replacing = {name: properties.get(name) for name in REPLACED[POLICY]["properties"]}
            digest = hashlib.sha256(json.dumps(replacing).encode()).hexdigest()[:12].upper()
            name = properties.get("ManagedPolicyName") or f"{self.context.pseudo_parameters.stack_name}-${{{target}}}-{digest}"
            source = f"arn:aws:iam::{ACCOUNT}:policy{properties.get('Path', '/')}{name}"
        return super().resolve({"Fn::Split": [delimiter, source]})


# The functions that the template uses. `check` finds any other.
RESOLVERS = [ConditionResolver, FnIfResolver, FnRefResolver, FnSelectResolver, Split, Join, Sub]


class ManagedPolicies:
    """The translator asks an AWS account for these. It attaches none itself, because the functions bring their roles."""

    def load(self):
        return {}


def check(value, resources):
    """Refuses references to what is not there, which SAM leaves as they stand."""
    if isinstance(value, dict):
        for name, of in value.items():
            if name == "Ref" or name == "Fn::GetAtt":
                target = of if name == "Ref" else of[0]
                if target not in resources:
                    raise InvalidTemplateException(f"there is no {target}")
            elif name.startswith("Fn::") and name != "Fn::Join":
                raise InvalidTemplateException(f"{name} is not resolved")
            check(of, resources)
    elif isinstance(value, list):
        for item in value:
            check(item, resources)
    elif isinstance(value, str):
        for target in re.findall(r"\$\{([^}.]*)", value):
            if target not in resources:
                raise InvalidTemplateException(f"there is no {target}")


def check_parameter(name, declared, value):
    """Refuses a value that the parameter does not allow. SAM takes every value."""
    value = str(value)
    number = declared["Type"] == "Number"
    # CloudFormation reads patterns as Java does. The ones of this template mean the same in Python.
    fits = {
        "AllowedValues": lambda allowed: value in map(str, allowed),
        "AllowedPattern": lambda pattern: re.fullmatch(pattern, value),
        "MinLength": lambda length: len(value) >= length,
        "MaxLength": lambda length: len(value) <= length,
        "MinValue": lambda least: int(value) >= least,
        "MaxValue": lambda most: int(value) <= most,
    }
    if number and not re.fullmatch("-?[0-9]+", value):
        raise InvalidTemplateException(f"{name} is no number: {value!r}")
    for rule, fit in fits.items():
        if rule in declared and not fit(declared[rule]):
            raise InvalidTemplateException(f"{name} breaks {rule}: {value!r}")


@functools.cache
def names(resource_type):
    """The properties that name a resource of this type, as AWS's own schema says. What AWS itself makes up is not among them."""
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema(REGION, resource_type).schema
    read_only = set(schema.get("readOnlyProperties", []))
    named = set(schema["primaryIdentifier"]) | {path for path in schema.get("createOnlyProperties", []) if path.endswith("Name")}
    return sorted(path.removeprefix("/properties/") for path in named - read_only)


def answer(source, given, added, variables, stack=STACK):
    declared = source["Parameters"]
    parameters = {name: it["Default"] for name, it in declared.items() if "Default" in it} | given
    if parameters.keys() != declared.keys():
        raise InvalidTemplateException(f"unknown or missing parameters: {parameters.keys() ^ declared.keys()}")
    for name, value in parameters.items():
        check_parameter(name, declared[name], value)
    source = copy.deepcopy(source)
    source["Resources"] |= added
    source["Globals"]["Function"]["Environment"]["Variables"] |= variables
    template = transform(source, dict(parameters), ManagedPolicies())

    here = PseudoParameterValues(region=REGION, account_id=ACCOUNT, stack_name=stack)
    context = TemplateProcessingContext(template, parameters, here)
    resolver = IntrinsicResolver(context)
    for each in RESOLVERS:
        resolver.register_resolver(each)
    TemplateParsingProcessor().process_template(context)
    conditions = {name: resolver.resolve_value({"Condition": name}) for name in template["Conditions"]}
    rules = [rule for rule in template["Rules"].values() if resolver.resolve_value(rule.get("RuleCondition", True))]
    assertions = [assertion for rule in rules for assertion in rule["Assertions"]]

    # SAM keeps what has a false condition. Here it goes before the rest is resolved, so that `check` finds references to it.
    left_out = {}
    for section in ["Resources", "Outputs"]:
        for name, it in list(template[section].items()):
            if not conditions.get(it.get("Condition"), True):
                left_out[name] = resolver.resolve_value(template[section].pop(name))
    IntrinsicResolverProcessor(resolver).process_template(context)
    check([template["Resources"], template["Outputs"]], template["Resources"])
    return {
        "template": template,
        "left_out": left_out,
        "parameters": parameters,
        "conditions": conditions,
        "names": {it["Type"]: names(it["Type"]) for it in template["Resources"].values()},
        "replaced": REPLACED,
        "refusals": [it["AssertDescription"] for it in assertions if not resolver.resolve_value(it["Assert"])],
    }


def main():
    # The translator warns that nobody collects its metrics.
    logging.disable(logging.WARNING)
    # Tests also ask about a template with a mistake.
    source = expanded(os.environ.get("TEMPLATE", "template.yaml"))
    for resource in source["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = "s3://functions/" + resource["Metadata"]["BuildProperties"]["Binary"]
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            said = answer(source, asked["parameters"], asked["added"], asked["variables"], asked["stack"])
        except InvalidTemplateException as error:
            said = {"error": str(error)}
        print(json.dumps(said), flush=True)


if __name__ == "__main__":
    main()
