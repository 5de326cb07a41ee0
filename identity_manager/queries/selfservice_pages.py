"""Prepared queries of Self-Service: rows of one person.

The only parameter is the person's key, so the SQL is always the same and compiled once; to compile it for
each page took half of the page's time.
"""

import uuid
from collections import Counter
from collections.abc import Sequence
from typing import Any

from django.db import models
from django.db.models import Q, QuerySet, Value

from ca_bridge.database.prepared_queries import ForKeys, Statement
from identity_manager.models.archive.archived_key import ArchivedKey, with_copies
from identity_manager.models.people.person import Person
from identity_manager.models.prefetched import distribute_prefetched
from identity_manager.models.recovery.recovery import Recovery
from identity_manager.models.renewal.notice import RenewalNotice
from identity_manager.models.requests.certificate import Certificate
from identity_manager.models.requests.software_token import SoftwareToken
from identity_manager.models.requests.states import RequestState
from identity_manager.models.requests.terms_notice import TermsNotice
from identity_manager.models.requests.token_request import TokenRequest
from identity_manager.models.requests.token_states import TokenState

IN_USE, ARCHIVED, LAPSED = "in use", "archived", "lapsed"
# Kinds of open tasks.
TERMS, PASSPHRASE, FILE = "terms", "passphrase", "file"
RENEWAL, TERMS_AGAIN, CONSENT = "renewal", "terms again", "consent"
_APPROVED_AND_OPEN = Q(
    state__in=(RequestState.AWAITING_ACCEPTANCE, RequestState.ISSUING, RequestState.FAILED)
)


def open_requests(person: Person) -> tuple[list[TokenRequest], list[TokenRequest]]:
    """Requests that wait for the person's acceptance, and those in progress; with tokens, oldest first.

    In progress: being issued, stopped, waiting for the end of a leave, or for a decision. Undecided requests
    only if the person made them; those that somebody else made are shown once they are approved.
    """
    found = _OPEN.rows(person=person.pk)
    distribute_prefetched(found, "tokens", _TOKENS_OF.rows(row.pk for row in found), "request")
    for row in found:
        row.person = person
    to_accept = [row for row in found if row.awaits_acceptance]
    return to_accept, [row for row in found if not row.awaits_acceptance]


def tokens_to_note(person_id: uuid.UUID) -> list[SoftwareToken]:
    """Tokens whose passphrase the person can note now, oldest first."""
    return _TO_NOTE.rows(person=person_id)


def tokens_to_fetch(person_id: uuid.UUID) -> list[SoftwareToken]:
    """Tokens whose file can be downloaded: the mail failed, or has a link only."""
    return _TO_FETCH.rows(person=person_id)


def tokens(person_id: uuid.UUID) -> list[SoftwareToken]:
    """All tokens of the person, latest first, with types and requests."""
    return _TOKENS.rows(person=person_id)


def renewals_due(person_id: uuid.UUID) -> list[RenewalNotice]:
    """Renewal notices that wait for the person's answer, by the token's end."""
    return _RENEWALS.rows(person=person_id)


def terms_to_accept_again(person_id: uuid.UUID) -> list[TermsNotice]:
    """Notices of terms to accept again, by due date."""
    return _TERMS_AGAIN.rows(person=person_id)


def consents_asked(person_id: uuid.UUID) -> list[Recovery]:
    """Recoveries of the person's keys for somebody else that wait for their consent."""
    return _CONSENTS.rows(person=person_id)


def possessions(person_id: uuid.UUID) -> set[str]:
    """Flags (IN_USE, ARCHIVED, LAPSED) of what the person has.

    A token in use, an archived key; a token that lapsed at any time, itself or with its request.
    """
    return set(_POSSESSIONS.rows(person=person_id))


def tokens_handed_out(person_id: uuid.UUID) -> list[SoftwareToken]:
    """Delivered tokens in any later state, with their certificates, latest first."""
    found = _HANDED_OUT.rows(person=person_id)
    distribute_prefetched(found, "certificates", _CERTIFICATES.rows(person=person_id), "token")
    return found


def waiting(person_id: uuid.UUID) -> Counter[str]:
    """Number of open tasks of each kind that the person has; a page reads the rows of these kinds alone."""
    return Counter(_WAITING.rows(person=person_id))


def keys_of_requests(person_id: uuid.UUID) -> list[uuid.UUID]:
    """Keys of all requests for the person, newest first."""
    return _KEYS.rows(person=person_id)


def requests(keys: Sequence[uuid.UUID]) -> list[TokenRequest]:
    """Requests by key, in this order, with requester and tokens; deleted ones are left out."""
    rows = {row.pk: row for row in _REQUESTS.rows(keys)}
    found = [rows[key] for key in keys if key in rows]
    distribute_prefetched(found, "tokens", _ALL_TOKENS_OF.rows(keys), "request")
    return found


def _open(person: Any) -> QuerySet[TokenRequest]:
    asked = Q(state__in=(RequestState.REQUESTED, RequestState.APPROVED), requested_by=person)
    rows = TokenRequest.objects.filter(_APPROVED_AND_OPEN | asked, person=person)
    return rows.select_related("requested_by").order_by("created_at")


