"""Fetches rows locked and fresh, in the one lock order: person, request, token, certificate, mail.

A batch order is locked before its stretches, and a stretch before its persons. Who enables persons in a
stretch locks the stretch alone, never its order after it.

The only place with select_for_update. SQLite has no row locks: there, the immediate transaction that every
verb opens keeps the others out. The parents hang on the row that is returned, locked and fresh too.

No key that others refer to ever changes, so the lock lets others refer to it (no_key): an event or a mail
that names a person whom somebody else has locked is written without waiting, and two verbs about each other's
persons, such as two officers who approve each other's requests, do not wait for each other for ever.
"""

import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import TypeVar

from django.db import connection, models
from django.db.models import Q

from ca_bridge.database.prepared_queries import Statement
from identity_manager.models import (
    BatchOrder,
    BatchStretch,
    CaComparison,
    CaFinding,
    Certificate,
    CertificateProfile,
    IdentityChange,
    MailState,
    OutgoingMail,
    Person,
    PersonImport,
    SignInCode,
    SoftwareToken,
    TermsDocument,
    TokenRequest,
    TokenType,
)
from identity_manager.models.mail.outgoing_mail import IN_TROUBLE
from identity_manager.models.requests.certificate import CertificateQuerySet

Row = TypeVar("Row", bound=models.Model)
Versioned = TypeVar("Versioned", CertificateProfile, TokenType)


def person(pk: uuid.UUID) -> Person:
    """Raises Person.DoesNotExist."""
    return Person.objects.select_for_update(no_key=True).get(pk=pk)


def persons(pks: Iterable[uuid.UUID]) -> list[Person]:
    """Many persons, in the order of their ids, so that two who lock some of the same do not wait for ever."""
    return list(Person.objects.select_for_update(no_key=True).filter(pk__in=list(pks)).order_by("pk"))


def request(pk: uuid.UUID) -> TokenRequest:
    """The request, with its person. Raises TokenRequest.DoesNotExist."""
    return _REQUEST.get(pk=pk)


def token(pk: uuid.UUID) -> SoftwareToken:
    """The token, with its request and person. Raises SoftwareToken.DoesNotExist."""
    row = _TOKEN.get(pk=pk)
    row.person = row.request.person
    return row


def _with_parents(rows: models.QuerySet[Row], *parents: str) -> models.QuerySet[Row]:
    """One statement for a row and its parents: PostgreSQL locks what it finds in the order of `of`.

    Where it had to wait for one of them it takes all of them as they stand then. The last parent is the
    person, whose salt is read along, unlocked, for the event that tells what was done (audit.references).
    """
    paths = ["__".join(parents[: depth + 1]) for depth in range(len(parents))]
    rows = rows.select_related(f"{paths[-1]}__audit_salt")
    return rows.select_for_update(no_key=True, of=(*reversed(paths), "self"))


def _certificates(rows: models.QuerySet[Certificate]) -> models.QuerySet[Certificate]:
    return _with_parents(rows.select_related("token__token_type"), "token", "request", "person")


_KEY = models.UUIDField()  # of every row that is locked for each token
_REQUEST = Statement[TokenRequest](
    lambda pk: _with_parents(TokenRequest.objects.filter(pk=pk), "person"), pk=_KEY
)
_TOKEN = Statement[SoftwareToken](
    lambda pk: _with_parents(
        SoftwareToken.objects.filter(pk=pk).select_related("token_type"), "request", "person"
    ),
    pk=_KEY,
)
_TOKENS_OF = Statement[SoftwareToken](
    lambda request: (
        SoftwareToken.objects.filter(request=request)
        .select_related("token_type")
        .select_for_update(no_key=True, of=("self",))
        .order_by("pk")
    ),
    request=_KEY,
)
_CERTIFICATE = Statement[Certificate](lambda pk: _certificates(Certificate.objects.filter(pk=pk)), pk=_KEY)
_CERTIFICATE_TO_BE_ISSUED = Statement[Certificate](
    lambda pk, now: _certificates(Certificate.objects.to_be_issued().due(now).filter(pk=pk)),
    pk=_KEY,
    now=models.DateTimeField(),
)
_CERTIFICATES_OF = Statement[Certificate](
    lambda token: Certificate.objects.filter(token=token).select_for_update(no_key=True).order_by("pk"),
    token=_KEY,
)


def tokens_of(parent: TokenRequest) -> list[SoftwareToken]:
    """All tokens of a request that the caller has locked."""
    return [_with_parent(row, parent) for row in _TOKENS_OF.rows(request=parent.pk)]


def lines_of(parent: TokenRequest) -> list[SoftwareToken]:
    """The tokens that a locked request is about now: neither taken out nor of an earlier round."""
    return [token for token in tokens_of(parent) if parent.has_line(token)]


def certificate(pk: uuid.UUID, *, among: CertificateQuerySet | None = None) -> Certificate:
    """The certificate, with its token, request and person.

    Raises Certificate.DoesNotExist, also where it is none of those (among) once it is locked.
    """
    return _with_person(_CERTIFICATE.get(pk=pk) if among is None else _certificates(among).get(pk=pk))


