"""Row locks (SELECT ... FOR NO KEY UPDATE), in one lock order: person, request, token, certificate, mail.

A batch order is locked before its shards, a shard before its persons. A worker that carries out the lines of
a shard locks the shard only and never its order afterwards.

Only this module and issuance_locks.py have select_for_update. SQLite has no row locks: there the IMMEDIATE
transaction of each verb excludes other writers. Returned rows are fresh, and so are their parents, which are
locked and attached.

FOR NO KEY UPDATE, because primary keys never change: inserting an event or mail with a foreign key to a
locked person does not wait, and two officers who approve each other's requests do not deadlock.
"""

import uuid
from collections.abc import Iterable
from typing import TypeVar

from django.db import models
from django.db.models import Q

from ca_bridge.database.prepared_queries import Statement
from identity_manager.models import (
    ApiClient,
    ArchiveExport,
    BatchOrder,
    BatchShard,
    CaComparison,
    CaFinding,
    Certificate,
    CertificateProfile,
    DirectoryGroup,
    DirectoryRun,
    IdentityChange,
    Looks,
    MailState,
    MailText,
    OutgoingMail,
    Person,
    PersonImport,
    Placement,
    RecoveryCertificate,
    RecoveryDrill,
    ScimResource,
    ScimToken,
    ShareRound,
    SignInCode,
    SoftwareToken,
    StandingOrder,
    Target,
    TargetUse,
    TermsDocument,
    TokenImport,
    TokenRequest,
    TokenType,
    VersionState,
    Webhook,
)
from identity_manager.models.mail.outgoing_mail import IN_TROUBLE
from identity_manager.models.requests.certificate import CertificateQuerySet

ModelRow = TypeVar("ModelRow", bound=models.Model)
Versioned = TypeVar("Versioned", CertificateProfile, TokenType, MailText)


def person(pk: uuid.UUID) -> Person:
    """Raises Person.DoesNotExist."""
    return Person.objects.select_for_update(no_key=True).get(pk=pk)


def persons(pks: Iterable[uuid.UUID]) -> list[Person]:
    """Several persons, locked in the order of their ids, which prevents deadlocks."""
    return list(Person.objects.select_for_update(no_key=True).filter(pk__in=list(pks)).order_by("pk"))


def request(pk: uuid.UUID) -> TokenRequest:
    """The request, with its person. Raises TokenRequest.DoesNotExist."""
    return _REQUEST.get(pk=pk)


def token(pk: uuid.UUID) -> SoftwareToken:
    """The token, with its request and person. Raises SoftwareToken.DoesNotExist."""
    row = _TOKEN.get(pk=pk)
    row.person = row.request.person
    return row


