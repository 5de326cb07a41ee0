"""Help documents: the Markdown files of docs/, rendered and searched.

A document is looked up by name in a directory listing, so that no URL reaches another file (path traversal).
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from xml.etree.ElementTree import Element

import markdown
from django.conf import settings
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe
from markdown.extensions import Extension
from markdown.extensions.tables import TableExtension
from markdown.treeprocessors import Treeprocessor

START = "index"
IMAGES = {".png": "image/png", ".svg": "image/svg+xml"}
_FENCE = re.compile(r"(?P<indent> *)```")
_ITEM = re.compile(r"(\d+\.|-) ")
_IN_ITEM = re.compile(r"^ {2,3}(?=\S)")


@dataclass(frozen=True)
class Heading:
    """A heading below the title, and where it is on the page."""

    words: str
    anchor: str


@dataclass(frozen=True)
class Document:
    """One document. name: its path below docs/ without the suffix."""

    name: str
    title: str
    html: SafeString
    headings: tuple[Heading, ...]

    @property
    def url(self) -> str:
        return reverse("console:document", args=[self.name])


@dataclass(frozen=True)
class Found:
    """A search result: document or heading."""

    document: Document
    heading: Heading | None = None

    @property
    def url(self) -> str:
        return f"{self.document.url}#{self.heading.anchor}" if self.heading else self.document.url


def names() -> list[str]:
    """The names of all documents."""
    return sorted(_files())


def document(name: str) -> Document | None:
    """The document, or None."""
    path = _files().get(name)
    return _read(name, path, path.stat().st_mtime_ns) if path else None


def image(name: str) -> tuple[bytes, str] | None:
    """Content and media type of an image of the documents, or None."""
    path = _images().get(name)
    return (path.read_bytes(), IMAGES[path.suffix]) if path else None


def search(text: str) -> list[Found]:
    """Titles and headings that have each of the words; documents whose title has them come first."""
    words = text.casefold().split()
    if not words:
        return []
    every = [found for name in names() if (found := document(name))]
    titles = [Found(each) for each in every if _has(each.title, words)]
    headings = [
        Found(each, heading)
        for each in every
        for heading in each.headings
        if _has(f"{each.title} {heading.words}", words) and not _has(each.title, words)
    ]
    return [*titles, *headings]


def _has(text: str, words: list[str]) -> bool:
    return all(word in text.casefold() for word in words)


def _folder() -> Path:
    return Path(settings.BASE_DIR, "docs")


def _files() -> Mapping[str, Path]:
    return {_name(path, suffix=False): path for path in _below("*.md")}


def _images() -> Mapping[str, Path]:
    return {_name(path): path for path in _below("*") if path.suffix in IMAGES}


def _below(pattern: str) -> list[Path]:
    """Files below docs/, without symbolic links, which may lead elsewhere."""
    return [path for path in _folder().rglob(pattern) if path.is_file() and not path.is_symlink()]


def _name(path: Path, *, suffix: bool = True) -> str:
    return (path if suffix else path.with_suffix("")).relative_to(_folder()).as_posix()


@lru_cache(maxsize=256)
def _read(name: str, path: Path, _changed: int) -> Document:
    links = _Links(name)
    converter = markdown.Markdown(
        extensions=["fenced_code", "toc", TableExtension(use_align_attribute=True), links]
    )
    html = converter.convert(_indented(path.read_text(encoding="utf-8")))
    html = html.replace("<pre>", '<pre tabindex="0">')  # long lines scroll, by keys too
    tokens: list[dict[str, Any]] = converter.toc_tokens  # type: ignore[attr-defined]  # of the extension toc
    title: dict[str, Any] = tokens[0] if tokens else {"name": name, "children": []}
    headings = tuple(_headings(title["children"]))
    return Document(name, title["name"], mark_safe(html), headings)  # noqa: S308 files of the product


def _headings(tokens: list[dict[str, Any]]) -> Iterator[Heading]:
    for token in tokens:
        yield Heading(token["name"], token["id"])
        yield from _headings(token["children"])


def _indented(text: str) -> str:
    """Convert fenced code within list items to indented code, which is what python-markdown parses."""
    lines, fence, after_code = [], None, False
    for line in text.splitlines():
        if after_code and _ITEM.match(line):  # else the item before would go on
            lines.append("")
            after_code = False
        opened_or_closed = _FENCE.match(line)
        if opened_or_closed:
            fence = opened_or_closed["indent"] if fence is None else None
        if opened_or_closed and opened_or_closed["indent"]:
            lines.append("")
            after_code = True
        elif fence:
            lines.append(f"{' ' * 8}{line.removeprefix(fence)}")
        else:
            lines.append(line if fence is not None else _IN_ITEM.sub("    ", line))
    return "\n".join(lines)


class _Links(Extension):
    """Markdown extension: links between documents and images point to our views."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name

    def extendMarkdown(self, md: markdown.Markdown) -> None:  # noqa: N802 the library's name
        md.treeprocessors.register(_LinkProcessor(md, self._name), "documents", 0)


class _LinkProcessor(Treeprocessor):
    def __init__(self, md: markdown.Markdown, name: str) -> None:
        super().__init__(md)
        self._base = Path("/", name).parent

    def run(self, root: Element) -> None:
        for link in root.iter("a"):
            self._lead(link)
        for picture in root.iter("img"):
            name = self._resolved(picture.get("src", ""))
            picture.set("src", reverse("console:document-image", args=[name]))
        for table in list(root.iter("table")):
            _frame(table)

    def _lead(self, link: Element) -> None:
        parts = urlsplit(link.get("href", ""))
        if parts.scheme or parts.netloc:
            link.set("rel", "noreferrer")
        elif parts.path.endswith(".md"):
            name = self._resolved(parts.path.removesuffix(".md"))
            anchor = f"#{parts.fragment}" if parts.fragment else ""
            link.set("href", reverse("console:document", args=[name]) + anchor)

    def _resolved(self, path: str) -> str:
        """The name of another file, from where this one is."""
        found: list[str] = []
        for part in [*self._base.parts[1:], *path.split("/")]:
            if part == "..":
                del found[-1:]
            elif part not in ("", "."):
                found.append(part)
        return "/".join(found)


def _frame(table: Element) -> None:
    """Let a wide table scroll in a frame of its own, by keys too."""
    inner = Element("table", dict(table.attrib))
    inner.extend(list(table))
    table.clear()
    table.tag = "div"
    table.set("class", "table")
    table.set("tabindex", "0")
    table.append(inner)
