"""Prints a dictionary for libFuzzer: each field's name and each short text in events/. An event needs many exact names at once, and a
fuzzer does not find them byte by byte."""

import json
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LONGEST = 40


def words(value):
    """The names of fields and the texts of a JSON value, and of JSON within its texts."""
    if isinstance(value, dict):
        for name, of in value.items():
            yield name
            yield from words(of)
    elif isinstance(value, list):
        for of in value:
            yield from words(of)
    elif isinstance(value, str):
        yield value
        if value.startswith("{"):
            try:
                yield from words(json.loads(value))
            except ValueError:
                pass


def main():
    found = set()
    for file in sorted((ROOT / "events").rglob("*.json")):
        if not file.name.endswith(".answer.json"):
            found |= {word for word in words(json.loads(file.read_text())) if 1 < len(word) <= LONGEST}
    for word in sorted(found):
        # libFuzzer takes bytes and these two escapes.
        print('"' + "".join(f"\\x{byte:02x}" if byte < 32 or byte > 126 or chr(byte) in '"\\' else chr(byte) for byte in word.encode()) + '"')


if __name__ == "__main__":
    main()
