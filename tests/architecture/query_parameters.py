"""Which parameters of the query each address reads, recorded while its page is drawn; what is sent there."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from html import unescape
from typing import Any
from urllib.parse import quote

import pytest
from django.core.handlers.wsgi import WSGIRequest
from django.http import QueryDict
from django.test import Client

from tests.architecture.standing import taken_back
from tests.architecture.url_table import TABLE, Row, Visitor
from tests.architecture.url_world import World

MOST_SEEDS = 8
_LIST = re.compile(r'<select[^>]* name="([^"]+)"[^>]*>(.*?)</select>', re.DOTALL)
_OPTION = re.compile(r'<option[^>]* value="([^"]+)"')
_LINK = re.compile(r'href="([^"#]*)')
# As they stand in the address: encoded already, so that they may be wrong there too.
WORST = ("%00", "%E2%80%AE", "0001-01-01", "9999-12-31", "9" * 40)
# Text, numbers and dates that one database takes and another does not.
JUDGED_DIFFERENTLY = (
    *("%FF", "%ED%A0%80", "%EF%BF%BE", "%F0%9F%98%80" * 500),
    *("1e309", "NaN", "-9223372036854775809", "0000-00-00", "10000-01-01", "9999-12-31T23:59"),
)
# The others, in parts that a test sends.
OTHERS = (
    ("", "+", "%", "%C3%28", "%F4%90%80%80", "a%0D%0Ab", "%E2%80%8B", "%20%E2%80%AE%20", "%CC%81" * 300),
    ("-1", "0", "1", "Infinity", "%D9%A3", "0x10", "1.5", "null", "[]"),
    ("0001-01-01T00:00", "2026-02-30", "12/31/9999", "00000000-0000-0000-0000-000000000000"),
    ("%27%22%3C%3E%5C%25_%2A%28", "..%2F..%2Fetc", "x" * 20_000, "a+" * 2_000),
)


class _Said(dict[str, Any]):
    """A plain copy of what was asked, whose readers are recorded too."""

    def __init__(self, values: Any, read: set[str]) -> None:
        super().__init__(values)
        self._read = read

    def __getitem__(self, key: str) -> Any:
        self._read.add(key)
        return super().__getitem__(key)

    def get(self, key: str, default: Any = None) -> Any:
        self._read.add(key)
        return super().get(key, default)

    def __contains__(self, key: object) -> bool:
        self._read.add(str(key))
        return super().__contains__(key)


class _Recording(QueryDict):
    """A query that notes by which names it is read."""

    read: set[str] = set()

    def __getitem__(self, key: str) -> Any:
        self.read.add(key)
        return super().__getitem__(key)

    def __contains__(self, key: object) -> bool:
        self.read.add(str(key))
        return super().__contains__(key)

    def _getlist(self, key: str, default: Any = None, force_list: bool = False) -> Any:  # noqa: FBT001, FBT002 Django's
        self.read.add(key)
        return super()._getlist(key, default, force_list)  # type: ignore[misc]  # the stubs leave it out

    def dict(self) -> Any:
        return _Said({key: super(_Recording, self).__getitem__(key) for key in self}, self.read)


@contextmanager
def recorded() -> Iterator[set[str]]:
    """The names by which queries are read meanwhile."""
    read: set[str] = set()

    def query(request: WSGIRequest) -> QueryDict:
        found = _Recording(request.META.get("QUERY_STRING", ""), encoding=request._encoding)  # type: ignore[attr-defined]  # Django's
        found.read = read
        return found

    with pytest.MonkeyPatch.context() as patch:
        described = cached_property(query)
        described.__set_name__(WSGIRequest, "GET")
        patch.setattr(WSGIRequest, "GET", described)
        yield read


@dataclass
class Reader:
    """An address as one visitor has it: which parameters it reads, beside which others (seeds)."""

    row: Row
    visitor: Visitor
    address: str
    seeds: dict[str, set[str]] = field(default_factory=dict)

    def requests(self, values: tuple[str, ...]) -> Iterator[str]:
        """Queries with each value for each parameter, beside whatever makes the address read it."""
        for seed, names in self.seeds.items():
            for name in sorted(names):
                beside = "&".join(each for each in seed.split("&") if each.partition("=")[0] != name)
                for value in values:
                    yield "&".join(filter(None, (beside, f"{quote(name)}={value}")))
                yield "&".join(filter(None, (beside, f"{name}[]=1", f"{name}=a", f"{name}=b")))

    def requests_together(self, values: tuple[str, ...]) -> Iterator[str]:
        """Queries with each value for all parameters at once, those of every seed.

        The seeds apart would be no other tests: the value stands in what chose between them, too.
        """
        names = sorted(set[str]().union(*self.seeds.values()))
        for value in values:
            yield "&".join(f"{quote(name)}={value}" for name in names)


def visit(browser: Client, row: Row, address: str, query: str, **headers: str) -> Any:
    """Open the address, or post nothing to it where it cannot be opened; what it does is taken back."""
    cookies = browser.cookies.copy()
    with taken_back():
        act = browser.get if row.opens else browser.post
        response = act(f"{address}?{query}", headers=headers or None)
        if response.streaming:
            b"".join(response.streaming_content)
    browser.cookies = cookies
    return response


def readers(world: World) -> Iterator[Reader]:
    """Each address as each of its visitors has it; a visitor who has it read nothing new is left out."""
    for row in TABLE:
        known: set[str] = set()
        for visitor in sorted(row.opens or row.posts, key=lambda each: each != Visitor.ANONYMOUS):
            reader = Reader(row, visitor, world.address(row))
            _read(world.browsers[visitor], reader, known)
            if read := set[str]().union(*reader.seeds.values()) - known:
                known |= read
                yield reader


def _read(browser: Client, reader: Reader, known: set[str]) -> None:
    """What is read of an empty query; and of one that the page leads to, where that is other names."""
    with recorded() as read:
        response = visit(browser, reader.row, reader.address, "")
        if read <= known:
            return
        reader.seeds[""] = set(read)
        for seed in _leading_on(response, reader.address)[: 2 * MOST_SEEDS]:
            read.clear()
            visit(browser, reader.row, reader.address, seed)
            if read not in reader.seeds.values():
                reader.seeds[seed] = set(read)


def _leading_on(response: Any, address: str) -> list[str]:
    """The queries of the page's links to itself (tabs, orders, pages), and each choice of its lists."""
    text = "" if response.streaming else response.content.decode(errors="replace")
    links = (unescape(each).partition("?") for each in _LINK.findall(text))
    chosen = [
        f"{name}={quote(unescape(value))}"
        for name, options in _LIST.findall(text)
        for value in _OPTION.findall(options)
    ]
    led = [query for place, _sign, query in links if query and place in ("", address)]
    return list(dict.fromkeys([*chosen[:MOST_SEEDS], *led]))
