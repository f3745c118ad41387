"""Holds bills of materials against CycloneDX's schema: `check_bills.py FILE...`. Prints what is wrong, and then ends with status 1."""

import json
import sys
from pathlib import Path

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

VERSION = SchemaVersion.V1_5


def faults(text):
    """What the schema says against this bill. The next line holds the check itself: a bill without its format must fail."""
    return JsonStrictValidator(VERSION).validate_str(text)


wrong = 0
for file in sys.argv[1:]:
    text = Path(file).read_text()
    if found := faults(text):
        print(f"{file}: {found}")
        wrong += 1
    said = json.loads(text)
    if not said["components"] or said["specVersion"] != "1.5":
        print(f"{file}: no components, or not CycloneDX 1.5")
        wrong += 1
    if not faults(json.dumps({**said, "bomFormat": "other"})):
        print(f"{file}: the schema finds no fault in another format")
        wrong += 1
sys.exit(wrong > 0 or len(sys.argv) < 2)
