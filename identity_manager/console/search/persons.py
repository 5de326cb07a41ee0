"""Person search in SEARCH: filters, order and columns."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from identity_manager.console.access import offices
from identity_manager.console.lists import filtering
from identity_manager.console.search.forms import (
    ANY_TOKEN,
    CODE_ENDED,
    CODE_ENDS,
    NEVER_SIGNED_IN,
    NO_TOKEN,
    NO_UNIT,
    EmployeeForm,
    ExternalForm,
)
from identity_manager.console.search.kind import TOTAL, SearchKind, Table, Wanted, beginning, in_days
from identity_manager.console.search.person_columns import COLUMNS, PersonRow
from identity_manager.models import (
    Account,
    Certificate,
    CertificateState,
    Person,
    PersonKind,
    Role,
    SignInCode,
    SoftwareToken,
)
from identity_manager.models.people.person import PersonQuerySet
from identity_manager.models.requests.token_states import IN_USE
from identity_manager.people.officers import vouching_policy
from identity_manager.queries import person_lists
from identity_manager.transactions.refusals import Reason
from identity_manager.ui.context import SEARCHERS
from identity_manager.ui.row_addresses import addresses_of
from identity_manager.workflow.policy import eligibility

CODE_ENDS_WITHIN = timedelta(days=2)
USABLE = (CertificateState.VALID, CertificateState.ON_HOLD)


def found(rows: PersonQuerySet, wanted: Wanted) -> PersonQuerySet:
    """The persons who are wanted."""
    return _filtered(rows, wanted).matching(wanted["q"], **_equal(wanted))


def _found_in_parts(rows: PersonQuerySet, wanted: Wanted) -> list[PersonQuerySet]:
    return _filtered(rows, wanted).matching_in_parts(wanted["q"], **_equal(wanted))


def _equal(wanted: Wanted) -> dict[str, str]:
    """The columns that are compared with what is wanted."""
    plain = {"state": "state", "department": "department", "unit": "organisational_unit"}
    return {
        column: wanted[name] for name, column in plain.items() if wanted[name] and wanted[name] != NO_UNIT
    }


def _filtered(rows: PersonQuerySet, wanted: Wanted) -> PersonQuerySet:
    if wanted["token_type"] or wanted["expires_before"] or wanted["expires_within"]:
        rows = rows.filter(_tokens(wanted))
    if wanted["unit"] == NO_UNIT:
        rows = rows.filter(organisational_unit="")
    if wanted["sign_in"]:
        rows = rows.filter(_SIGN_IN[wanted["sign_in"]]())
    if wanted["role"]:
        rows = rows.filter(pk__in=Person.objects.filter(roles__role=wanted["role"]).values("pk"))
    return rows


def _reached(actor: Person) -> Q:
    """As access.visible_persons, for SQL that is kept."""
    return offices.within_units(actor, SEARCHERS, "organisational_unit")


def _with_order(rows: PersonQuerySet, wanted: Wanted) -> PersonQuerySet:
    """With their relevance where there are words."""
    return rows.with_order(wanted["q"])


def _tokens(wanted: Wanted) -> Q:
    """Condition on persons with tokens in use of the type; one of the certificates expires before the day."""
    token_type, tokens = wanted["token_type"], SoftwareToken.objects.filter(state__in=IN_USE)
    if token_type == NO_TOKEN:
        return ~filtering.with_related(tokens, "person")
    if token_type and token_type != ANY_TOKEN:
        tokens = tokens.filter(type_code=token_type)
    ends = [beginning(wanted["expires_before"])] if wanted["expires_before"] else []
    ends += [in_days(wanted["expires_within"])] if wanted["expires_within"] else []
    if ends:
        ending = Certificate.objects.filter(state__in=USABLE, not_after__lt=min(ends))
        tokens = tokens.filter(pk__in=ending.values("token_id"))
    return filtering.with_related(tokens, "person")


def _never_signed_in() -> Q:
    accounts = Account.objects.filter(person=OuterRef("pk")).exclude(last_login=None)
    return ~Q(Exists(accounts))


def _code_ends() -> Q:
    now = timezone.now()
    ending = SignInCode.objects.usable(now).filter(expires_at__lt=now + CODE_ENDS_WITHIN)
    return Q(pk__in=ending.values("person"))


def _code_ended() -> Q:
    ended = SignInCode.objects.ended_unused(timezone.now())
    return Q(pk__in=ended.values("person"))


_SIGN_IN = {NEVER_SIGNED_IN: _never_signed_in, CODE_ENDS: _code_ends, CODE_ENDED: _code_ended}


def _prepared(actor: Person, persons: Iterable[Any]) -> list[PersonRow]:
    """For a page, what their tokens are called is enough: one query, however many rows it has."""
    shown = list(persons)
    person_lists.prefetch_waiting_changes(shown)
    names, coded = _token_names(shown), _with_code_of(actor, shown)
    page, enable = addresses_of("console:person"), addresses_of("console:enable")
    return [
        PersonRow(
            person,
            names[person.pk],
            _obstacle(actor, person, coded),
            page(person.pk),
            enable(person.pk),
        )
        for person in shown
    ]


def _obstacle(actor: Person, person: Person, coded: frozenset[UUID]) -> Reason | None:
    own = eligibility.MADE_A_CODE if person.pk in coded else None
    return eligibility.enable_obstacle(actor, person) or own


def _with_code_of(actor: Person, persons: list[Person]) -> frozenset[UUID]:
    """For whom the officer made a sign-in code, who enables others; only a Registration Officer makes any."""
    both = all(offices.holds(actor, {role}) for role in (Role.TOKEN_ADMINISTRATOR, Role.REGISTRATION_OFFICER))
    return (
        vouching_policy.persons_with_code_of(actor, [person.pk for person in persons])
        if both
        else frozenset()
    )


def _token_names(persons: list[Person]) -> dict[Any, list[str]]:
    names: dict[Any, list[str]] = defaultdict(list)
    for person, name in person_lists.names_of_tokens(person.pk for person in persons):
        names[person].append(str(name))
    return names


def _with_tokens(rows: QuerySet[Person]) -> QuerySet[Person]:
    """For a sheet, their tokens come with them, and when those expire."""
    ending = Certificate.objects.filter(state__in=USABLE).only("token_id", "not_after", "state")
    tokens = (
        SoftwareToken.objects.filter(state__in=IN_USE)
        .select_related("token_type")
        .defer("passphrase_wrapped", "snapshot")
        .prefetch_related(Prefetch("certificates", ending, to_attr="usable"))
    )
    return rows.prefetch_related(Prefetch("tokens", tokens, to_attr="tokens_in_use"))


def _of_kind(kind: PersonKind, **words: str | Promise) -> SearchKind:
    base = SearchKind(
        name=kind.value,
        label=kind.label,
        icon="users",
        readers=SEARCHERS,
        form=EmployeeForm if kind == PersonKind.EMPLOYEE else ExternalForm,
        reach=lambda actor: Person.objects.without_api_clients().filter(_reached(actor), kind=kind),
        by_key=lambda actor: person_lists.PersonRows(kind, _reached(actor), COLUMNS.fields).in_bulk,
        parts=_found_in_parts,  # type: ignore[arg-type]  # of persons
        found=found,  # type: ignore[arg-type]  # of persons
        with_order=_with_order,  # type: ignore[arg-type]  # of persons
        table=TABLE,
        counted="",
        too_many="",
        nothing=_("Nobody found"),
        advice=_("Try fewer words, another spelling, or any state."),
        hint=_(
            "Any part of a word is found; one or two letters match beginnings of words. "
            "Case, accents and punctuation do not matter."
        ),
    )
    return replace(base, **words)  # type: ignore[arg-type]  # words alone


TABLE = Table(
    columns=COLUMNS,
    prepared=_prepared,
    more_orders={"relevance": ("relevance", "by_name")},
    order="name",
    checkbox="persons",
    named=lambda row: (row.person.pk, row.person.display_name),
    file_name="persons",
    export_rows=_with_tokens,
)
EMPLOYEE = _of_kind(
    PersonKind.EMPLOYEE,
    counted=ngettext_lazy("%(found)s of %(total)s employee", "%(found)s of %(total)s employees", TOTAL),
    too_many=_("More than %(found)s of %(total)s employees; these are the first %(found)s"),
)
EXTERNAL = _of_kind(
    PersonKind.EXTERNAL,
    counted=ngettext_lazy(
        "%(found)s of %(total)s external person", "%(found)s of %(total)s external persons", TOTAL
    ),
    too_many=_("More than %(found)s of %(total)s external persons; these are the first %(found)s"),
)
