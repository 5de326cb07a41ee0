"""The door to certificate authorities, in three calls: prepare, ask, record.

prepare  in the caller's transaction: validate, lint, journal the intent.
ask      outside any transaction: one attempt at the CA, under the idempotency key of the order.
record   in the caller's transaction: verify what came back, journal it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from ca_bridge import certificates, certification_request, journal, lint, registry, verification
from ca_bridge.certificates import CertificateFacts, describe
from ca_bridge.contract import (
    Answer,
    CertificateContent,
    CertificateOrder,
    Connector,
    Drafts,
    FindsOrders,
    Issued,
    Pending,
    Refused,
    ReleasesHold,
    RevocationOutcome,
    RevocationReason,
    Unknown,
)
from ca_bridge.errors import CaError
from ca_bridge.keys import PrivateKey, algorithm_of, public_key_sha256
from ca_bridge.models import CaOrder, content_as_json
from ca_bridge.profiles import check_content, check_key_usage

__all__ = [
    "CertificateFacts",
    "Validity",
    "ask",
    "describe",
    "look_up",
    "prepare",
    "record",
    "release",
    "revoke",
    "revoke_surplus",
]


@dataclass(frozen=True, slots=True)
class Validity:
    """From when until when; both aware. Certificates know whole seconds (RFC 5280 4.1.2.5)."""

    not_before: datetime
    not_after: datetime

    def __post_init__(self) -> None:
        for name in ("not_before", "not_after"):
            moment = getattr(self, name).astimezone(UTC).replace(microsecond=0)
            object.__setattr__(self, name, moment)
        if self.not_after <= self.not_before:
            raise CaError(_("The validity must end after it begins."), permanent=True)


def prepare(
    *,
    ca: str,
    idempotency_key: str,
    content: CertificateContent,
    ca_profile: str,
    key: PrivateKey,
    validity: Validity,
) -> CaOrder:
    """Journal the intent to have a certificate issued, and return the order. Call it in a transaction.

    A second call with the same idempotency key returns the order of the first. Raises CaError, with a
    sentence that says what is wrong, and nothing is journalled: permanent where the order cannot be, and
    passing where the CA cannot show its draft now.
    """
    existing = CaOrder.objects.filter(idempotency_key=idempotency_key).first()
    if existing is not None:
        return _same(existing, key)
    check_content(content)
    check_key_usage(content.key_usage, algorithm_of(key))
    request = CertificateOrder(
        idempotency_key=idempotency_key,
        csr=certification_request.build(content, key),
        content=content,
        ca_profile=ca_profile,
        not_before=validity.not_before,
        not_after=validity.not_after,
    )
    connector = registry.connector(ca)
    if isinstance(connector, Drafts):
        lint.check_draft(connector.draft(request))
    return _same(_journalled(ca, request, public_key_sha256(key)), key)


def _journalled(ca: str, request: CertificateOrder, key_sha256: bytes) -> CaOrder:
    """Two callers at once get the same order: the unique idempotency key decides."""
    if CaOrder.objects.filter(public_key_sha256=key_sha256).exists():
        existing = CaOrder.objects.filter(idempotency_key=request.idempotency_key).first()
        if existing is None:
            raise CaError(_("This key has been used for another certificate."), permanent=True)
        return existing
    order, _created = CaOrder.objects.get_or_create(
        idempotency_key=request.idempotency_key,
        defaults={
            "ca": ca,
            "ca_profile": request.ca_profile,
            "csr": request.csr,
            "content": content_as_json(request.content),
            "public_key_sha256": key_sha256,
            "not_before": request.not_before,
            "not_after": request.not_after,
        },
    )
    return order


def _same(order: CaOrder, key: PrivateKey) -> CaOrder:
    if order.public_key_sha256 != public_key_sha256(key):
        raise CaError(_("This order was prepared with another key."), permanent=True)
    return order


def ask(order_id: UUID, *, even_if_unknown: bool = False) -> Answer:
    """Ask the CA once, and return its answer for record(). Call it outside any transaction.

    What is settled is answered from the journal; what is pending is fetched. Where an earlier attempt
    may have been issued already, the CA is searched first; if it cannot be, the connection's policy
    decides: ask again with the same key, or park (answered Unknown) until an officer has looked, who
    then asks with even_if_unknown. Raises CaError(permanent=False) for a fault that passes.
    """
    connector = registry.connector(journal.get(order_id).ca)
    begun = journal.begin(order_id)
    if not isinstance(begun, journal.Begun):
        return begun
    try:
        return _at_edge(lambda: _answer(connector, begun, may_ask_again=even_if_unknown))
    except CaError as error:
        journal.record_fault(begun.attempt, error)
        raise


def look_up(order_id: UUID) -> Answer:
    """Find out whether the CA has issued, without asking it to, for an order that nobody wants any more.

    Refused where it surely has not; Unknown where an attempt had no answer and the CA cannot be searched.
    The answer is for record(). Call it outside any transaction. Raises CaError(permanent=False).
    """
    order = journal.get(order_id)
    settled = journal.settled_answer(order)
    if settled is not None:
        return settled
    connector = registry.connector(order.ca)
    return _at_edge(lambda: _known(connector, order, doubtful=journal.is_doubtful(order)))


def _at_edge(call: Callable[[], object]) -> Answer:
    """What crosses the border is an answer, or a passing CaError; nothing else."""
    try:
        answer = call()
    except CaError as error:
        if not error.permanent:
            raise
        return Refused(error.message, error.detail)
    except Exception as error:  # noqa: BLE001 - the connector edge: whatever broke, the CA may have issued
        return Unknown(f"{type(error).__name__}: {error}"[: journal.DETAIL_LENGTH])
    if isinstance(answer, Issued | Pending | Refused | Unknown):
        return answer
    return Unknown(f"The connector answered with {type(answer).__name__}.")


def _answer(connector: Connector, begun: journal.Begun, *, may_ask_again: bool) -> Answer:
    order = begun.order
    if order.state == CaOrder.State.PENDING:
        return connector.fetch(order.request, order.handle)
    if begun.doubtful and isinstance(connector, FindsOrders):
        found = _found(connector, order)
        if found is not None:
            return found
    elif begun.doubtful and not may_ask_again and registry.unknown_policy(order.ca) == registry.PARK:
        return Unknown("An earlier attempt may have been issued; an officer must look at the CA.")
    return connector.issue(order.request)


def _known(connector: Connector, order: CaOrder, *, doubtful: bool) -> Answer:
    if order.state == CaOrder.State.PENDING:
        return connector.fetch(order.request, order.handle)
    if not doubtful:
        return Refused(_("The order was withdrawn before the CA was asked."), "")
    if not isinstance(connector, FindsOrders):
        return Unknown("The CA may have issued, and cannot be searched; an officer must look at it.")
    return _found(connector, order) or Refused(_("The order was withdrawn; the CA has not issued."), "")


def _found(connector: FindsOrders, order: CaOrder) -> Issued | Unknown | None:
    """A CA that refuses to be searched has not said that it has not issued."""
    try:
        return connector.find(order.request)
    except CaError as error:
        if not error.permanent:
            raise
        return Unknown(f"{error.message} {error.detail}".strip())


def record(order_id: UUID, answer: Answer) -> CaOrder:
    """Verify an answer and journal it, in the caller's transaction; return the order.

    What was issued and is not what was ordered makes the order refused, and is flagged as surplus for
    revoke_surplus(). An answer to an order that is settled already changes nothing, except that another
    certificate than the one in use is flagged as surplus too.
    """
    with transaction.atomic():
        order = journal.locked(order_id)
        journal.close_attempt(order, answer)
        if order.state not in (CaOrder.OPEN if isinstance(answer, Refused) else CaOrder.ANSWERABLE):
            _note_late(order, answer)
            return order
        match answer:
            case Issued():
                _record_issued(order, answer)
            case Pending():
                order.mark_pending(answer)
            case Refused():
                order.mark_refused(answer)
            case Unknown():
                order.mark_unknown(answer)
        order.save()
        return order


def _record_issued(order: CaOrder, answer: Issued) -> None:
    trusted = registry.connector(order.ca).chain()
    # Some CAs send the certificate alone; the container needs the intermediates all the same.
    chain = _without_root(answer.chain) or _without_root(trusted)
    answer = Issued(bytes(answer.certificate), chain)
    found = verification.faults(order.request, answer, trusted)
    facts = None if found else describe(answer.certificate)
    if facts and _serial_is_taken(order, facts):
        found = ("another certificate of this CA has the same serial number",)
    if facts is None or found:
        detail = "; ".join(found)
        order.mark_refused(Refused(_("The CA issued something else than was ordered."), detail))
        _flag(order, answer.certificate, detail)
    else:
        order.mark_issued(answer, facts)


def _serial_is_taken(order: CaOrder, facts: CertificateFacts) -> bool:
    same = CaOrder.objects.filter(issuer=facts.issuer, serial_hex=facts.serial_hex)
    return same.exclude(pk=order.pk).exists()


def _without_root(chain: Sequence[bytes]) -> tuple[bytes, ...]:
    """The root is for clients to have already; CAs that send it are no worse for it."""
    return tuple(bytes(each) for each in chain if not certificates.is_self_issued(each))


def _note_late(order: CaOrder, answer: Answer) -> None:
    if isinstance(answer, Issued) and answer.certificate != order.certificate:
        _flag(order, answer.certificate, f"came when the order was {order.state}")


def _flag(order: CaOrder, certificate: bytes, reason: str) -> None:
    """Garbage cannot be revoked, so only what is a certificate is flagged."""
    try:
        facts = describe(certificate)
    except CaError:
        return
    journal.flag_surplus(order, certificate, fingerprint=facts.sha256_fingerprint, reason=reason)


def revoke_surplus(order_id: UUID) -> int:
    """Revoke at the CA what it issued for an order beside what is used; return how many were revoked.

    Call it outside any transaction. What is not revoked yet stays flagged. Raises CaError.
    """
    order, revoked = journal.get(order_id), 0
    for surplus in order.surplus.filter(revoked_at=None):
        reason = RevocationReason.SUPERSEDED
        outcome = revoke(ca=order.ca, certificate=surplus.certificate, reason=reason)
        if outcome in {RevocationOutcome.REVOKED, RevocationOutcome.ALREADY_REVOKED}:
            surplus.revoked_at = timezone.now()
            surplus.save(update_fields=["revoked_at"])
            revoked += 1
    return revoked


def revoke(*, ca: str, certificate: bytes, reason: RevocationReason) -> RevocationOutcome:
    """Revoke a certificate at its CA; again is no error. Call it outside any transaction. Raises CaError."""
    return registry.connector(ca).revoke(certificate, reason)


def release(*, ca: str, certificate: bytes) -> bool:
    """Make a certificate that is on hold valid again; True if it was on hold. Raises CaError.

    Call it outside any transaction.
    """
    connector = registry.connector(ca)
    if not isinstance(connector, ReleasesHold):
        raise CaError(_("This CA cannot release a certificate that is on hold."), permanent=True)
    return connector.release(certificate)
