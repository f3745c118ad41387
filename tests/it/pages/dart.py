"""Parses the Dart blocks of a page, given as an argument, and lists what is not Dart."""

import pathlib
import re
import sys

import tree_sitter_dart

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from parsed import faults  # noqa: E402

page = pathlib.Path(sys.argv[1])
blocks = re.findall(r"^```dart\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)
found = []
for number, code in enumerate(blocks, 1):
    places = faults(tree_sitter_dart.language(), code.encode())
    found += [f"{page}: block {number}, line {line}, column {column}: this is not Dart" for line, column in places]
if found or not blocks:
    sys.exit("\n".join(found) or f"{page} has no Dart")
print(f"Dart: {len(blocks)} blocks parse")
