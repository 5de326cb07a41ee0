"""What a CA has issued is compared with what the database knows, and the other way round.

By itself after a restore, which has lost what came last, and whenever an operator says so. In small portions:
a part of the CA's list, or LOOKUPS questions, each settled in a transaction of its own, so that it goes on
where it stopped, on any host. What is found waits for an officer (ca_findings.py); what was issued for an
order beside what is used is surplus, and is revoked as ever.
"""

import uuid
from collections import Counter
from datetime import datetime

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from ca_bridge import issuing
from ca_bridge.connection import registry
from ca_bridge.errors import CaError
from ca_bridge.models import CaOrder
from ca_bridge.orders import listing
from identity_manager import audit
from identity_manager.models import (
    CaComparison,
    CaFinding,
    Certificate,
    CertificateState,
    ComparisonStep,
    FindingKind,
    FindingState,
)
from identity_manager.transactions import locking, time_limit
from identity_manager.workflow.issuance import ca_findings, order_lookup

PORTIONS = 200  # in one run of the job
LOOKUPS = 50  # questions to a CA in one portion
ROWS = 500  # findings that are looked at in one run
LIVING = (CertificateState.VALID, CertificateState.ON_HOLD)


def begin_all(since: datetime) -> None:
    """Have every CA compared, in the caller's transaction: the database was put back to that moment."""
    for alias in registry.aliases():
        begin(alias, since)


def begin(alias: str, since: datetime) -> CaComparison:
    """Have a CA compared since a moment; one that is at its end begins anew."""
    with transaction.atomic():
        row, _new = CaComparison.objects.get_or_create(alias=alias, since=since)
        row = locking.ca_comparison(row.pk)
        if not row.goes_on:
            row.restart()
            row.save()
        return row


def begin_again(now: datetime) -> None:
    """Make those once more whose time has come: what was asked for in the lost time may have come late."""
    for comparison_id in list(CaComparison.objects.due_again(now).values_list("pk", flat=True)):
        with transaction.atomic():
            row = locking.ca_comparison(comparison_id)
            if row.again_at is not None and row.again_at <= now:
                row.restart()
                row.save()


def go_on() -> str:
    """Go on with all that there is to compare, for a while; returns in words what was done."""
    begin_again(timezone.now())
    settle_by_orders()
    revoked = ca_findings.carry_out_revocations()
    portions, stuck = 0, set[uuid.UUID]()
    for _turn in time_limit.within_time_limit(range(PORTIONS)):
        row = CaComparison.objects.unfinished().exclude(pk__in=stuck).first()
        if row is None:
            break
        try:
            portion(row.pk)
            portions += 1
        except CaError:  # it stands on the row, and the others are gone on with
            stuck.add(row.pk)
    words = _("%(portions)d portions compared, %(revoked)d certificates revoked")
    return str(words % {"portions": portions, "revoked": revoked}) if portions or revoked else ""


def portion(comparison_id: uuid.UUID) -> CaComparison:
    """Go on with one comparison by a portion. Call it outside any transaction.

    Raises CaError for a fault that passes, which stands on the row; a CA that cannot be compared ends it.
    """
    row = CaComparison.objects.get(pk=comparison_id)
    if not row.goes_on:
        return row
    try:
        return _read_list(row) if row.step == ComparisonStep.LISTING else _ask(row)
    except CaError as error:
        _note_trouble(row, error)
        if not error.permanent:
            raise
    return CaComparison.objects.get(pk=comparison_id)


def _read_list(row: CaComparison) -> CaComparison:
    compared = listing.compare(row.alias, row.since, row.cursor)
    if compared.cursor and compared.cursor == row.cursor:
        raise CaError.garbled("The list does not go on.")
    with transaction.atomic():
        fresh = locking.ca_comparison(row.pk)
        if not _is_same(fresh, row):
            return fresh  # somebody else was quicker
        for found in compared.unknown:
            _note_unknown(fresh, found)
        fresh.cursor = compared.cursor
        fresh.listed += compared.listed
        fresh.step = ComparisonStep.LISTING if compared.cursor else ComparisonStep.ASKING
        return _saved(fresh)


def _note_unknown(row: CaComparison, found: listing.Unknown) -> None:
    """Once. What its order has brought meanwhile is known, and what it has brought beside is surplus."""
    if listing.is_known(found.facts):
        return
    order = CaOrder.objects.filter(pk=found.order.pk).first() if found.order else None
    if order is not None and order.state not in CaOrder.OPEN:
        listing.flag_surplus(order, found.certificate)
        return
    certificate = order_lookup.certificate_of(order) if order else None
    CaFinding.objects.get_or_create(
        issuer=found.facts.issuer,
        serial=found.facts.serial_hex,
        kind=FindingKind.UNKNOWN,
        defaults={
            "comparison": row,
            "state": _state_of(order),
            "order": order,
            "token_certificate": certificate,
            "certificate": found.certificate,
            "subject": found.facts.subject[:1000],
            "not_before": found.facts.not_before,
            "not_after": found.facts.not_after,
        },
    )


