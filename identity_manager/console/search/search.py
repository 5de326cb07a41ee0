"""A search: officer, kind, words, filters and order, with its result; common to all kinds."""

from collections.abc import Mapping
from datetime import date
from functools import cached_property, partial
from typing import Any

from django.core.cache import caches
from django.db.models import QuerySet
from django.forms import BoundField
from django.http import Http404, HttpRequest, QueryDict
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from identity_manager.console.access import offices
from identity_manager.console.lists import counting, pagination, remembered_counts
from identity_manager.console.search import certificates as certificate_list
from identity_manager.console.search import persons as person_list
from identity_manager.console.search import requests as request_list
from identity_manager.console.search.kind import TOTAL, SearchKind, Wanted
from identity_manager.console.search.selected import Selection
from identity_manager.models import Person
from identity_manager.models.people.account import PAGE_SIZES
from identity_manager.models.person_search import suggestions
from identity_manager.models.person_search.query_words import words_of
from identity_manager.ui import dates
from identity_manager.ui.context import SEARCHERS
from identity_manager.ui.punctuation import labelled, quoted

KINDS = {
    kind.name: kind
    for kind in (
        person_list.EMPLOYEE,
        person_list.EXTERNAL,
        request_list.REQUEST,
        certificate_list.CERTIFICATE,
    )
}
DEFAULT = person_list.EMPLOYEE
ANY_READERS = frozenset().union(*(kind.readers for kind in KINDS.values()))
SHORT = 3  # below it, only beginnings of words are found
RELEVANCE = "relevance"
VERY_MANY_SECONDS = 60


