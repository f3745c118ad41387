"""Parses Swift files, given as arguments, and lists what is not Swift. It uses a parser (tree-sitter), because there is no compiler here."""

import sys

import tree_sitter
import tree_sitter_swift

parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_swift.language()))


def errors(node):
    if node.is_error or node.is_missing:
        yield node.start_point
    for child in node.children:
        yield from errors(child)


found = []
for path in sys.argv[1:]:
    with open(path, "rb") as file:
        tree = parser.parse(file.read())
    found += [f"{path}:{row + 1}:{column + 1}: this is not Swift" for row, column in errors(tree.root_node)]
    if tree.root_node.child_count == 0:
        found.append(f"{path}: the file is empty")
if found or len(sys.argv) < 2:
    sys.exit("\n".join(found) or "no files")
print(f"Swift: {len(sys.argv) - 1} files parse")
