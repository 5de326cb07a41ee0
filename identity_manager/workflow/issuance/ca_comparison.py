"""CA comparison (reconciliation): certificates at a CA against those in the database, in both directions.

Runs after a restore, which has lost the last transactions, and on an operator's command. Works in portions, a
page of the CA's list or LOOKUPS questions to it, each settled in its own transaction, so that any host can
resume it. Findings wait for an officer (ca_findings.py); a second certificate of one order is surplus, and is
revoked as any other surplus.
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
from identity_manager.models.authorities.comparison import STILL_OPEN
from identity_manager.transactions import locking, time_limit
from identity_manager.workflow.issuance import ca_findings, surplus

PORTIONS = 200  # per run of the job
LOOKUPS = 50  # questions to a CA per portion
ROWS = 500  # findings examined per run
LIVING = (CertificateState.VALID, CertificateState.ON_HOLD)


def begin_all(since: datetime) -> None:
    """Begin a comparison with every CA, in the caller's transaction. since: time of the backup."""
    for alias in registry.aliases():
        begin(alias, since)


def begin(alias: str, since: datetime) -> CaComparison:
    """Begin a comparison with a CA from a moment on; restart one that has finished."""
    with transaction.atomic():
        row, _new = CaComparison.objects.get_or_create(alias=alias, since=since)
        row = locking.ca_comparison(row.pk)
        if not row.is_unfinished:
            row.restart()
            row.save()
        return row


def begin_again(now: datetime) -> None:
    """Restart comparisons that are due again: certificates ordered in the lost time may be issued late."""
    for comparison_id in list(CaComparison.objects.due_again(now).values_list("pk", flat=True)):
        with transaction.atomic():
            row = locking.ca_comparison(comparison_id)
            if row.is_due_again(now):
                row.restart()
                row.save()


def continue_comparison() -> str:
    """Job: work on all unfinished comparisons until the time limit; return in words what was done."""
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
        except CaError:  # stored on the row; go on with the other comparisons
            stuck.add(row.pk)
    words = _("%(portions)d portions compared, %(revoked)d certificates revoked")
    return str(words % {"portions": portions, "revoked": revoked}) if portions or revoked else ""


def portion(comparison_id: uuid.UUID) -> CaComparison:
    """Work on one portion of a comparison, outside any transaction.

    Stores and raises CaError for a transient fault; a CA that cannot be compared ends the comparison.
    """
    row = CaComparison.objects.get(pk=comparison_id)
    if not row.is_unfinished:
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
            return fresh  # another worker has settled this portion
        for found in compared.unknown:
            _note_unknown(fresh, found)
        fresh.cursor = compared.cursor
        fresh.listed += compared.listed
        fresh.step = ComparisonStep.LISTING if compared.cursor else ComparisonStep.ASKING
        return _saved(fresh)


def _note_unknown(row: CaComparison, found: listing.Unknown) -> None:
    """Insert a finding for a certificate that the database does not have, once.

    Skips one that its order has brought meanwhile; a second certificate of an order is flagged as surplus.
    """
    if listing.is_known(found.facts):
        return
    order = CaOrder.objects.filter(pk=found.order.pk).first() if found.order else None
    if order is not None and order.state not in CaOrder.OPEN:
        listing.flag_surplus(order, found.certificate, on_surplus=surplus.record_found)
        return
    certificate = surplus.certificate_of(order) if order else None
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
    """State of a new finding: it waits while its order is under way, and is open for officers otherwise."""
    parked = order is None or order.is_parked
    return FindingState.OPEN if parked else FindingState.WAITING


def _ask(row: CaComparison) -> CaComparison:
    """Ask the CA for the certificates of one portion of orders, and insert findings for those it lacks.

    Reads the database before the CA, so that certificates issued meanwhile are not asked for. Walks orders of
    all CAs by primary key (keyset pagination), so that no portion sorts or skips a long table.
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
            _record(audit.Event.CA_COMPARED, _saved(fresh))
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
    """Whether the comparison's position is unchanged since it was read."""
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
            _record(audit.Event.CA_NOT_COMPARED, fresh)


def _record(event: audit.Event, row: CaComparison) -> None:
    found = Counter(row.findings.values_list("kind", flat=True))
    counts = {"listed": row.listed, "asked": row.asked, **found}
    audit.record(event, actor=None, subject=None, ca=row.alias, since=row.since.isoformat(), counts=counts)


def settle_by_orders() -> None:
    """Close findings whose order has brought the certificate, or whose certificate has ended."""
    now = timezone.now()
    of_orders = CaFinding.objects.of_orders().order_by("pk").values_list("pk", flat=True)
    ended = CaFinding.objects.ended(now).order_by("pk").values_list("pk", flat=True)
    for finding_id in {*of_orders[:ROWS], *ended[:ROWS]}:
        with transaction.atomic():
            _settle(locking.ca_finding(finding_id), now)


def _settle(finding: CaFinding, now: datetime) -> None:
    if finding.state not in STILL_OPEN:
        return
    if finding.has_ended(now) or _needs_nobody(finding):
        finding.close(FindingState.SETTLED, now=now)
    elif finding.state != FindingState.REVOKING and finding.kind == FindingKind.UNKNOWN:
        finding.state = _state_of(finding.order)
    finding.save()


def _needs_nobody(finding: CaFinding) -> bool:
    """Whether the state of the finding's order or certificate makes a decision unnecessary."""
    order = finding.order
    if order is None or not finding.is_of_order:
        return False
    if finding.kind == FindingKind.MISSING:
        certificate = finding.token_certificate
        return certificate is None or certificate.state not in LIVING
    if listing.is_known(issuing.describe(finding.certificate)):
        return True
    if order.state in CaOrder.OPEN:
        return False
    listing.flag_surplus(order, finding.certificate, on_surplus=surplus.record_found)
    return True