class Search:
    """One search of one officer. asked: the query string of a URL or form.

    Parameters of another kind (of=employee, kind=request: the officer has just changed the kind) are ignored,
    except the words.
    """

    def __init__(self, kind: SearchKind, actor: Person, asked: QueryDict) -> None:
        self.kind = kind
        self.actor = actor
        self._asked = asked
        changed = asked.get("of", kind.name) != kind.name
        criteria = {name: asked[name] for name in kind.form.base_fields if name in asked}
        self.form = kind.form({"q": criteria.get("q", "")} if changed else criteria, actor=actor)
        self.is_valid = self.form.is_valid()

    @property
    def wanted(self) -> Wanted:
        return self.form.cleaned_data

    @cached_property
    def sort(self) -> str:
        """The requested order; default: relevance of words if the kind has it, or that of a filter."""
        table = self.kind.table
        filtered = (order for name, order in table.order_where.items() if self.wanted[name])
        default = RELEVANCE if self.is_by_words else next(filtered, table.order)
        asked = pagination.order_of(self._asked, table.orders, default)
        name = asked.removeprefix("-")
        # More orders have an index, or a sense, only where they are the default.
        return default if name in table.more_orders and name != default.removeprefix("-") else asked

    @property
    def is_by_words(self) -> bool:
        """Whether it is a text search, whose results no index has sorted.

        Input without words (such as a bidirectional mark) finds nothing.
        """
        return RELEVANCE in self.kind.table.orders and bool(words_of(self.wanted["q"]))

    def reach(self) -> QuerySet[Any]:
        """Objects of the kind that the officer may find."""
        return self.kind.reach(self.actor)

    def found(self) -> QuerySet[Any]:
        """The result; empty for an invalid search."""
        return self.kind.found(self.reach(), self.wanted) if self.is_valid else self.reach().none()

    def rows(self) -> QuerySet[Any]:
        """Rows that were found, in order."""
        return self._in_order(self.found()) if self.is_valid else self.found()

    def pages(self, per_page: int = pagination.PAGE_SIZE) -> pagination.CappedPaginator:
        """The result in pages; of a text search only the first COUNT_LIMIT rows are sorted."""
        by_key = self.kind.by_key(self.actor)
        if not (self.is_by_words and self.kind.parts):
            return pagination.CappedPaginator(self.rows(), per_page=per_page, by_key=by_key)
        order = pagination.columns(self.sort, self.kind.table.orders)
        found = [self._with_order(part) for part in self.kind.parts(self.reach(), self.wanted)]
        asked = self._asked.get("page")
        return pagination.FoundPaginator(found, order=order, by_key=by_key, asked=asked, per_page=per_page)

    def _with_order(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        """With whatever the orders sort by."""
        return self.kind.with_order(rows, self.wanted)

    def _in_order(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        return pagination.in_order(self._with_order(rows), self.sort, self.kind.table.orders)

    @cached_property
    def query(self) -> str:
        """The search as it stands in an address: kind, words, filters, order; never a page."""
        criteria = [
            (name, str(self.form.data[name])) for name in self.form.fields if self.form.data.get(name)
        ]
        order = [("sort", str(self._asked["sort"]))] if "sort" in self._asked else []
        return urlencode([("kind", self.kind.name), *criteria, *order])

    @property
    def without_filters(self) -> str:
        """The same words without filters, as an address."""
        words = [("q", self.form.data["q"])] if self.form.data.get("q") else []
        return f"?{urlencode([('kind', self.kind.name), *words])}"

    @property
    def everything(self) -> str:
        """All of the kind, as an address."""
        return f"?{urlencode({'kind': self.kind.name})}"

    @property
    def is_filtered(self) -> bool:
        return any(self.form.data.get(field.name) for field in self.form.filters())

    def filter_words(self) -> list[str]:
        """Each filter that is set, as a person says it: State: Active."""
        if not self.is_valid:
            return []
        found = (field for field in self.form.filters() if self.wanted[field.name])
        return [labelled(field.label, _said(field)) for field in found]

    def criteria_in_words(self) -> list[str]:
        """The search in words: kind, words and filters."""
        text = self.wanted["q"] if self.is_valid else ""
        return [str(self.kind.label), *([quoted(text)] if text else []), *self.filter_words()]

    def meant(self) -> str:
        """Spelling suggestion: a name one typo away that finds somebody with these filters; or empty."""
        if not (self.is_by_words and self.kind.parts):
            return ""
        for name in suggestions.names_near(self.wanted["q"]):
            if self.kind.found(self.reach(), {**self.wanted, "q": name}).exists():
                return name
        return ""

    def address_of(self, words: str) -> str:
        """The same search for other words, as an address."""
        criteria = [(name, self.form.data[name]) for name in self.form.fields if self.form.data.get(name)]
        return f"?{urlencode([('kind', self.kind.name), *(dict(criteria) | {'q': words}).items()])}"

    def facts(self) -> dict[str, str | bool]:
        """The filters for the audit log; typed text and persons as True, as they may be names."""
        typed = ("q", "asked_by", "approver")
        return {name: name in typed or str(value) for name, value in self.wanted.items() if value}


def _said(field: BoundField) -> str:
    value = field.form.cleaned_data[field.name]
    if isinstance(value, date):
        return dates.long_date(value)
    choices = getattr(field.field, "choices", ())
    return str(dict(choices).get(value, value))


def kinds_of(actor: Person) -> list[SearchKind]:
    """Kinds of object that this officer may search."""
    return [kind for kind in KINDS.values() if offices.holds(actor, kind.readers)]


def of_query(actor: Person, query: str) -> Search | None:
    """The search of a form or a saved search; None if the officer may not search that kind."""
    asked = QueryDict(query)
    kind = KINDS.get(asked.get("kind", ""))
    if kind is None or not offices.holds(actor, kind.readers):
        return None
    return Search(kind, actor, asked)


def asking(kind: SearchKind, actor: Person, asked: Mapping[str, str]) -> Search:
    """The search with these words and filters."""
    return Search(kind, actor, QueryDict(urlencode(asked)))


def first(actor: Person) -> Search:
    """Search for all objects of the first kind that this officer may search."""
    return Search(kinds_of(actor)[0], actor, QueryDict())


def everything_of(search: Search) -> Search:
    """The same officer and kind, without words and filters."""
    return Search(search.kind, search.actor, QueryDict())


def asked_in(request: HttpRequest) -> Search:
    """The search in the address; everything of the officer's first kind where it says none.

    Raises PermissionDenied for a kind that the officer may not look for, Http404 for one that makes no sense.
    """
    actor = offices.finder(request, ANY_READERS)
    kind = KINDS.get(request.GET.get("kind", ""), kinds_of(actor)[0])
    search = Search(kind, offices.finder(request, kind.readers), request.GET)
    if not search.is_valid:
        raise Http404
    return search


def tab(actor: Person) -> str:
    """The tab where this officer searches."""
    return "search" if offices.holds(actor, SEARCHERS) else "requests"


def address(search: Search) -> str:
    """The page that shows it: SEARCH, or REQUESTS for who searches nothing else."""
    page = "console:search" if offices.holds(search.actor, SEARCHERS) else "console:requests"
    return f"{reverse(page)}?{search.query}"


def context(request: HttpRequest, search: Search, selected: Selection) -> dict[str, Any]:
    """Context of the list of results, under whatever form stands above it."""
    if not search.is_valid:
        return {"search": search, "kind": search.kind, "form": search.form}
    search.form.remembered = partial(remembered_counts.remembered, request, search.actor)
    paginator = search.pages(pagination.page_size_of(request))
    is_unsorted = search.is_by_words and paginator.has_more
    page, table = pagination.page_of(request, paginator), search.kind.table
    rows = table.prepared(search.actor, page)
    sort = "" if is_unsorted else search.sort
    keys = {str(table.named(row)[0]) for row in rows}
    meant = "" if rows else search.meant()
    return {
        "search": search,
        "kind": search.kind,
        "form": search.form,
        "searched": True,
        "text": search.wanted["q"],
        "is_short": 0 < len(search.wanted["q"]) < SHORT,
        "count_words": count_words(request, search, paginator),
        "beside": search.kind.beside(search.actor, search.wanted),
        "meant": meant,
        "meant_url": search.address_of(meant),
        "sort": sort,
        "is_unsorted": is_unsorted,
        "paginator": paginator,
        "page": page,
        "page_sizes": PAGE_SIZES,
        "first_page": f"?{search.query}",
        "rows": rows,
        "keeps_selection": True,
        "selected": selected.beside(keys),
        "table": table.columns.draw_selectable(
            search.actor,
            rows,
            sort=sort,
            checkbox=table.checkbox,
            named=table.named,
            selected=keys if selected.is_all else selected.keys,
        ),
    }


def count_words(request: HttpRequest, search: Search, paginator: pagination.CappedPaginator) -> str:
    """How many were found of how many there are, in one sentence."""
    # By %: only so does a lazy plural learn its number.
    sentence: Any = search.kind.too_many if paginator.has_more else search.kind.counted
    number = _total(request, search)
    total = (
        counting.grouped(number)
        if number <= counting.TOTAL_LIMIT
        else _("more than %(number)s") % {"number": counting.grouped(counting.TOTAL_LIMIT)}
    )
    return str(sentence % {"found": counting.grouped(paginator.count), "total": total, TOTAL: number})


def _total(request: HttpRequest, search: Search) -> int:
    """The total, capped, because counting a million rows takes longer than a search.

    Remembered as the numbers on tabs are; that there are more is, for a minute.
    """
    cache = caches[remembered_counts.CACHE]
    key = remembered_counts.key_for(search.actor, "very many", search.kind.name)
    if cache.get(key):
        return counting.TOTAL_LIMIT + 1

    def counted() -> int:
        (number,) = counting.counts([search.reach().order_by().values("pk")[: counting.TOTAL_LIMIT + 1]])
        return number

    number = remembered_counts.remembered(request, search.actor, f"all {search.kind.name}", counted)
    if number > counting.TOTAL_LIMIT:
        cache.set(key, True, VERY_MANY_SECONDS)  # noqa: FBT003 as every cache takes it
    return number