def _with_parents(rows: models.QuerySet[ModelRow], *parents: str) -> models.QuerySet[ModelRow]:
    """Lock a row and its parents in one statement; PostgreSQL locks in the order of `of`.

    After waiting for a lock, PostgreSQL re-reads all of them. The last parent is the person; its audit salt
    is joined unlocked, because audit.record needs it.
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
_MAIL_OF_TOKEN = Statement[OutgoingMail](
    # The condition makes inner joins of those to the parents: rows of outer ones cannot be locked.
    lambda pk: _with_parents(
        OutgoingMail.objects.filter(pk=pk, token__request__person__isnull=False).select_related(
            "token__token_type"
        ),
        *("token", "request", "person"),
    ),
    pk=_KEY,
)
_CERTIFICATE = Statement[Certificate](lambda pk: _certificates(Certificate.objects.filter(pk=pk)), pk=_KEY)
_CERTIFICATES_OF = Statement[Certificate](
    lambda token: Certificate.objects.filter(token=token).select_for_update(no_key=True).order_by("pk"),
    token=_KEY,
)


def archive_export(pk: uuid.UUID) -> ArchiveExport:
    """Raises ArchiveExport.DoesNotExist."""
    return ArchiveExport.objects.select_for_update(no_key=True).get(pk=pk)


def recovery_certificate(pk: uuid.UUID) -> RecoveryCertificate:
    """Raises RecoveryCertificate.DoesNotExist."""
    return RecoveryCertificate.objects.select_for_update(no_key=True).get(pk=pk)


def recovery_drill(pk: uuid.UUID) -> RecoveryDrill:
    """The drill, with its certificate. Raises RecoveryDrill.DoesNotExist."""
    rows = RecoveryDrill.objects.select_related("certificate")
    return rows.select_for_update(no_key=True, of=("self",)).get(pk=pk)


def share_round(pk: uuid.UUID) -> ShareRound:
    """The round; callers lock what it is about first. Raises ShareRound.DoesNotExist."""
    return ShareRound.objects.select_for_update(no_key=True).get(pk=pk)


def tokens(keys: Iterable[uuid.UUID]) -> list[SoftwareToken]:
    """Several tokens with their parents, locked in the order of their persons.

    Tokens of one request share it, so that what one changes in it the other sees.
    """
    rows = SoftwareToken.objects.filter(pk__in=list(keys)).select_related("token_type")
    found = list(_with_parents(rows, "request", "person").order_by("request__person", "request", "pk"))
    requests = {row.request_id: row.request for row in found}
    return [_with_parent(row, requests[row.request_id]) for row in found]


def tokens_of(parent: TokenRequest) -> list[SoftwareToken]:
    """All tokens of a request; the caller has locked the request."""
    return [_with_parent(row, parent) for row in _TOKENS_OF.rows(request=parent.pk)]


def lines_of(parent: TokenRequest) -> list[SoftwareToken]:
    """The current tokens of a locked request, without removed ones and those of earlier rounds."""
    return [token for token in tokens_of(parent) if parent.has_line(token)]


def certificate(pk: uuid.UUID, *, among: CertificateQuerySet | None = None) -> Certificate:
    """The certificate, with its token, request and person.

    among: a filter that must still match once the row is locked. Raises Certificate.DoesNotExist.
    """
    return _with_person(_CERTIFICATE.get(pk=pk) if among is None else _certificates(among).get(pk=pk))


def certificates(keys: Iterable[uuid.UUID]) -> list[Certificate]:
    """Several certificates with their parents, locked in the order of their persons; no secrets are read."""
    rows = _certificates(Certificate.objects.filter(pk__in=list(keys)))
    rows = rows.defer("certificate", "private_key_wrapped", "token__snapshot", "token__passphrase_wrapped")
    order = ("token__request__person", "token__request", "token", "pk")
    return [_with_person(row) for row in rows.order_by(*order)]


def _with_person(row: Certificate) -> Certificate:
    row.token.person = row.token.request.person
    return row


def certificates_of(parent: SoftwareToken) -> list[Certificate]:
    """All certificates of a token; the caller has locked the token."""
    rows = _CERTIFICATES_OF.rows(token=parent.pk)
    for row in rows:
        row.token = parent
    return rows


def certificates_of_each(parents: Iterable[SoftwareToken]) -> dict[uuid.UUID, list[Certificate]]:
    """All certificates of each locked token, by token, with profile and import; no secrets are read."""
    by_key = {parent.pk: parent for parent in parents}
    rows = Certificate.objects.filter(token__in=by_key).select_related("profile", "imported")
    rows = rows.select_for_update(no_key=True, of=("self",)).defer("certificate", "private_key_wrapped")
    found: dict[uuid.UUID, list[Certificate]] = {pk: [] for pk in by_key}
    for row in rows.order_by("token", "pk"):
        row.token = by_key[row.token_id]
        found[row.token_id].append(row)
    return found


def mail(pk: uuid.UUID) -> OutgoingMail:
    """The mail; its token or request, if any, is locked first."""
    token_id, request_id = OutgoingMail.objects.values_list("token_id", "request_id").get(pk=pk)
    parent_token = token(token_id) if token_id else None
    parent_request = request(request_id) if request_id and not parent_token else None
    row = OutgoingMail.objects.select_for_update(no_key=True).get(pk=pk)
    if parent_token is not None:
        row.token = parent_token
    if parent_request is not None:
        row.request = parent_request
    return row


def claimed_mail(claimed: OutgoingMail) -> OutgoingMail:
    """As mail(), of a row that was read before: in one statement where it is about a token."""
    if claimed.token_id is None:
        return mail(claimed.pk)
    row = _MAIL_OF_TOKEN.get(pk=claimed.pk)
    assert row.token is not None  # noqa: S101 it has one
    row.token.person = row.token.request.person
    return row


def mails_of(parent: TokenRequest) -> list[OutgoingMail]:
    """All mails about a request; the caller has locked the request."""
    return list(OutgoingMail.objects.select_for_update(no_key=True).filter(request=parent).order_by("pk"))


def waiting_mails_of(owner: Person) -> list[OutgoingMail]:
    """Unsent mails to a person, or about that person's requests; the caller has locked the person."""
    theirs = Q(person=owner) | Q(request__in=TokenRequest.objects.filter(person=owner).values("pk"))
    waiting = OutgoingMail.objects.filter(theirs, state__in=(MailState.QUEUED, *IN_TROUBLE))
    return list(waiting.select_for_update(no_key=True).order_by("pk"))


