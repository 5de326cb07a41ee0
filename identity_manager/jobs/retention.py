"""Retention jobs: remove old containers, mail texts, details of requests, archived keys, and audit events.

Each job is a resumable scan with a time limit (jobs/resumable_scan.py), records what it removed, and skips
everything that is still in progress. Periods: RETENTION_... settings; for containers the token type.
"""

import time
import uuid
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from identity_manager import audit, audit_proof
from identity_manager.audit import ages, heads, notes
from identity_manager.audit.keys import can_seal
from identity_manager.jobs import audit_months, resumable_scan
from identity_manager.jobs.audit_months import LONGEST_TRANSACTION
from identity_manager.models import (
    ArchivedKey,
    AuditEvent,
    Certificate,
    Container,
    HeadKind,
    MailState,
    OutgoingMail,
    RecoveredKey,
    RequestKind,
    SoftwareToken,
    TokenRequest,
    TokenType,
)
from identity_manager.models.requests.states import ENDED
from identity_manager.people import anonymisation
from identity_manager.transactions import locking

EVENTS_AT_ONCE = 2000
WAITS = "waits behind event"  # the job's result begins so
RECOVERED_FILES = timedelta(days=30)  # whoever needs them later recovers the keys again


# --- Containers ------------------------------------------------------------------------------------
def remove_containers() -> int:
    """Delete the containers of tokens after their retention; return the number of tokens."""
    return resumable_scan.of_rows(
        "retention.containers", _with_old_containers(timezone.now()), _remove_containers_of
    )


def _remove_containers_of(token_id: uuid.UUID) -> bool:
    with transaction.atomic():
        token = locking.token(token_id)
        if not _with_old_containers(timezone.now()).filter(pk=token.pk).exists():
            return False
        number = anonymisation.remove_containers(token)
        audit.record(audit.Event.CONTAINERS_REMOVED, actor=None, subject=token, rows=number)
        return True


def _with_old_containers(now: datetime) -> QuerySet[SoftwareToken]:
    """Tokens past their type's container retention, or whose certificates have all ended; recovered keys
    after RECOVERED_FILES, or with the end of their recovery.

    Tokens under way are left out, also those on hold: they are mailed when the hold ends.
    """
    kept = Exists(Container.objects.filter(token=OuterRef("pk")))
    alive = Exists(Certificate.objects.filter(token=OuterRef("pk"), not_after__gt=now))
    over = Q(~alive) & Q(token_type__container_retention_days=None, token_type__isnull=False)
    over |= Q(kind=RequestKind.RECOVERY, sealed_at__lte=now - RECOVERED_FILES)
    over |= Q(request__recovery__expires_at__lte=now)
    periods = TokenType.objects.order_by().values_list("container_retention_days", flat=True).distinct()
    for days in periods:
        if days is not None:
            end = now - timedelta(days=days)
            over |= Q(token_type__container_retention_days=days, sealed_at__lte=end)
    return SoftwareToken.objects.finished().filter(kept).filter(over)


# --- Mails -----------------------------------------------------------------------------------------
def empty_mails() -> int:
    """Delete the texts of old mails with no work due; return how many."""
    old = _before(settings.RETENTION_MAIL_DAYS)
    if old is None:
        return 0
    settled = OutgoingMail.objects.exclude(state=MailState.QUEUED).filter(created_at__lt=old)
    settled = settled.exclude(body_text="", body_html="").order_by("created_at")
    return resumable_scan.of_any(lambda: _empty_some(settled))


def _empty_some(settled: QuerySet[OutgoingMail]) -> int:
    with transaction.atomic():
        ids = list(settled.values_list("pk", flat=True)[: resumable_scan.AT_ONCE])
        done = anonymisation.empty_texts(settled.order_by().filter(pk__in=ids))
        if done:
            audit.record(audit.Event.MAILS_EMPTIED, actor=None, subject=None, rows=done)
    return done


# --- Requests --------------------------------------------------------------------------------------
def empty_requests() -> int:
    """Delete personal details of requests whose tokens all ended long ago; return how many."""
    old = _before(settings.RETENTION_REQUEST_DAYS)
    if old is None:
        return 0
    return resumable_scan.of_rows(
        "retention.requests", _ended_with_details(old), lambda pk: _empty_request(pk, old)
    )


def _empty_request(request_id: uuid.UUID, old: datetime) -> bool:
    with transaction.atomic():
        request = locking.request(request_id)
        if not _ended_with_details(old).filter(pk=request_id).exists():
            return False
        anonymisation.empty_request(request)
        audit.record(audit.Event.REQUESTS_EMPTIED, actor=None, subject=request, rows=1)
        return True


