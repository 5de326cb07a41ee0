"""Selection of rows across the pages of a list, carried in its form."""

import uuid
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from django.http import HttpRequest, QueryDict

LIMIT = 1000  # rows that are selected one by one
_BETWEEN = ","


@dataclass(frozen=True)
class Selection:
    """keys: of the rows that are ticked; is_all: everything that was found, whatever is ticked.

    on_other_pages: those of the keys that are not on the page that is shown.
    """

    keys: tuple[str, ...] = ()
    is_all: bool = False
    is_cut: bool = False
    on_other_pages: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.keys or self.is_all)

    @property
    def carried(self) -> str:
        """Keys selected on other pages, joined for one form field."""
        return _BETWEEN.join(self.on_other_pages)

    def beside(self, page: Collection[str]) -> "Selection":
        """The same, on a page with these keys."""
        others = tuple(key for key in self.keys if key not in page)
        return Selection(self.keys, self.is_all, self.is_cut, others)


def posted(request: HttpRequest, checkbox: str) -> Selection:
    """Selection that the form of a list has sent; empty where it was not sent, or is to be cleared."""
    if request.method != "POST" or "clear" in request.POST:
        return Selection()
    keys = [str(key) for key in keys_in(request.POST, checkbox)]
    return Selection(tuple(keys[:LIMIT]), bool(request.POST.get("all")), len(keys) > LIMIT)


def keys_in(sent: QueryDict, checkbox: str) -> list[uuid.UUID]:
    """The keys in what a form has sent, each once, to one beyond the limit."""
    values = (value for each in sent.getlist(checkbox) for value in each.split(_BETWEEN))
    return list(islice(dict.fromkeys(_ids(values)), LIMIT + 1))


def _ids(values: Iterable[str]) -> Iterator[uuid.UUID]:
    for value in values:
        try:
            yield uuid.UUID(value)
        except ValueError:
            continue
