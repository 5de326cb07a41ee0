"""The expiry check: tells persons which tokens run out, or starts the renewal, by the policy of the type.

Any number of nodes may run it at once: a notice is one row for each token, and a mail goes out once for its
occasion.
"""

import math
import uuid
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Max, QuerySet
from django.utils import timezone

from identity_manager.mail import deduplication, outbox
from identity_manager.mail.messages import token_messages
from identity_manager.models import (
    RenewalNotice,
    RenewalPolicy,
    RequestOrigin,
    SoftwareToken,
    TokenState,
    TokenType,
)
from identity_manager.models.requests.certificate_states import NOT_ENDED
from identity_manager.models.requests.token_queries import first_end
from identity_manager.models.standing_orders.member import lost_by_order
from identity_manager.transactions import locking
from identity_manager.workflow import step1_renew
from identity_manager.workflow.archive import loss
from identity_manager.workflow.requests import reminders

SPREAD_OVER = 2  # automatic renewals begin in the first half of the window


def running_out(now: datetime) -> QuerySet[SoftwareToken]:
    """Active tokens with a living certificate that ends within the longest renewal window of all types."""
    longest = TokenType.objects.active().aggregate(days=Max("renewal_days"))["days"] or 0
    horizon = now + timedelta(days=longest)
    rows = SoftwareToken.objects.filter(
        state=TokenState.ACTIVE,
        certificates__state__in=NOT_ENDED,
        certificates__not_after__range=(now, horizon),
    )
    return rows.distinct()


@dataclass(frozen=True)
class _Due:
    """A token in the renewal window of its type, which nobody has answered for."""

    token: SoftwareToken
    token_type: TokenType
    notice: RenewalNotice


def check(token_ids: Collection[uuid.UUID]) -> int:
    """Do for these tokens what the renewal_policy of their type says is due now; return for how many.

    One transaction and a fixed number of statements, however many tokens.
    """
    with transaction.atomic():
        rows = SoftwareToken.objects.filter(pk__in=token_ids).order_by()
        locking.persons(rows.values_list("person", flat=True))
        now = timezone.now()
        due = _due(rows, now)
        started = _start(due, now)
        waits = (each for each in due if _begins_later(each, now))
        left = {each.token.pk for each in due} - started - {each.token.pk for each in waits}
        return len(started) + _remind([each for each in due if each.token.pk in left], now)


def _due(rows: QuerySet[SoftwareToken], now: datetime) -> list[_Due]:
    types = {each.code: each for each in TokenType.objects.active()}
    tokens = rows.filter(state=TokenState.ACTIVE, type_code__in=types).exclude(lost_by_order())
    tokens = tokens.annotate(ends_at=first_end())
    found = []
    tokens = tokens.filter(ends_at__gt=now).select_related("person", "request")
    for token in tokens.prefetch_related("token_type").order_by("pk"):  # its name stands in the mail
        token_type, ends_at = types[token.type_code], token.ends_at
        in_window = ends_at <= now + timedelta(days=token_type.renewal_days)
        if in_window and token_type.renewal_policy != RenewalPolicy.OFFICERS:
            notice = RenewalNotice(token=token, person=token.person, ends_at=ends_at, created_at=now)
            found.append(_Due(token, token_type, notice))
    RenewalNotice.objects.bulk_create([each.notice for each in found], ignore_conflicts=True)
    open_ones = RenewalNotice.objects.unanswered().in_bulk([each.token.pk for each in found])
    return [replace(each, notice=open_ones[each.token.pk]) for each in found if each.token.pk in open_ones]


def _starts_by_itself(each: _Due) -> bool:
    return each.token_type.renewal_policy == RenewalPolicy.AUTOMATIC and each.notice.started_at is None


def _begins_later(each: _Due, now: datetime) -> bool:
    return _starts_by_itself(each) and now < starts_at(each.notice, each.token_type)


def _start(due: Iterable[_Due], now: datetime) -> set[uuid.UUID]:
    """AUTOMATIC: start it once; where that is not possible, or came to nothing, the person is told."""
    begin = [each.token for each in due if _starts_by_itself(each) and not _begins_later(each, now)]
    if not begin:
        return set()
    started = step1_renew.start_by_itself(begin, origin=RequestOrigin.EXPIRY_CHECK)
    RenewalNotice.objects.filter(pk__in=started).update(started_at=now)
    return started


def starts_at(notice: RenewalNotice, token_type: TokenType) -> datetime:
    """Start of an automatic renewal: a moment in the first half of the window, by the token's id.

    So the renewals of tokens that were issued on one day do not come on one day, and each keeps its moment.
    """
    window = timedelta(days=token_type.renewal_days)
    share = (notice.token_id.int % 1000) / 1000 / SPREAD_OVER
    return notice.ends_at - window * (1 - share)


def _remind(due: Iterable[_Due], now: datetime) -> int:
    """ASK: tell the persons for whom a mail is due that is not there yet, whatever became of it."""
    to_tell = {
        deduplication.renewal_due(each.token, days=days): (each, days)
        for each in due
        if (days := days_to_tell(each.notice.ends_at, now)) is not None
    }
    known = outbox.known(to_tell)
    to_mail = [each for occasion, each in to_tell.items() if occasion not in known]
    losses = loss.by_token([each.token.pk for each, _days in to_mail])
    mails = [
        token_messages.renewal_due(
            each.token,
            days=days,
            ends_at=each.notice.ends_at,
            losses=loss.sentences(losses.get(each.token.pk, ())),
        )
        for each, days in to_mail
    ]
    outbox.enqueue_new(mails, by_sweep=True)
    return len(mails)


def days_to_tell(ends_at: datetime, now: datetime) -> int | None:
    """Reminder that is due: the threshold in days that came last, or the days left when mails are daily.

    None before the first threshold, and after the end.
    """
    left = math.ceil((ends_at - now) / timedelta(days=1))
    thresholds = settings.RENEWAL_REMINDER_DAYS
    if thresholds and 0 < left <= min(thresholds):
        return left
    return reminders.days_before(ends_at, thresholds, since=None, now=now)
