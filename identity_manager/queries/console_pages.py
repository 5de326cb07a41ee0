"""Prepared queries of officers' pages: rows of one officer, person or request.

The only parameter is a key, so the SQL is always the same and compiled once; to compile it for each page took
a third of the time of the page of a request.
"""

import uuid
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.db.models import Exists, OuterRef, Prefetch, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce, Concat

from ca_bridge.database.prepared_queries import Statement
from identity_manager.models.archive.archived_key import with_copies
from identity_manager.models.audit.audit_event import WORDING_COLUMNS, AuditEvent
from identity_manager.models.catalogue.token_type import TokenType, TokenTypeProfile
from identity_manager.models.mail.outgoing_mail import OutgoingMail
from identity_manager.models.people.identity_change import IdentityChange
from identity_manager.models.people.person import Person
from identity_manager.models.people.role import RoleAssignment
from identity_manager.models.people.saved_search import SavedSearch
from identity_manager.models.prefetched import (
    distribute_prefetched,
    set_prefetched,
    set_prefetched_reverse,
)
from identity_manager.models.requests.approval import Approval, AskedApprover
from identity_manager.models.requests.certificate import Certificate
from identity_manager.models.requests.software_token import SoftwareToken
from identity_manager.models.requests.token_request import TokenRequest
from identity_manager.models.standing_orders.member import MemberStep, StandingMember
from identity_manager.queries.any_rows import AnyRows

EVENTS_SHOWN = 30
OF_REQUESTS = (
    "request__state",
    "request__reference",
    "request__person__state",
    "request__person__display_name",
)
# Deferred: a card shows the profile's name only, and the content from the token's snapshot.
PROFILE_CONTENT = tuple(
    f"profile__{name}"
    for name in ("subject", "subject_alt_names", "key_usage", "extended_key_usage", "policies")
)


def person(key: uuid.UUID) -> Person | None:
    """The person with this key, with what their page says of manager, account and source."""
    return _ONE_PERSON.first(key=key)


def request(key: uuid.UUID) -> TokenRequest | None:
    """The request with this key, with its person and requester."""
    return _ONE_REQUEST.first(key=key)


def persons_page(rows: QuerySet[Person]) -> QuerySet[Person]:
    """Persons with what their page says of manager, account and source."""
    return rows.select_related("manager", "account", "directory_link__source").defer("account__password")


def requests_page(rows: QuerySet[TokenRequest]) -> QuerySet[TokenRequest]:
    """Requests with their person and requester, and whether the person has changes of identity."""
    changes = IdentityChange.objects.filter(person=OuterRef("person")).order_by()
    return rows.select_related("person", "requested_by").annotate(has_identity_changes=Exists(changes))


def saved_searches(owner_id: uuid.UUID) -> list[SavedSearch]:
    """The officer's saved searches, by name."""
    return _SAVED.rows(owner=owner_id)


def names_of_types() -> list[TokenType]:
    """All versions of all token types with what they are called, the oldest versions first."""
    return _TYPES.rows()


def prefetch_request_page(row: TokenRequest, *, begun: bool, undecided: bool) -> None:
    """Prefetch everything that the page of a request reads, without texts of mails and wrapped secrets.

    begun: whether there may be certificates.  undecided: whether somebody may be asked to decide.
    """
    changes = _CHANGES.rows(person=row.person_id) if getattr(row, "has_identity_changes", True) else []
    set_prefetched_reverse(row.person, "identity_changes", changes, "person")
    tokens = _TOKENS.rows(request=row.pk)
    set_prefetched_reverse(row, "tokens", tokens, "request")
    distribute_prefetched(
        tokens, "certificates", _CERTIFICATES.rows(request=row.pk) if begun else [], "token"
    )
    types = {token.token_type_id: token.token_type for token in tokens if token.token_type}
    for token in tokens:
        token.token_type = types.get(token.token_type_id)
    distribute_prefetched(types.values(), "token_type_profiles", _PROFILES.rows(request=row.pk), "token_type")
    set_prefetched_reverse(row, "mails", _MAILS.rows(request=row.pk), "request")
    set_prefetched_reverse(row, "approvals", _APPROVALS.rows(request=row.pk), "request")
    set_prefetched_reverse(
        row, "asked_approvers", _ASKED.rows(request=row.pk) if undecided else [], "request"
    )
    set_prefetched_reverse(row, "events", _EVENTS.rows(request=row.pk), "request")


