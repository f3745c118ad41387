"""Parses Swift files, given as arguments, and lists what is not Swift."""

import sys
from pathlib import Path

import tree_sitter_swift
from parsed import faults

found = []
for path in sys.argv[1:]:
    code = Path(path).read_bytes()
    found += [f"{path}:{line}:{column}: this is not Swift" for line, column in faults(tree_sitter_swift.language(), code)]
    if not code.strip():
        found.append(f"{path}: the file is empty")
if found or len(sys.argv) < 2:
    sys.exit("\n".join(found) or "no files")
print(f"Swift: {len(sys.argv) - 1} files parse")