def identity_change(pk: uuid.UUID) -> IdentityChange:
    """The change; its person is locked first. Raises IdentityChange.DoesNotExist."""
    return _with_parents(IdentityChange.objects.all(), "person").get(pk=pk)


def sign_in_code(pk: uuid.UUID) -> SignInCode:
    """The code; its person is locked first. Raises SignInCode.DoesNotExist."""
    return _with_parents(SignInCode.objects.all(), "person").get(pk=pk)


def catalogue_version(kind: type[Versioned], pk: uuid.UUID) -> Versioned:
    """One version of a profile, type or mail text; locks all of the same code. Raises kind.DoesNotExist."""
    code = kind.objects.values_list("code", flat=True).get(pk=pk)
    versions = kind.objects.select_for_update(no_key=True).filter(code=code).order_by("number")
    rows = {row.pk: row for row in versions}
    if pk not in rows:
        raise kind.DoesNotExist
    return rows[pk]


def terms_document(pk: uuid.UUID) -> TermsDocument:
    """Raises TermsDocument.DoesNotExist."""
    return TermsDocument.objects.select_for_update(no_key=True).get(pk=pk)


def looks() -> list[Looks]:
    """The draft and the version in force, where there are; whoever begins a draft has the newest locked."""
    rows = Looks.objects.select_for_update(no_key=True).order_by("-number")
    return [row for row in rows if row.state != VersionState.RETIRED]


def person_import(pk: uuid.UUID) -> PersonImport:
    """Raises PersonImport.DoesNotExist."""
    return PersonImport.objects.select_for_update(no_key=True).get(pk=pk)


def token_import(pk: uuid.UUID) -> TokenImport:
    """Locked before the persons of its rows. Raises TokenImport.DoesNotExist."""
    return TokenImport.objects.select_for_update(no_key=True).get(pk=pk)


def directory_group(pk: uuid.UUID) -> DirectoryGroup:
    """Raises DirectoryGroup.DoesNotExist."""
    return DirectoryGroup.objects.select_for_update(no_key=True).get(pk=pk)


def standing_order(pk: uuid.UUID) -> StandingOrder:
    """The order, with its group and who asked, which are read and not locked. Raises DoesNotExist."""
    rows = StandingOrder.objects.select_related("group", "asked_by")
    return rows.select_for_update(no_key=True, of=("self",)).get(pk=pk)