@dataclass(frozen=True)
class PersonPossessions:
    """Flags of what most persons lack; the page reads rows only where a flag is set."""

    identity_changes: bool
    standing_memberships: bool
    revocable_tokens: bool


def possessions_of(person: Person) -> PersonPossessions:
    """Flags of what the person has."""
    return PersonPossessions(*_POSSESSIONS.answers(person.pk))


def prefetch_roles_and_changes(person: Person, *, changes: bool) -> None:
    """Prefetch the person's roles and changes of identity, if there are any."""
    set_prefetched_reverse(person, "roles", _ROLES.rows(person=person.pk), "person")
    found = _CHANGES.rows(person=person.pk) if changes else []
    set_prefetched_reverse(person, "identity_changes", found, "person")


def standing_memberships(person: Person) -> list[StandingMember]:
    """The standing orders that the person is a member of, with their groups."""
    return _STANDING.rows(person=person.pk)


def requests_of(person: Person) -> list[TokenRequest]:
    """All requests for the person, latest first, with what a list says of them."""
    rows = _REQUESTS.rows(person=person.pk)
    lines = _LINES.rows(person=person.pk) if rows else []
    distribute_prefetched(rows, "tokens", lines, "request")
    return rows


def tokens_handed_out(person: Person) -> list[SoftwareToken]:
    """The person's delivered tokens, latest first, with the columns of cards, without profiles of types."""
    tokens = _HANDED_OUT.rows(person=person.pk)
    distribute_prefetched(tokens, "certificates", _CERTIFICATES_OF.rows(person=person.pk), "token")
    for token in tokens:
        token.person = person
        if token.token_type is not None:
            set_prefetched(token.token_type, "token_type_profiles", [])
    return tokens


def last_events(person_id: uuid.UUID) -> list[AuditEvent]:
    """The last EVENTS_SHOWN audit events about the person, newest first."""
    return _LAST_EVENTS.rows(person=person_id)


def recent_events(last: int, *, names: tuple[str, ...], at_most: int) -> list[AuditEvent]:
    """Events of these names about requests, newest first, as events_of_requests."""
    return _recent(last, names, at_most).rows()


def events_of_requests(last: int, names: tuple[str, ...]) -> QuerySet[AuditEvent]:
    """Events with these names among the last so many, with what their words and a line about it say."""
    before = AuditEvent.objects.order_by("-pk").values("pk")[last : last + 1]
    after = Coalesce(Subquery(before), Value(uuid.UUID(int=0), AuditEvent._meta.pk))
    # By a name that no index has: what is looked at is little, and comes in its order.
    rows = AuditEvent.objects.with_wording_columns().alias(called=Concat("name", Value("")))
    rows = rows.select_related("request__person").filter(called__in=names, pk__gt=after)
    return rows.only(*WORDING_COLUMNS, *OF_REQUESTS)


def with_cards() -> QuerySet[SoftwareToken]:
    """Tokens with the columns of cards, without the wrapped passphrase."""
    rows = SoftwareToken.objects.select_related("token_type", "taken_out_by").defer("passphrase_wrapped")
    return rows.with_has_files()


def certificates_of_cards() -> QuerySet[Certificate]:
    """Certificates with the columns of cards, by position, without wrapped keys."""
    rows = with_copies(Certificate.objects.select_related("profile").order_by("position"))
    return rows.defer("private_key_wrapped", *PROFILE_CONTENT)


def profiles_of_cards() -> QuerySet[TokenTypeProfile]:
    """Profiles of token types, with names only."""
    return TokenTypeProfile.objects.select_related("profile").defer(*PROFILE_CONTENT)


def lines_to_sign() -> QuerySet[SoftwareToken]:
    """Lines of requests with the rows that an approver's page reads before the decision."""
    rows = SoftwareToken.objects.select_related("token_type").order_by("token_type__position", "pk")
    profiles = Prefetch("token_type__token_type_profiles", profiles_of_cards())
    certificates = Prefetch("certificates", certificates_of_cards())
    return rows.defer("passphrase_wrapped").prefetch_related(profiles, certificates)