def _state_of(order: CaOrder | None) -> FindingState:
    """An order that is under way may yet bring it by itself; of a parked one an officer decides."""
    parked = order is None or order.parked_at is not None
    return FindingState.OPEN if parked else FindingState.WAITING


def _ask(row: CaComparison) -> CaComparison:
    """The database is read before the CA: what is issued meanwhile is not asked for.

    Orders of every CA are gone through by their key, so that no portion sorts or passes over a long table.
    """
    orders = CaOrder.objects.all()
    if row.asked_to is not None:
        orders = orders.filter(pk__gt=row.asked_to)
    portion = list(orders.order_by("pk").values_list("pk", flat=True)[:LOOKUPS])
    rows = Certificate.objects.filter(
        order__in=portion,
        order__ca=row.alias,
        state__in=LIVING,
        revocation_decided_at=None,
        not_after__gt=timezone.now(),
    )
    asked = list(rows.select_related("order").defer("private_key_wrapped"))
    missing = [each for each in asked if each.order and listing.lacks(row.alias, each.order)]
    with transaction.atomic():
        fresh = locking.ca_comparison(row.pk)
        if not _is_same(fresh, row):
            return fresh
        for certificate in missing:
            _note_missing(fresh, certificate)
        fresh.asked += len(asked)
        fresh.asked_to = portion[-1] if portion else fresh.asked_to
        if len(portion) < LOOKUPS:
            fresh.finish(timezone.now())
            _tell(audit.Event.CA_COMPARED, _saved(fresh))
            return fresh
        return _saved(fresh)


def _note_missing(row: CaComparison, certificate: Certificate) -> None:
    facts = issuing.describe(certificate.der)
    CaFinding.objects.get_or_create(
        issuer=certificate.issuer,
        serial=certificate.serial,
        kind=FindingKind.MISSING,
        defaults={
            "comparison": row,
            "order": certificate.order,
            "token_certificate": certificate,
            "certificate": certificate.der,
            "subject": certificate.subject,
            "not_before": facts.not_before,
            "not_after": facts.not_after,
        },
    )


def _is_same(fresh: CaComparison, row: CaComparison) -> bool:
    """Whether nobody has gone on with it since it was read."""
    names = ("step", "cursor", "asked_to", "rounds")
    return all(getattr(fresh, name) == getattr(row, name) for name in names)


def _saved(row: CaComparison) -> CaComparison:
    row.worked_at, row.trouble = timezone.now(), ""
    row.save()
    return row


def _note_trouble(row: CaComparison, error: CaError) -> None:
    with transaction.atomic():
        fresh, now = locking.ca_comparison(row.pk), timezone.now()
        if not _is_same(fresh, row):
            return
        fresh.trouble, fresh.worked_at = error.words, now
        if error.permanent:
            fresh.give_up(now, error.words)
        fresh.save()
        if error.permanent:
            _tell(audit.Event.CA_NOT_COMPARED, fresh)


def _tell(event: audit.Event, row: CaComparison) -> None:
    found = Counter(row.findings.values_list("kind", flat=True))
    counts = {"listed": row.listed, "asked": row.asked, **found}
    audit.record(event, actor=None, subject=None, ca=row.alias, since=row.since.isoformat(), counts=counts)


def settle_by_orders() -> None:
    """Close what needs nobody's word any more: its order has brought it, or it has ended."""
    now = timezone.now()
    of_orders = CaFinding.objects.of_orders().order_by("pk").values_list("pk", flat=True)
    ended = CaFinding.objects.ended(now).order_by("pk").values_list("pk", flat=True)
    for finding_id in {*of_orders[:ROWS], *ended[:ROWS]}:
        with transaction.atomic():
            _settle(locking.ca_finding(finding_id), now)


def _settle(finding: CaFinding, now: datetime) -> None:
    if finding.state not in (FindingState.OPEN, FindingState.WAITING, FindingState.REVOKING):
        return
    if finding.not_after <= now or _needs_nobody(finding):
        finding.close(FindingState.SETTLED, now=now)
    elif finding.state != FindingState.REVOKING and finding.kind == FindingKind.UNKNOWN:
        finding.state = _state_of(finding.order)
    finding.save()


def _needs_nobody(finding: CaFinding) -> bool:
    """Whether what its order, or its certificate, has come to decides about it."""
    if finding.state == FindingState.REVOKING or finding.order is None:
        return False
    if finding.kind == FindingKind.MISSING:
        certificate = finding.token_certificate
        return certificate is None or certificate.state not in LIVING
    if listing.is_known(issuing.describe(finding.certificate)):
        return True
    if finding.order.state in CaOrder.OPEN:
        return False
    listing.flag_surplus(finding.order, finding.certificate)
    return True
