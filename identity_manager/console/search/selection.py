"""Bulk actions on selected rows of SEARCH (ACTIONS).

An action is a page to which the form around the table posts: the ids under the name of the kind's check boxes
(`persons`), the search as `search`, and `all` if all results are meant. The page reads them with `chosen`.
"""

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils.functional import Promise
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from identity_manager.console.access import offices
from identity_manager.console.search import search as searching
from identity_manager.console.search import selected
from identity_manager.console.search.search import Search
from identity_manager.console.search.selected import LIMIT, Selection
from identity_manager.models import Person, PersonKind, Role
from identity_manager.people import preferences
from identity_manager.transactions.refusals import NotPossible, Reason, Refused, require

NO_SEARCH = Reason("no-search", _("This list is not known any more. Search again."))
NOTHING_CHOSEN = Reason("nothing-chosen", _("Nothing is chosen. Tick at least one row, or all of them."))
TOO_MANY_CHOSEN = Reason(
    "too-many-chosen",
    format_lazy(
        _("More than {limit} rows are chosen. This is done to at most {limit} at once: narrow the search."),
        limit=LIMIT,
    ),
)


@dataclass(frozen=True)
class Action:
    """A bulk action. kinds: of objects it applies to; roles: of officers who see the button."""

    label: str | Promise
    url_name: str
    icon: str
    kinds: frozenset[str]
    roles: frozenset[str]


ACTIONS = (
    Action(
        label=_("Export selection"),
        url_name="console:search-export",
        icon="download",
        kinds=frozenset(searching.KINDS),
        roles=searching.ANY_READERS,
    ),
    Action(
        label=_("Export certificates"),
        url_name="console:certificates-export",
        icon="certificate",
        kinds=frozenset({"certificate"}),
        roles=searching.ANY_READERS,
    ),
    Action(
        label=_("Enable"),
        url_name="console:batch-order-choose",
        icon="token",
        kinds=frozenset(PersonKind.values),
        roles=frozenset({Role.TOKEN_ADMINISTRATOR}),
    ),
    Action(
        label=_("Sign-in letters"),
        url_name="console:sign-in-letters-choose",
        icon="key",
        kinds=frozenset(PersonKind.values),
        roles=frozenset({Role.REGISTRATION_OFFICER}),
    ),
    Action(
        label=_("Batch order"),
        url_name="console:batch-order-kinds",
        icon="list",
        kinds=frozenset(searching.KINDS),
        roles=frozenset({Role.TOKEN_ADMINISTRATOR, Role.REGISTRATION_OFFICER}),
    ),
)


@dataclass(frozen=True)
class Chosen:
    """The rows that an officer has chosen, in the order of the list.

    missing: how many more were ticked that are gone, or that the officer does not reach any more.
    """

    search: Search
    rows: QuerySet[Any]
    is_all: bool = False
    missing: int = 0


def actions(search: Search) -> list[Action]:
    """Bulk actions that this officer may do to rows of this kind."""
    return [
        each for each in ACTIONS if search.kind.name in each.kinds and offices.holds(search.actor, each.roles)
    ]


def chosen(actor: Person, sent: QueryDict, *, limit: int | None = LIMIT) -> Chosen:
    """The rows that a form was sent with, as far as the officer may find them.

    Raises NotPossible: no search, nothing is chosen, or more than the limit.
    """
    search = searching.of_query(actor, sent.get("search", ""))
    if search is None or not search.is_valid:
        raise NotPossible(NO_SEARCH)
    if sent.get("all"):
        rows, missing = search.rows(), 0
        there = limit and rows.order_by()[: limit + 1].count()
    else:
        keys = selected.keys_in(sent, search.kind.table.checkbox)
        require(len(keys) <= LIMIT, else_=TOO_MANY_CHOSEN)
        rows = searching.everything_of(search).rows().filter(pk__in=keys)
        there = rows.order_by().count()
        require(there, else_=NOTHING_CHOSEN)
        missing = len(keys) - there
    require(not (limit and there and there > limit), else_=TOO_MANY_CHOSEN)
    return Chosen(search, rows, is_all=bool(sent.get("all")), missing=missing)


def tell_of_missing(request: HttpRequest, chosen: Chosen) -> None:
    """Say how many of the rows that were ticked are left out, because they are not there any more."""
    if chosen.missing:
        words = ngettext(
            "%(number)s of the selected rows is left out: it is gone, or you may not see it any more.",
            "%(number)s of the selected rows are left out: they are gone, or you may not see them any more.",
            chosen.missing,
        )
        messages.warning(request, words % {"number": chosen.missing})


def turn_page(request: HttpRequest, search: Search, posted: Selection) -> HttpResponse | None:
    """Handle a POST of the list's form that is no action: another page, order or number of rows.

    Returns the redirect; None if the page is rendered at once, with the selection on other pages.
    """
    if request.method != "POST":
        return None
    if size := request.POST.get("page_size", ""):
        preferences.set_page_size(actor=search.actor, size=int(size) if size.isdecimal() else 0)
    if posted.is_cut:
        messages.warning(request, str(TOO_MANY_CHOSEN))
    return None if posted else redirect(request.get_full_path())


def refused_page(request: HttpRequest, actor: Person, refused: Refused) -> HttpResponse:
    """Page with the reason why nothing was done, and the way back to the list."""
    search = searching.of_query(actor, request.POST.get("search", ""))
    back = searching.address(search or searching.first(actor))
    context = {"tab": searching.tab(actor), "refused": refused, "back": back}
    return render(request, "identity_manager/search/selection_refused.html", context, status=refused.status)