def _ended_with_details(old: datetime) -> QuerySet[TokenRequest]:
    """Ended requests that still hold details.

    A completed request ends with its last token, because renewals read it until then.
    """
    details = SoftwareToken.objects.filter(request=OuterRef("pk"), snapshot__has_key="person")
    alive = SoftwareToken.objects.alive().filter(request=OuterRef("pk"))
    young = SoftwareToken.objects.filter(request=OuterRef("pk"), ended_at__gte=old)
    rows = TokenRequest.objects.filter(Exists(details), state__in=ENDED, ended_at__lt=old)
    return rows.filter(~Exists(alive), ~Exists(young))


# --- The archive -----------------------------------------------------------------------------------
def remove_archived_keys() -> int:
    """Delete archived keys whose certificates ended long ago; return how many."""
    old = _before(settings.RETENTION_ARCHIVE_DAYS)
    if old is None:
        return 0
    return resumable_scan.of_rows("retention.archive", _old_archived_keys(old), partial(_remove_key, old))


def _remove_key(old: datetime, key_id: uuid.UUID) -> bool:
    with transaction.atomic():
        row = _old_archived_keys(old).select_related("owner").filter(pk=key_id).first()
        if row is None:
            return False
        locking.person(row.owner_id)
        number, _rows = _old_archived_keys(old).filter(pk=key_id).delete()
        if not number:  # another worker has removed it, or a recovery has begun meanwhile
            return False
        audit.record(
            audit.Event.ARCHIVED_KEY_REMOVED,
            actor=None,
            subject=row.owner,
            public_key=row.public_key_sha256,
        )
        return True


def _old_archived_keys(old: datetime) -> QuerySet[ArchivedKey]:
    """Keys all of whose certificates had ended by then, and that no open recovery is about."""
    of_the_key = Q(public_key_sha256=OuterRef("public_key_sha256")) | Q(archived_keys=OuterRef("pk"))
    of_the_key |= Q(imported__public_key_sha256=OuterRef("public_key_sha256"))
    certificates = Certificate.objects.filter(of_the_key)
    recoveries = RecoveredKey.objects.filter(archived_key=OuterRef("pk"), is_open=True)
    rows = ArchivedKey.objects.defer("envelope_wrapped").filter(Exists(certificates), ~Exists(recoveries))
    return rows.filter(~Exists(certificates.filter(Q(not_after=None) | Q(not_after__gte=old))))


# --- The audit log ---------------------------------------------------------------------------------
def forget_sign_ins() -> int:
    """Empty old sign-in events; return how many. Raises audit.keys.NoKey.

    The chain keeps their hashes, and a note names the emptied ones. An attacker with write access to the
    database could relabel any event as an old sign-in to have it removed; so events that differ from what
    was sealed are left, and verification reports them.
    """
    old = _before(settings.RETENTION_SIGN_IN_DAYS)
    if old is None or not can_seal():
        return 0
    rows = AuditEvent.objects.sealed().filter(name__in=notes.FORGETTABLE, body_sha256="", at__lt=old)
    end = time.monotonic() + resumable_scan.SECONDS
    done = place = 0
    while time.monotonic() < end and (
        events := list(rows.filter(number__gt=place)[: resumable_scan.AT_ONCE])
    ):
        done += _forget_some([event for event in events if notes.is_as_sealed(event)], until=old)
        place = events[-1].number or 0
    return done


def _forget_some(sign_ins: Sequence[AuditEvent], *, until: datetime) -> int:
    with transaction.atomic():
        gone = [event for event in sign_ins if _empty_event(event)]
        if gone:
            ranges = list(_ranges([event.number for event in gone if event.number is not None]))
            notes.record_forgotten(gone, until=until, ranges=ranges)
    return len(gone)


def _empty_event(event: AuditEvent) -> bool:
    """Remove the event's body; of an event in the first format everything, since nothing could be proven."""
    if event.form == audit_proof.FIRST_FORM:
        kept = {"name": audit.Event.FORGOTTEN.value}
    else:
        kept = {"body_sha256": audit_proof.body_hash(event.content)}
    still_there = AuditEvent.objects.filter(pk=event.pk, name=event.name, body_sha256="")
    return bool(
        still_there.update(
            **kept,
            actor=None,
            person=None,
            actor_ref="",
            person_ref="",
            facts={},
            facts_salt="",
            personal_sha256="",
        )
    )


