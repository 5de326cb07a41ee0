"""Results of orders: a CA's answer is verified and journalled as issued, refused, or surplus."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from ca_bridge.connection import registry
from ca_bridge.contract import Answer, Issued, Pending, Refused, Unknown
from ca_bridge.database.state_machine import save_many
from ca_bridge.errors import CaError
from ca_bridge.models import CaOrder
from ca_bridge.orders import journal
from ca_bridge.x509 import chains, verification
from ca_bridge.x509.certificates import CertificateFacts, describe

OnSurplus = Callable[[CaOrder, bytes], None]


def nobody(_order: CaOrder, _certificate: bytes) -> None:
    """Callback that tells nobody."""


@dataclass(frozen=True, slots=True)
class Examined:
    """A certificate that was verified against its order.

    came: as the CA sent it. whole: with all issuers for its container. found: the faults; empty if facts are
    given.
    """

    order_id: UUID
    came: Issued
    whole: Issued
    found: tuple[str, ...]
    facts: CertificateFacts | None


def examine(order: UUID | CaOrder, answer: Answer, *, draft: bytes | None = None) -> Examined | None:
    """Verify a certificate against its order (with lint), for record(). Call it outside any transaction.

    The order does not change while it waits for an answer. None if it does not wait, or nothing was issued.
    order: its id, or the order, which is then not read again. draft: of DraftOrder, if the caller has it.
    """
    if not isinstance(answer, Issued):
        return None
    order = journal.get(order) if isinstance(order, UUID) else order
    return _examined(order, answer, draft) if order.state in CaOrder.ANSWERABLE else None


def _examined(order: CaOrder, answer: Issued, draft: bytes | None) -> Examined:
    trusted = registry.connector(order.ca).chain()
    certificate, (path, rollovers) = bytes(answer.certificate), chains.for_container(answer, trusted)
    found = verification.faults(order.request, Issued(certificate, path), trusted, draft=draft)
    whole = Issued(certificate, (*path, *rollovers))
    return Examined(order.pk, answer, whole, found, None if found else describe(certificate))


def record(
    order_id: UUID,
    answer: Answer,
    *,
    late: bool = False,
    examined: Examined | None = None,
    on_surplus: OnSurplus = nobody,
) -> CaOrder:
    """Verify an answer and journal it, in the caller's transaction; return the order.

    A certificate that is not as ordered makes the order refused, and is flagged as surplus for
    revoke_surplus(). An answer to a settled order changes nothing, except that a second certificate is
    flagged as surplus too.

    late: from a worker whose claim was taken over, so that another one may be asking now. Of a late answer a
    certificate counts: a correct one settles the order, for use by the holder of the claim; a wrong one is
    flagged as surplus. A handle (Pending) counts if the order has none: it is then fetched, not sent again.

    examined: result of examine() for this answer; without it the answer is examined here.
    on_surplus: called for a certificate that is flagged now, in the same transaction.
    """
    with transaction.atomic(savepoint=False):
        order = journal.locked(order_id)
        if late and isinstance(answer, Pending):
            answer = _late_promise(order, answer)
        journal.close_attempt(order, answer, late=late)
        if isinstance(answer, Issued):
            _record_issued(order, answer, examined, late=late, on_surplus=on_surplus)
        elif not late:
            _record_other(order, answer)
        return order


def record_issued(examined: Iterable[tuple[journal.Begun, Examined]]) -> None:
    """Journal certificates that are as ordered, with two statements, in the caller's transaction.

    For orders that are unchanged since they were begun. Raises ConcurrentTransition if one was changed, and
    IntegrityError for a known serial number; the caller rolls back, and records each alone.
    """
    answered = list(examined)
    for begun, each in answered:
        if each.facts is None:
            raise ValueError("It is not what was ordered.")
        begun.order.mark_issued(each.whole, each.facts)
    save_many([begun.order for begun, _each in answered])
    journal.close_issued([begun.attempt for begun, _each in answered])


def _late_promise(order: CaOrder, promise: Pending) -> Pending | Unknown:
    """Store a late handle if it can be fetched; else the CA may issue unnoticed, so the doubt stays."""
    waits = order.state in CaOrder.ANSWERABLE and not order.handle
    if waits and promise.handle and not registry.fetch_orders(order.ca):
        order.mark_pending(promise)
        order.save()
    is_kept = bool(order.handle) and order.handle == promise.handle
    return promise if is_kept else Unknown("It was put off, which came too late to be fetched.")


def _record_other(order: CaOrder, answer: Pending | Refused | Unknown) -> None:
    if order.state not in (CaOrder.OPEN if isinstance(answer, Refused) else CaOrder.ANSWERABLE):
        return
    match answer:
        case Pending():
            order.mark_pending(answer)
        case Refused():
            if order.state != CaOrder.State.PREPARED:  # the CA has it, and may change its mind
                journal.compare_after_refusal(order)
            order.mark_refused(answer)
        case Unknown():
            order.mark_unknown(answer)
    if registry.fetch_orders(order.ca):
        order.handle = ""  # fetch() orders anew, so doubt is possible
    if isinstance(answer, Unknown) and order.handle:
        journal.park_after(order)
    order.save()


def _record_issued(
    order: CaOrder, answer: Issued, examined: Examined | None, *, late: bool, on_surplus: OnSurplus
) -> None:
    if order.state not in CaOrder.ANSWERABLE:
        if answer.certificate != order.certificate:
            flag(order, answer.certificate, f"came when the order was {order.state}", on_surplus=on_surplus)
        return
    if examined is None or (examined.order_id, examined.came) != (order.pk, answer):
        examined = _examined(order, answer, None)  # not examined for this certificate
    found, facts = examined.found, examined.facts
    if facts and _serial_is_taken(order, facts):
        found = ("another certificate of this CA has the same serial number",)
    if facts is None or found:
        flag(order, examined.whole.certificate, "; ".join(found), on_surplus=on_surplus)
        if not late:
            _refuse_wrong(order, "; ".join(found))
    else:
        order.mark_issued(examined.whole, facts)
        order.save()


def _refuse_wrong(order: CaOrder, detail: str) -> None:
    journal.compare_after_refusal(order)
    order.mark_refused(Refused(_("The CA issued something else than was ordered."), detail))
    order.save()


def _serial_is_taken(order: CaOrder, facts: CertificateFacts) -> bool:
    return CaOrder.objects.of_serial(facts.issuer, facts.serial_hex).exclude(pk=order.pk).exists()


def flag(order: CaOrder, certificate: bytes, reason: str, *, on_surplus: OnSurplus = nobody) -> None:
    """Flag it as surplus if it is a certificate; malformed content cannot be revoked.

    on_surplus: called if it was not flagged before.
    """
    try:
        facts = describe(certificate)
    except CaError:
        return
    if journal.flag_surplus(
        order,
        certificate,
        fingerprint=facts.sha256_fingerprint,
        not_after=facts.not_after,
        reason=reason,
    ):
        on_surplus(order, certificate)
