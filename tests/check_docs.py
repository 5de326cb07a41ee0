"""Builds the documents as a site, strictly, and sees to it that the site needs nobody else's host.

`python -m tests.check_docs` builds into a folder that goes away again; with a folder as its argument, there.
MkDocs itself ends with a fault for a page outside the navigation, a link to nothing and an unknown anchor.
"""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
POLICY = "default-src 'self' 'unsafe-inline' data:"
LEADS_AWAY = re.compile(r"^\s*(?:[a-z][a-z0-9+.-]*:)?//|^\s*(?:https?|ftp|wss?):", re.IGNORECASE)
CSS_ADDRESS = re.compile(r"""(?:url\(|@import)\s*["']?([^"')\s;]+)""", re.IGNORECASE)
ADDRESSES = {"href", "src", "srcset", "action", "formaction", "poster", "data", "ping", "background", "cite"}


class _Page(HTMLParser):
    """What a page leads to or loads, and the policy that it gives to browsers."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.policies: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.addresses += [value for name, value in values.items() if name in ADDRESSES]
        self.addresses += CSS_ADDRESS.findall(values.get("style", ""))
        if tag == "meta" and values.get("http-equiv", "").lower() == "content-security-policy":
            self.policies.append(values.get("content", ""))


def outside(text: str) -> list[str]:
    """The addresses of other hosts that a page names; and whether the policy for its scripts is missing."""
    page = _Page()
    page.feed(text)
    found = [address for address in page.addresses if LEADS_AWAY.match(address)]
    return found if page.policies == [POLICY] else [*found, "no policy that keeps its scripts in"]


def outside_of_style(text: str) -> list[str]:
    """The addresses of other hosts that a style sheet loads from."""
    return [address for address in CSS_ADDRESS.findall(text) if LEADS_AWAY.match(address)]


def findings(site: Path) -> Iterator[str]:
    """Everything in the site that leads away from it, by file."""
    for path in sorted(site.rglob("*")):
        look = {".html": outside, ".css": outside_of_style}.get(path.suffix)
        if look is not None:
            found = look(path.read_text(encoding="utf-8"))
            yield from (f"{path.relative_to(site)}: {address}" for address in found)


def build(site: Path) -> subprocess.CompletedProcess[str]:
    """Build the site, strictly: a warning is a fault."""
    command = [sys.executable, "-m", "mkdocs", "--color", "build", "--quiet", "--strict", "--site-dir", site]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def check(site: Path) -> int:
    """Build the site and look through it; say what is wrong. Returns the exit status."""
    outcome = build(site)
    wrong = [*outcome.stderr.splitlines(), *findings(site)]
    sys.stderr.writelines(f"{line}\n" for line in wrong)
    pages = len(list(site.rglob("*.html")))
    if not outcome.returncode and not wrong:
        sys.stdout.write(f"{pages} pages of documents, nothing leads nowhere or to another host\n")
    return outcome.returncode or bool(wrong)


def main(arguments: list[str]) -> int:
    """Return the exit status of the check."""
    if arguments:
        return check(Path(arguments[0]).resolve())
    with tempfile.TemporaryDirectory() as folder:
        return check(Path(folder))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
