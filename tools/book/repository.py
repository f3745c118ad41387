"""A preprocessor of mdBook: makes the links that leave `docs/` work within the book.

The pages link to files of the repository, so that they read well on a code host. The book is HTML in another folder, where such links
would lead nowhere. So each linked file becomes a page of the book: Markdown as it is, any other text as a code block. A link to a folder
cannot become a page. The book keeps its text alone. (A code host shows the folder.)
"""

import json
import os
import re
import sys
from pathlib import Path, PurePosixPath

ROOT = Path.cwd()
DOCS = "docs"
# [text](target), the target and an optional title
LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^()\s]+)((?:\s+\"[^\"]*\")?)\)")
# Pictures in HTML
SOURCE = re.compile(r"""\b(src|srcset|href)="([^"]+)\"""")
OUTSIDE = re.compile(r"^([a-z][a-z0-9+.-]*:|#|//)")
CODE = re.compile(r"^(```+|~~~+).*?^\1[^\n]*$", re.M | re.S)


class Repository:
    """The files outside of `docs/` that pages link to, each with its page."""

    def __init__(self, listed):
        self.listed = listed
        self.pages = {}

    def page_of(self, file):
        """Where the book has this file."""
        if file.startswith(f"{DOCS}/"):
            return file[len(DOCS) + 1:]
        path = PurePosixPath(file)
        # mdBook would make an index.html of a README.md.
        name = path.with_name("readme.md") if path.name == "README.md" else path
        page = f"repository/{name}" if path.suffix == ".md" else f"repository/{name}.md"
        if page not in self.pages:
            self.pages[page] = None
            self.pages[page] = self.write(file, page)
        return page

    def write(self, file, page):
        text = (ROOT / file).read_text(encoding="utf-8")
        if file.endswith(".md"):
            title = next((line[2:] for line in text.splitlines() if line.startswith("# ")), file)
            title = title if PurePosixPath(file).name != "README.md" else file
            return title, self.rewrite(text, file, page)
        fence = "`" * (3 + max((len(run) for run in re.findall("`+", text)), default=0))
        # Not coloured, because thousands of coloured words make a long file slow.
        return file, f"# {file}\n\n{fence}text\n{text}\n{fence}\n"

    def target(self, target, file, page):
        """The same target, seen from the page in the book. `None`: the book cannot have it."""
        if OUTSIDE.match(target):
            return target
        path, mark, fragment = target.partition("#")
        found = os.path.normpath(os.path.join(os.path.dirname(file), path))
        if not (ROOT / found).exists():
            raise SystemExit(f"{file}: {target} is not there")
        if (ROOT / found).is_dir():
            return None
        inside = found.startswith(f"{DOCS}/")
        if inside and found.endswith(".md") and found[len(DOCS) + 1:] not in self.listed:
            raise SystemExit(f"{file}: SUMMARY.md does not list {found}")
        if not inside and PurePosixPath(found).suffix in (".png", ".jpg", ".svg"):
            raise SystemExit(f"{file}: {found} must lie in docs/, because mdBook copies pictures from there")
        return os.path.relpath(self.page_of(found), os.path.dirname(page) or ".") + mark + fragment

    def rewrite(self, text, file, page):
        """The text of a file, as a page of the book."""
        def link(found):
            picture, words, target, title = found.groups()
            # A badge or picture may be the words of a link.
            words = LINK.sub(link, words)
            target = self.target(target, file, page)
            return words if target is None else f"{picture}[{words}]({target}{title})"

        def source(found):
            return f'{found[1]}="{self.target(found[2], file, page) or "#"}"'

        def prose(part):
            return SOURCE.sub(source, LINK.sub(link, part))

        parts, at = [], 0
        for code in CODE.finditer(text):
            parts += [prose(text[at:code.start()]), code[0]]
            at = code.end()
        return "".join([*parts, prose(text[at:])])


def chapters(items):
    for item in items:
        if isinstance(item, dict) and "Chapter" in item:
            yield item["Chapter"]
            yield from chapters(item["Chapter"]["sub_items"])


def main():
    if sys.argv[1:2] == ["supports"]:
        sys.exit(0 if sys.argv[2:] == ["html"] else 1)
    _, book = json.load(sys.stdin)
    written = [chapter for chapter in chapters(book["items"]) if chapter["path"]]
    repository = Repository({chapter["path"] for chapter in written})
    for chapter in written:
        chapter["content"] = repository.rewrite(chapter["content"], f"{DOCS}/{chapter['path']}", chapter["path"])
    if repository.pages:
        book["items"] += [{"PartTitle": "Files of the repository"}]
        for page, (title, text) in sorted(repository.pages.items()):
            book["items"].append({"Chapter": {
                "name": title, "content": text, "number": None, "sub_items": [], "path": page, "source_path": None,
                "parent_names": []}})
    json.dump(book, sys.stdout)


main()
