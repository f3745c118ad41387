"""The templates of a release. Both come from template.yaml with its loops written out, and say where the zips of the release are."""

import copy

FUNCTION = "AWS::Serverless::Function"
GROUP = {
    "Label": {"default": "Where the release is"},
    "Parameters": ["ReleaseBucket", "ReleasePrefix", "Architecture"],
}
PARAMETERS = {
    "ReleaseBucket": {
        "Type": "String",
        "AllowedPattern": "^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$",
        "ConstraintDescription": "must be the name of a bucket",
        "Description": "The S3 bucket that holds the release's folder functions. It must be in the region of the stack.",
    },
    "ReleasePrefix": {
        "Type": "String",
        "Default": "",
        "MaxLength": 200,
        "AllowedPattern": "^([A-Za-z0-9!_.*'()-]+/)*$",
        "ConstraintDescription": "must be empty, or folders that each end with a slash",
        "Description": "What stands before functions/ in the keys of the zips, with a slash at its end, such as tokenmint/. Empty - nothing.",
    },
}
# What https://docs.aws.amazon.com/serverless-application-model says of this section. Files are looked for beside the template.
REPOSITORY = {
    "Name": "tokenmint",
    "Description": "Agora and ZEGO tokens behind an HTTP API, for signed-in users alone: one small Rust function per kind of token.",
    "Author": "tokenmint",
    "SpdxLicenseId": "Apache-2.0",
    "LicenseUrl": "LICENSE",
    "ReadmeUrl": "README.md",
    "Labels": ["agora", "zego", "token", "rtc", "rtm", "rust", "serverless"],
}


def key(release, processor, function):
    """The place of a zip in the release. The release's name is in it: CloudFormation takes new code only if the key is another one."""
    return f"functions/{release}/{processor}/{function}.zip"


def _functions(template):
    for resource in template["Resources"].values():
        if resource["Type"] == FUNCTION:
            # How to build it is of no use any more.
            yield resource["Properties"], resource.pop("Metadata")["BuildProperties"]["Binary"]


def from_bucket(expanded, release, processors):
    """The template for the AWS CLI, Terraform and CDK: parameters say where the zips are. `processors`: those that the release has zips for."""
    template = copy.deepcopy(expanded)
    architecture = {
        "Type": "String",
        "Default": processors[0],
        "AllowedValues": processors,
        "Description": "The processor that the functions run on. arm64 costs less.",
    }
    template["Parameters"] = PARAMETERS | {"Architecture": architecture} | template["Parameters"]
    template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"].insert(0, GROUP)
    template["Globals"]["Function"]["Architectures"] = [{"Ref": "Architecture"}]
    for properties, function in _functions(template):
        place = {"Fn::Sub": "${ReleasePrefix}" + key(release, "${Architecture}", function)}
        properties["CodeUri"] = {"Bucket": {"Ref": "ReleaseBucket"}, "Key": place}
    return template


def for_repository(expanded, release, processor, version):
    """The template for the Serverless Application Repository. It takes no parameter for the place of code, and one processor, so the zips
    stand beside the template. `sam package` uploads them."""
    template = copy.deepcopy(expanded)
    template["Metadata"]["AWS::ServerlessRepo::Application"] = REPOSITORY | {"SemanticVersion": version}
    template["Globals"]["Function"]["Architectures"] = [processor]
    for properties, function in _functions(template):
        properties["CodeUri"] = key(release, processor, function)
    return template
