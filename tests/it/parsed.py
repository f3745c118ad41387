"""What a parser (tree-sitter) finds wrong in a text: for languages that no compiler of `make test` knows."""

import tree_sitter


def faults(language, code):
    """The line and the column of each place that is not this language, from 1."""

    def of(node):
        if node.is_error or node.is_missing:
            row, column = node.start_point
            yield row + 1, column + 1
        for child in node.children:
            yield from of(child)

    return list(of(tree_sitter.Parser(tree_sitter.Language(language)).parse(code).root_node))
