"""Parses the Dart blocks of a page, given as an argument, and lists what is not Dart. It uses a parser (tree-sitter), because there is
no compiler here."""

import pathlib
import re
import sys

import tree_sitter
import tree_sitter_dart

parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_dart.language()))


def errors(node):
    if node.is_error or node.is_missing:
        yield node.start_point
    for child in node.children:
        yield from errors(child)


page = pathlib.Path(sys.argv[1])
blocks = re.findall(r"^```dart\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)
found = []
for number, code in enumerate(blocks, 1):
    root = parser.parse(code.encode()).root_node
    found += [f"{page}: block {number}, line {row + 1}, column {column + 1}: this is not Dart" for row, column in errors(root)]
if found or not blocks:
    sys.exit("\n".join(found) or f"{page} has no Dart")
print(f"Dart: {len(blocks)} blocks parse")