def certificate_to_be_issued(pk: uuid.UUID, *, now: datetime) -> Certificate:
    """The same, among those that are due. Raises Certificate.DoesNotExist where it is due no more."""
    return _with_person(_CERTIFICATE_TO_BE_ISSUED.get(pk=pk, now=now))


def _with_person(row: Certificate) -> Certificate:
    row.token.person = row.token.request.person
    return row


def certificates_of(parent: SoftwareToken) -> list[Certificate]:
    """All certificates of a token that the caller has locked."""
    rows = _CERTIFICATES_OF.rows(token=parent.pk)
    for row in rows:
        row.token = parent
    return rows


def mail(pk: uuid.UUID) -> OutgoingMail:
    """The mail; where it is about a token or a request, those are locked before it."""
    token_id, request_id = OutgoingMail.objects.values_list("token_id", "request_id").get(pk=pk)
    parent_token = token(token_id) if token_id else None
    parent_request = request(request_id) if request_id and not parent_token else None
    row = OutgoingMail.objects.select_for_update(no_key=True).get(pk=pk)
    if parent_token is not None:
        row.token = parent_token
    if parent_request is not None:
        row.request = parent_request
    return row


def mails_of(parent: TokenRequest) -> list[OutgoingMail]:
    """All mails about a request that the caller has locked."""
    return list(OutgoingMail.objects.select_for_update(no_key=True).filter(request=parent).order_by("pk"))


def waiting_mails_of(owner: Person) -> list[OutgoingMail]:
    """What is not sent yet to a person whom the caller has locked, or about their requests."""
    theirs = Q(person=owner) | Q(request__in=TokenRequest.objects.filter(person=owner).values("pk"))
    waiting = OutgoingMail.objects.filter(theirs, state__in=(MailState.QUEUED, *IN_TROUBLE))
    return list(waiting.select_for_update(no_key=True).order_by("pk"))


def identity_change(pk: uuid.UUID) -> IdentityChange:
    """The change, with its person locked before it. Raises IdentityChange.DoesNotExist."""
    return _with_parents(IdentityChange.objects.all(), "person").get(pk=pk)


def sign_in_code(pk: uuid.UUID) -> SignInCode:
    """The code, with its person locked before it. Raises SignInCode.DoesNotExist."""
    return _with_parents(SignInCode.objects.all(), "person").get(pk=pk)


def catalogue_version(kind: type[Versioned], pk: uuid.UUID) -> Versioned:
    """One version of a profile or type; all versions of its code are locked. Raises kind.DoesNotExist."""
    code = kind.objects.values_list("code", flat=True).get(pk=pk)
    versions = kind.objects.select_for_update(no_key=True).filter(code=code).order_by("number")
    rows = {row.pk: row for row in versions}
    if pk not in rows:
        raise kind.DoesNotExist
    return rows[pk]


def terms_document(pk: uuid.UUID) -> TermsDocument:
    """Raises TermsDocument.DoesNotExist."""
    return TermsDocument.objects.select_for_update(no_key=True).get(pk=pk)


def person_import(pk: uuid.UUID) -> PersonImport:
    """Raises PersonImport.DoesNotExist."""
    return PersonImport.objects.select_for_update(no_key=True).get(pk=pk)


def imports() -> None:
    """Let one import at a time go on, to the end of the transaction: each counts what the others did."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext('identity_manager.imports'))")


def identity_changes(pks: Iterable[uuid.UUID]) -> list[IdentityChange]:
    """Many changes, each with its person locked before it, in the order of the persons."""
    rows = _with_parents(IdentityChange.objects.filter(pk__in=list(pks)), "person")
    return list(rows.order_by("person_id"))


def batch_order(pk: uuid.UUID) -> BatchOrder:
    """The order; it is locked before its stretches and persons. Raises BatchOrder.DoesNotExist."""
    return BatchOrder.objects.select_for_update(no_key=True).get(pk=pk)


def batch_stretch(held: models.QuerySet[BatchStretch]) -> BatchStretch | None:
    """The one stretch that is still held, with no order; None where it is not."""
    return held.select_for_update(no_key=True, of=("self",)).first()


def ca_comparison(pk: uuid.UUID) -> CaComparison:
    """Raises CaComparison.DoesNotExist."""
    return CaComparison.objects.select_for_update(no_key=True).get(pk=pk)


def ca_finding(pk: uuid.UUID) -> CaFinding:
    """The finding, alone: its certificate is locked before it. Raises CaFinding.DoesNotExist."""
    rows = CaFinding.objects.select_related("comparison", "order")
    return rows.select_for_update(no_key=True, of=("self",)).get(pk=pk)


def at_leisure(rows: models.QuerySet[Row], *, limit: int) -> list[uuid.UUID]:
    """The keys of the first of these rows that nobody has locked, locked now.

    Never waits, so it may come out of turn: whoever holds a row does what there is to do with it anyway.
    """
    free = rows.select_for_update(no_key=True, skip_locked=True, of=("self",)).only("pk")[:limit]
    return [row.pk for row in free]


def _with_parent(row: SoftwareToken, parent: TokenRequest) -> SoftwareToken:
    row.request = parent
    row.person = parent.person
    return row