def _of(person: Any) -> Any:
    """The person's tokens, without secret or long columns."""
    rows = SoftwareToken.objects.filter(person=person).select_related("token_type")
    return rows.defer("passphrase_wrapped", "snapshot")


def _renewals(person: Any) -> QuerySet[RenewalNotice]:
    return RenewalNotice.objects.unanswered().filter(person=person)


def _terms_again(person: Any) -> QuerySet[TermsNotice]:
    return TermsNotice.objects.unanswered().filter(person=person)


def _waiting(person: Any) -> QuerySet[Any]:
    own = SoftwareToken.objects.filter(person=person)
    terms = TokenRequest.objects.awaiting_acceptance().filter(person=person)
    of_kinds: tuple[tuple[QuerySet[Any], str], ...] = (
        (terms, TERMS),
        (own.to_be_noted(), PASSPHRASE),
        (own.to_be_fetched(), FILE),
        (_renewals(person), RENEWAL),
        (_terms_again(person), TERMS_AGAIN),
        (Recovery.objects.awaiting_owner(person), CONSENT),
    )
    first, *others = (_marked(rows, kind) for rows, kind in of_kinds)
    found: QuerySet[Any, str] = first.union(*others, all=True)
    return found


def _marked(rows: QuerySet[Any], what: str) -> Any:
    """One value for each row: what it is."""
    return rows.order_by().annotate(what=Value(what, models.CharField())).values_list("what", flat=True)


def _possessions(person: Any) -> QuerySet[Any, str]:
    """One statement for all, as pages count theirs."""
    lapsed = Q(state=TokenState.LAPSED) | Q(request__state=RequestState.LAPSED)
    first, *others = (
        _marked(SoftwareToken.objects.in_use().filter(person=person), IN_USE),
        _marked(ArchivedKey.objects.filter(owner=person), ARCHIVED),
        _marked(SoftwareToken.objects.filter(lapsed, person=person), LAPSED),
    )
    found: QuerySet[Any, str] = first.union(*others)
    return found


_PERSON = models.UUIDField()
_REQUEST = models.UUIDField()
_KEYS = Statement[uuid.UUID](
    lambda person: TokenRequest.objects.filter(person=person).values_list("pk", flat=True), person=_PERSON
)
_REQUESTS = ForKeys[TokenRequest](
    lambda keys: TokenRequest.objects.filter(pk__in=keys).select_related("requested_by"), _REQUEST
)
_ALL_TOKENS_OF = ForKeys[SoftwareToken](
    lambda requests: (
        SoftwareToken.objects.filter(request__id__in=requests)
        .with_has_files()
        .select_related("token_type", "taken_out_by")
        .defer("snapshot")
    ),
    _REQUEST,
)
_TOKENS_OF = ForKeys[SoftwareToken](
    lambda requests: (
        SoftwareToken.objects.filter(request__id__in=requests)
        .select_related("token_type")
        .defer("passphrase_wrapped", "snapshot")
    ),
    _REQUEST,
)
_CERTIFICATES = Statement[Certificate](
    lambda person: with_copies(
        Certificate.objects.filter(token__person=person).only("state", "token", "not_before", "not_after")
    ),
    person=_PERSON,
)
_OPEN = Statement[TokenRequest](_open, person=_PERSON)
_TO_NOTE = Statement[SoftwareToken](
    lambda person: _of(person).to_be_noted().order_by("sealed_at"), person=_PERSON
)
_TO_FETCH = Statement[SoftwareToken](lambda person: _of(person).to_be_fetched(), person=_PERSON)
_TOKENS = Statement[SoftwareToken](
    lambda person: (
        SoftwareToken.objects.filter(person=person)
        .select_related("token_type", "request")
        .only(
            *("state", "type_code", "created_at", "ended_at", "request__state"),
            *("token_type__state", "token_type__name"),
        )
        .order_by("-created_at", "-pk")
    ),
    person=_PERSON,
)
_HANDED_OUT = Statement[SoftwareToken](
    lambda person: (
        SoftwareToken.objects.filter(person=person)
        .visible_under_certificates()
        .with_has_files()
        .select_related("token_type")
        .defer("snapshot")
        .order_by("-created_at")
    ),
    person=_PERSON,
)
_RENEWALS = Statement[RenewalNotice](
    lambda person: (
        _renewals(person)
        .select_related("token__token_type")
        .defer("token__passphrase_wrapped", "token__snapshot")
    ),
    person=_PERSON,
)
_TERMS_AGAIN = Statement[TermsNotice](
    lambda person: _terms_again(person).select_related("document"), person=_PERSON
)
_CONSENTS = Statement[Recovery](
    lambda person: Recovery.objects.awaiting_owner(person).select_related("request__person"), person=_PERSON
)
_POSSESSIONS = Statement[str](_possessions, person=_PERSON)
_WAITING = Statement[str](_waiting, person=_PERSON)
