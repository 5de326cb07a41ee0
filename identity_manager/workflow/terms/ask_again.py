"""Renewed acceptance of terms: a job that asks holders of tokens, reminds them, and holds tokens at the end.

Several nodes may run it at once: a notice is one row for each person and document, mails are deduplicated by
occasion, and a token is put on hold once for each version.
"""

import uuid
from datetime import datetime, time, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from identity_manager.mail import deduplication, outbox
from identity_manager.mail.messages import terms_messages
from identity_manager.models import EndReason, LatePolicy, Person, TermsHold, TermsNotice, TermsVersion
from identity_manager.models.requests.terms_notice import persons_to_ask, tokens_under
from identity_manager.transactions import locking
from identity_manager.workflow.requests import reminders
from identity_manager.workflow.revocation import hold

SHORTEST = timedelta(days=7)  # least period for anybody, also when asked late or after a leave


def scans() -> list[tuple[TermsVersion, QuerySet[Person]]]:
    """The versions that have to be accepted again, each with the persons who have not."""
    return [(version, persons_to_ask(version)) for version in TermsVersion.objects.asking()]


def check(version: TermsVersion, person_id: uuid.UUID) -> bool:
    """Ask or remind one person, or hold their tokens, if it is due; return whether anything was done."""
    with transaction.atomic():
        person = locking.person(person_id)
        if not persons_to_ask(version).filter(pk=person_id).exists():
            return False
        now = timezone.now()
        notice, is_new = _notice(person, version, now)
        if notice.is_late(now):
            return version.late_policy == LatePolicy.HOLD and _hold(notice, now)
        return is_new or _remind(notice, now)


def _notice(person: Person, version: TermsVersion, now: datetime) -> tuple[TermsNotice, bool]:
    """Return the notice of this version, and whether it is new; a notice of an earlier version is reused."""
    notice = TermsNotice.objects.filter(person=person, document=version.document_id).first()
    is_new = notice is None or notice.version_id != version.pk
    if notice is None or is_new:
        notice = notice or TermsNotice(person=person, document_id=version.document_id)
        notice.version, notice.created_at, notice.due_at = version, now, _due_at(version, now)
        notice.save()
        outbox.enqueue(terms_messages.terms_again(notice, person=person, days=0), by_sweep=True)
    notice.person, notice.version = person, version
    _prolong_by_leave(notice)
    return notice, is_new


def _due_at(version: TermsVersion, now: datetime) -> datetime:
    """The end of the last day, but at least a week from now."""
    assert version.accept_again_by is not None  # noqa: S101 of versions that ask
    end = timezone.make_aware(datetime.combine(version.accept_again_by + timedelta(days=1), time.min))
    return max(end, now + SHORTEST)


def _prolong_by_leave(notice: TermsNotice) -> None:
    """Extend the notice of a person who was on leave to a week after their return."""
    returned = notice.person.leaves.filter(ended_at__isnull=False).order_by("-ended_at").first()
    if returned and returned.ended_at and returned.began_at < notice.due_at < returned.ended_at + SHORTEST:
        notice.due_at = returned.ended_at + SHORTEST
        notice.save()


def _remind(notice: TermsNotice, now: datetime) -> bool:
    thresholds = settings.TERMS_REMINDER_DAYS
    days = reminders.days_before(notice.due_at, thresholds, since=notice.created_at, now=now)
    if days is None or outbox.has(deduplication.terms_again(notice, days=days)):
        return False
    outbox.enqueue(terms_messages.terms_again(notice, person=notice.person, days=days), by_sweep=True)
    return True


def _hold(notice: TermsNotice, now: datetime) -> bool:
    """Put the tokens on hold, each once: one that an officer has reinstated since is left alone."""
    version = notice.version
    rows = tokens_under(version.document_id).filter(person=notice.person)
    free = rows.exclude(terms_holds__version=version).order_by("request_id", "pk")
    held = 0
    for pk in list(free.values_list("pk", flat=True)):
        token = locking.token(pk)
        if hold.hold_obstacle(token) is None:
            hold.hold_token(token, leave=None, actor=None, reason=EndReason.TERMS_NOT_ACCEPTED_AGAIN)
            TermsHold.objects.create(token=token, version=version, held_at=token.held_at or now)
            held += 1
    if held:
        outbox.enqueue(terms_messages.terms_hold(notice, person=notice.person))
    return bool(held)