def directory_run(pk: uuid.UUID) -> DirectoryRun:
    """The run, with its source, which is read and not locked. Raises DirectoryRun.DoesNotExist."""
    rows = DirectoryRun.objects.select_related("source").select_for_update(no_key=True, of=("self",))
    return rows.get(pk=pk)


def identity_changes(pks: Iterable[uuid.UUID]) -> list[IdentityChange]:
    """Several changes, in the order of their persons; each person is locked before the change."""
    rows = _with_parents(IdentityChange.objects.filter(pk__in=list(pks)), "person")
    return list(rows.order_by("person_id"))


def batch_order(pk: uuid.UUID) -> BatchOrder:
    """The order; locked before its shards and persons. Raises BatchOrder.DoesNotExist."""
    return BatchOrder.objects.select_for_update(no_key=True).get(pk=pk)


def batch_shard(held: models.QuerySet[BatchShard]) -> BatchShard | None:
    """The shard of this queryset, without its order; None if the queryset is empty by now."""
    return held.select_for_update(no_key=True, of=("self",)).first()


def ca_comparison(pk: uuid.UUID) -> CaComparison:
    """Raises CaComparison.DoesNotExist."""
    return CaComparison.objects.select_for_update(no_key=True).get(pk=pk)


def ca_finding(pk: uuid.UUID) -> CaFinding:
    """The finding only; callers lock its certificate first. Raises CaFinding.DoesNotExist."""
    rows = CaFinding.objects.select_related("comparison", "order")
    return rows.select_for_update(no_key=True, of=("self",)).get(pk=pk)


def skip_locked(rows: models.QuerySet[ModelRow], *, limit: int) -> list[uuid.UUID]:
    """Lock up to `limit` rows with SKIP LOCKED and return their keys.

    A state is read along: a row with a state machine would fetch it by a statement of its own.
    """
    read = [field.name for field in rows.model._meta.concrete_fields if field.name == "state"]
    free = rows.select_for_update(no_key=True, skip_locked=True, of=("self",)).only("pk", *read)[:limit]
    return [row.pk for row in free]


def _with_parent(row: SoftwareToken, parent: TokenRequest) -> SoftwareToken:
    row.request = parent
    row.person = parent.person
    return row


def scim_resources() -> models.QuerySet[ScimResource]:
    """Locks each row that it is asked for; a write of a SCIM client locks one, and nothing else."""
    return ScimResource.objects.select_for_update(no_key=True)


def placements(pks: Iterable[uuid.UUID]) -> list[Placement]:
    """Several placements at targets, locked in the order of their ids; callers lock the target first."""
    rows = Placement.objects.filter(pk__in=list(pks)).order_by("pk")
    return list(rows.select_for_update(no_key=True))


def target(pk: uuid.UUID) -> Target:
    """Raises Target.DoesNotExist."""
    return Target.objects.select_for_update(no_key=True).get(pk=pk)


def target_use(pk: uuid.UUID) -> TargetUse:
    """The use, with its target. Raises TargetUse.DoesNotExist."""
    rows = TargetUse.objects.select_related("target")
    return rows.select_for_update(no_key=True, of=("self",)).get(pk=pk)


def api_client(pk: uuid.UUID) -> ApiClient:
    """The client, and its person, who is locked first. Raises ApiClient.DoesNotExist."""
    owner = person(ApiClient.objects.only("actor").get(pk=pk).actor_id)
    client = ApiClient.objects.select_for_update(no_key=True).get(pk=pk)
    client.actor = owner
    return client


def webhook(pk: uuid.UUID) -> Webhook:
    """Raises Webhook.DoesNotExist."""
    return Webhook.objects.select_for_update(no_key=True).get(pk=pk)


def scim_token(pk: uuid.UUID) -> ScimToken:
    """Raises ScimToken.DoesNotExist."""
    return ScimToken.objects.select_for_update(no_key=True).get(pk=pk)
