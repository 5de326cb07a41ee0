"""SEARCH: which persons, in which order, by what was asked for in the address."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from identity_manager.console import access, tables
from identity_manager.console.forms import SearchForm
from identity_manager.models import Person, PersonKind, PersonState, Role, SoftwareToken
from identity_manager.models.person import PersonQuerySet
from identity_manager.models.software_token import IN_USE
from identity_manager.workflow import policy
from identity_manager.workflow.errors import Reason

ORDERS: tables.Orders = {
    "name": ("surname", "given_name"),
    "department": ("department", "surname", "given_name"),
    "email": ("email",),
    "state": ("state", "surname", "given_name"),
}
# found, of all
COUNTED = {
    PersonKind.EMPLOYEE: _("%(found)s of %(total)s employees"),
    PersonKind.EXTERNAL: _("%(found)s of %(total)s external persons"),
}
TOO_MANY = {
    PersonKind.EMPLOYEE: _("More than %(found)s of %(total)s employees; these are the first %(found)s"),
    PersonKind.EXTERNAL: _(
        "More than %(found)s of %(total)s external persons; these are the first %(found)s"
    ),
}
SHORT = 3  # below it, only beginnings of words are found


@dataclass(frozen=True)
class Row:
    """One person in the list: what they have, and whether they can be enabled, or why not."""

    person: Person
    token_types: list[str]
    obstacle: Reason | None


def context(request: HttpRequest, actor: Person) -> dict[str, Any]:
    """What the page draws: nothing is searched before something was asked for."""
    asked = "kind" in request.GET
    form = SearchForm(request.GET if asked else None, initial={"kind": "employee"})
    common = {"tab": "search", "form": form, "enables": access.holds(actor, {Role.TOKEN_ADMINISTRATOR})}
    if not form.is_valid():
        return common
    wanted = form.cleaned_data
    of_kind = access.visible_persons(actor).filter(kind=wanted["kind"])
    sort = tables.order_of(request, ORDERS, "name")
    found = tables.in_order(_found(of_kind, wanted), sort, ORDERS)
    paginator = tables.CappedPaginator(_with_tokens(found))
    page = tables.page_of(request, paginator)
    return common | {
        "searched": True,
        "text": wanted["q"],
        "is_short": 0 < len(wanted["q"]) < SHORT,
        "state_word": PersonState(wanted["state"]).label if wanted["state"] else "",
        "count_words": count_words(paginator, total=of_kind.count(), kind=wanted["kind"]),
        "sort": sort,
        "page": page,
        "rows": list(_rows(actor, page)),
    }


def count_words(paginator: tables.CappedPaginator, *, total: int, kind: str) -> str:
    """How many were found of how many there are, in one sentence."""
    sentence = (TOO_MANY if paginator.has_more else COUNTED)[PersonKind(kind)]
    return str(sentence) % {"found": tables.grouped(paginator.count), "total": tables.grouped(total)}


def _found(rows: PersonQuerySet, wanted: dict[str, str]) -> PersonQuerySet:
    if wanted["state"]:
        rows = rows.filter(state=wanted["state"])
    return rows.matching(wanted["q"]) if wanted["q"] else rows


def _with_tokens(rows: QuerySet[Person]) -> QuerySet[Person]:
    """Their tokens come with them: one query for a page, however many rows it has."""
    tokens = (
        SoftwareToken.objects.filter(state__in=IN_USE)
        .select_related("token_type")
        .defer("passphrase_wrapped", "snapshot")
    )
    return rows.prefetch_related(Prefetch("tokens", tokens, to_attr="tokens_in_use"))


def _rows(actor: Person, persons: Any) -> Iterator[Row]:
    for person in persons:
        names = [str(token.token_type) for token in person.tokens_in_use]
        yield Row(person, names, policy.enable_obstacle(actor, person))