def _handed_out(person: Any) -> QuerySet[SoftwareToken]:
    tokens = SoftwareToken.objects.filter(person=person).visible_under_certificates()
    return with_cards().select_related("request").filter(pk__in=tokens.values("pk")).order_by("-created_at")


def _memberships(person: Any) -> QuerySet[StandingMember]:
    return StandingMember.objects.covering().filter(person=person).exclude(step=MemberStep.NEW)


@lru_cache(maxsize=8)
def _recent(last: int, names: tuple[str, ...], at_most: int) -> Statement[AuditEvent]:
    there = Exists(TokenRequest.objects.filter(pk=OuterRef("request")))
    return Statement(lambda: events_of_requests(last, names).filter(there)[:at_most])


def _profiles(request: Any) -> QuerySet[TokenTypeProfile]:
    types = SoftwareToken.objects.filter(request=request).values("token_type")
    return profiles_of_cards().filter(token_type__in=types)


_REQUEST = TokenRequest._meta.pk
_PERSON = Person._meta.pk
_SAVED = Statement[SavedSearch](lambda owner: SavedSearch.objects.filter(owner=owner), owner=_PERSON)
_TYPES = Statement[TokenType](
    lambda: TokenType.objects.only("state", "code", "position", "name").order_by("number")
)
_CHANGES = Statement[IdentityChange](
    lambda person: IdentityChange.objects.filter(person=person), person=_PERSON
)
_TOKENS = Statement[SoftwareToken](
    lambda request: with_cards().filter(request=request).order_by("token_type__position", "pk"),
    request=_REQUEST,
)
_CERTIFICATES = Statement[Certificate](
    lambda request: certificates_of_cards().filter(token__request=request), request=_REQUEST
)
_PROFILES = Statement[TokenTypeProfile](_profiles, request=_REQUEST)
_MAILS = Statement[OutgoingMail](
    lambda request: OutgoingMail.objects.filter(request=request).defer("body_text", "body_html"),
    request=_REQUEST,
)
_APPROVALS = Statement[Approval](
    lambda request: Approval.objects.filter(request=request).select_related(
        "approver", "deputyship__principal"
    ),
    request=_REQUEST,
)
_ASKED = Statement[AskedApprover](
    lambda request: AskedApprover.objects.filter(request=request).select_related("approver"), request=_REQUEST
)
_EVENTS = Statement[AuditEvent](
    lambda request: AuditEvent.objects.with_wording_columns().filter(request=request), request=_REQUEST
)
_ROLES = Statement[RoleAssignment](
    lambda person: RoleAssignment.objects.filter(person=person), person=_PERSON
)
_HANDED_OUT = Statement[SoftwareToken](_handed_out, person=_PERSON)
_CERTIFICATES_OF = Statement[Certificate](
    lambda person: certificates_of_cards().filter(token__person=person), person=_PERSON
)
_LAST_EVENTS = Statement[AuditEvent](
    lambda person: AuditEvent.objects.with_wording_columns().filter(person=person)[:EVENTS_SHOWN],
    person=_PERSON,
)
_STANDING = Statement[StandingMember](
    lambda person: _memberships(person).select_related("order__group").order_by("order__name"), person=_PERSON
)
_POSSESSIONS = AnyRows(
    (
        lambda: IdentityChange.objects.filter(person=OuterRef("pk")),
        lambda: _memberships(OuterRef("pk")),
        lambda: SoftwareToken.objects.filter(person=OuterRef("pk")).revocable().without_recovered(),
    )
)
_REQUESTS = Statement[TokenRequest](
    lambda person: (
        TokenRequest.objects.filter(person=person).select_related("requested_by").order_by("-created_at")
    ),
    person=_PERSON,
)
_LINES = Statement[SoftwareToken](
    lambda person: (
        SoftwareToken.objects.filter(request__person=person)
        .select_related("token_type")
        .defer("passphrase_wrapped", "snapshot")
    ),
    person=_PERSON,
)
_ONE_PERSON = Statement[Person](lambda key: persons_page(Person.objects.filter(pk=key)), key=_PERSON)
_ONE_REQUEST = Statement[TokenRequest](
    lambda key: requests_page(TokenRequest.objects.filter(pk=key)), key=_REQUEST
)
