"""What is true at the end: what the CAs, the database and the mail server each have, for the verdict."""

import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from io import StringIO
from pathlib import Path

from django.core.management import CommandError, call_command
from django.db.models import Count, Max

from ca_bridge.connection import crl_lookup, registry
from ca_bridge.connectors.embedded.models import IssuedCertificate
from ca_bridge.models import CaOrder, SurplusCertificate
from ca_bridge.x509.certificates import describe
from identity_manager.audit import sealing
from identity_manager.models import (
    AuditEvent,
    Certificate,
    Container,
    OutgoingMail,
    Person,
    RecoveredKey,
    RequestKind,
    SoftwareToken,
    TokenRequest,
)
from tests.chaos import opening
from tests.chaos.connectors import Silent
from tests.chaos.facts import CaCertificate, Facts, Mail, OurCertificate, Received, Request

# What happens once to its subject, by the audit log.
ONCE = (
    "request.approved",
    "request.accepted",
    "token.sealed",
    "token.delivered",
    "passphrase.acknowledged",
    "request.issued",
    "request.completed",
)


def gather(
    persons: Iterable[Person],
    received: Path,
    passphrases: dict[str, str],
    *,
    wishes: Mapping[str, str] | None = None,
) -> Facts:
    """Read it all; audit and leaks are others' to add. wishes: of persons (facts.py)."""
    return Facts(
        wishes=dict(wishes or {}),
        wanted=[str(person.pk) for person in persons],
        requests=list(_requests()),
        at_ca=[each for alias in registry.aliases() for each in _at(alias)],
        ours=list(_ours()),
        surplus=dict(_surplus()),
        mails=list(_mails()),
        received=_received(received, passphrases),
        repeated=list(_repeated()),
        gaps=list(_gaps()),
    )


def audit_faults(heads: Path) -> list[str]:
    """What `manage.py audit verify` says of the log and the heads that were exported; empty: all fits."""
    sealing.seal()
    said = StringIO()
    try:
        call_command("audit", "verify", heads=[heads] if heads.exists() else [], stdout=said)
    except CommandError as error:
        return [f"audit verify: {error} {said.getvalue()[-1000:]}"]
    return []


def _requests() -> Iterator[Request]:
    tokens: dict[object, list[SoftwareToken]] = {}
    for token in SoftwareToken.objects.only("request_id", "acknowledged_at", "kind", "predecessor_id"):
        tokens.setdefault(token.request_id, []).append(token)
    messages: dict[object, list[str]] = {}
    for request, message in OutgoingMail.objects.values_list("request_id", "message"):
        messages.setdefault(request, []).append(message)
    for row in TokenRequest.objects.all():
        lines = tokens.get(row.pk, [])
        yield Request(
            str(row.pk),
            str(row.person_id),
            row.state,
            row.failure,
            {str(line.pk): line.acknowledged_at is not None for line in lines},
            messages.get(row.pk, []),
            kind=lines[0].kind if lines else row.kind,
            in_place_of=[str(line.predecessor_id) for line in lines if line.predecessor_id],
        )


def _at(alias: str) -> Iterator[CaCertificate]:
    connector = registry.connector(alias)
    if isinstance(connector, Silent):
        rows = [(each.request, each.certificate, each.revoked) for each in connector.register.entries()]
    else:
        stored = IssuedCertificate.objects.filter(ca=alias)
        rows = [
            (row.request_id, bytes(row.certificate), row.revoked_at is not None) for row in stored.iterator()
        ]
    for request, der, revoked in rows:
        facts = describe(der)
        yield CaCertificate(alias, request, facts.serial_hex, facts.public_key_sha256.hex(), revoked)


def _ours() -> Iterator[OurCertificate]:
    packed = Container.objects.values_list("token", "certificate").annotate(Count("pk"))
    sets = {(token, certificate): number for token, certificate, number in packed}
    own = [(row.token_id, row) for row in Certificate.objects.select_related("order")]
    for token, row in (*own, *_recovered()):
        order = row.order or CaOrder()
        yield OurCertificate(
            token=str(token),
            state=row.state,
            serial=row.serial,
            order=order.idempotency_key,
            ca=order.ca,
            order_state="parked" if order.parked_at else order.state,
            why=row.last_error or row.refusal,
            containers=sets.get((token, row.pk), 0),
            on_crl=row.state != "revoked" or row.on_crl_at is not None or not crl_lookup.is_local(order.ca),
        )


def _recovered() -> Iterator[tuple[uuid.UUID, Certificate]]:
    """The tokens of recoveries, each with a certificate whose key it is to hold."""
    keys = RecoveredKey.objects.select_related("archived_key__certificate__order", "recovery__request")
    for row in keys:
        assert row.archived_key is not None
        assert row.archived_key.certificate is not None
        for token in row.recovery.request.tokens.all():
            yield token.pk, row.archived_key.certificate


def _gaps() -> Iterator[str]:
    """Renewals whose person was without a valid token that they could use, for a while."""
    ended = Certificate.objects.exclude(revocation_decided_at=None).filter(
        token__renewals__kind=RequestKind.RENEWAL
    )
    for row in ended.annotate(noted_at=Max("token__renewals__acknowledged_at")):
        noted_at = row.noted_at
        if noted_at is None or row.revocation_decided_at < noted_at:
            yield f"token {row.token_id} was ended before its successor was noted"


def _surplus() -> Iterator[tuple[str, bool]]:
    """Serial, and whether it was revoked."""
    for row in SurplusCertificate.objects.all():
        yield describe(bytes(row.certificate)).serial_hex, row.revoked_at is not None


def _mails() -> Iterator[Mail]:
    for row in OutgoingMail.objects.all():
        yield Mail(
            str(row.pk), row.message, row.state, str(row.token_id or ""), row.discard_reason or row.last_error
        )


def _repeated() -> Iterator[str]:
    """What the audit log says more than once of the same subject, though it can happen only once."""
    events = AuditEvent.objects.filter(name__in=ONCE).values_list("name", "token_id", "request_id")
    for (name, token, request), number in Counter(events).items():
        if number > 1:
            yield f"{name} {number} times for token {token} of request {request}"


def _received(folder: Path, passphrases: dict[str, str]) -> list[Received]:
    """As their owners open them, with the passphrases that the portal showed for their tokens."""
    tokens = {str(mail): str(token) for mail, token in OutgoingMail.objects.values_list("pk", "token_id")}
    paths = sorted(folder.glob("*.eml"))
    return opening.open_all(
        [(path, passphrases.get(tokens.get(opening.identifier(path), ""), "")) for path in paths]
    )
