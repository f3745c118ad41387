"""Says where Swift files, given as arguments, aren't Swift: a parser's word (tree-sitter), for want of a compiler."""

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
        found.append(f"{path}: nothing is here")
if found or len(sys.argv) < 2:
    sys.exit("\n".join(found) or "no files")
print(f"Swift: {len(sys.argv) - 1} files parse")