def _ranges(numbers: list[int]) -> Iterator[list[int]]:
    """Ascending numbers as pairs of first and last."""
    first = last = numbers[0]
    for number in numbers[1:]:
        if number != last + 1:
            yield [first, last]
            first = number
        last = number
    yield [first, last]


def cut_audit_log() -> int:
    """Delete the oldest events up to a signed checkpoint; return how many. Raises audit.keys.NoKey.

    The cut ends before the first event of an open request or of a token in use. Where the table is divided by
    month, whole months go (audit_months.py); event by event only what stands before such an event, or was
    written before the first month. An event whose clock was ahead goes once signed heads prove its age.
    """
    old = _before(settings.RETENTION_AUDIT_DAYS)
    if old is None or not can_seal():
        return 0
    dropped = audit_months.drop_oldest(old, is_needed=_alive())
    if dropped is not None:
        return dropped
    with transaction.atomic():
        last = _last_to_go(old)
        if last is None or last.number is None:
            return 0
        heads.make(last.number, last.chain, kind=HeadKind.CHECKPOINT)
        gone = AuditEvent.objects.filter(number__lte=last.number)
        first = gone.order_by("number").values_list("number", flat=True)[0]
        number, _rows = gone.delete()
        audit.record(
            audit.Event.LOG_CUT, actor=None, subject=None, first=first, last=last.number, rows=number
        )
    return number


def _last_to_go(old: datetime) -> AuditEvent | None:
    rows = AuditEvent.objects.sealed()
    keep, first = _first_to_keep(old), rows.values_list("number", flat=True).first()
    while keep is not None and (keep.number or 0) < (first or 0) + EVENTS_AT_ONCE:
        end = _end_of_old(keep, old)
        if end == keep.number:
            break
        keep = _first_to_keep(old, since=end)
    return _last_that_fits(rows.filter(number__lt=keep.number)[:EVENTS_AT_ONCE]) if keep else None


def _first_to_keep(old: datetime, *, since: int = 0) -> AuditEvent | None:
    """The first event, from this number on, that is needed, or that says that it is not old."""
    rows = AuditEvent.objects.sealed().filter(number__gte=since)
    return rows.filter(Q(at__gte=old) | _alive()).first()


def _end_of_old(keep: AuditEvent, old: datetime) -> int:
    """Up to which number events go, from one on that says that it is not old; its own where it stays."""
    number = keep.number or 0
    head = ages.head_over(number, old) if keep.at >= old else None
    if head is None or not ages.links_to(head, number):
        return number
    span = AuditEvent.objects.sealed().filter(number__gte=number, number__lte=head.number)
    needed = span.filter(_alive()).first()
    return (needed.number or 0) if needed else head.number + 1


def report_audit_log_cut() -> int | str:
    """Job: as cut_audit_log; in words where it waits because a clock was ahead."""
    gone = cut_audit_log()
    held_up_by = None if gone else held_up()
    if held_up_by is None:
        return gone
    return (
        f"{WAITS} #{held_up_by.number}, which says {held_up_by.at:%Y-%m-%d %H:%M} UTC, and older ones follow."
    )


def held_up() -> AuditEvent | None:
    """The event of a clock that was ahead, behind which old events wait: no signed heads prove its age."""
    old = _before(settings.RETENTION_AUDIT_DAYS)
    keep = _first_to_keep(old) if old is not None else None
    if old is None or keep is None or keep.at < old or _end_of_old(keep, old) != keep.number:
        return None
    behind = AuditEvent.objects.sealed().filter(number__gt=keep.number, at__lt=old - LONGEST_TRANSACTION)
    is_ahead = behind.filter(number__lte=(keep.number or 0) + EVENTS_AT_ONCE).exists()
    return keep if is_ahead else None


def _alive() -> Q:
    """Events of open requests and of tokens in use."""
    alive = Q(request__isnull=False) & ~Q(request__state__in=ENDED)
    return alive | Q(Exists(SoftwareToken.objects.alive().filter(pk=OuterRef("token"))))


def _last_that_fits(events: Iterable[AuditEvent]) -> AuditEvent | None:
    """The last event up to which all events are as sealed, so that their dates are true.

    An attacker with write access could otherwise backdate events to have them removed. An emptied
    sign-in, whose name and date went with its body, proves nothing but stands among events that do.
    """
    last = before = None
    for event in events:
        if before is not None and event.previous != before.chain:
            break
        if notes.is_as_sealed(event):
            last = event
        elif event.name != audit.Event.FORGOTTEN:
            break
        before = event
    return last


def _before(days: int) -> datetime | None:
    """The moment before which events are deleted; None if they are kept for ever."""
    return timezone.now() - timedelta(days=days) if days else None
