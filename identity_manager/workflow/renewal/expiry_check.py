"""The expiry check: tells persons which tokens run out, or starts the renewal, by the policy of the type.

Any number of nodes may run it at once: a notice is one row for each token, and a mail goes out once for its
occasion.
"""

import math
import uuid
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Max, QuerySet
from django.utils import timezone

from identity_manager.mail import deduplication, outbox, token_messages
from identity_manager.models import RenewalNotice, RenewalPolicy, SoftwareToken, TokenState, TokenType
from identity_manager.models.requests.certificate import NOT_ENDED
from identity_manager.models.requests.software_token import first_end
from identity_manager.transactions import locking
from identity_manager.workflow import step1_renew
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


def check(token_id: uuid.UUID) -> bool:
    """Do for one token what its type's renewal_policy says is due now; whether anything was."""
    with transaction.atomic():
        token = locking.token(token_id)
        now = timezone.now()
        token_type = TokenType.objects.active().filter(code=token.type_code).first()
        rows = SoftwareToken.objects.annotate(ends_at=first_end())
        ends_at = rows.values_list("ends_at", flat=True).get(pk=token_id)
        if token.state != TokenState.ACTIVE or token_type is None or ends_at is None:
            return False
        in_window = now < ends_at <= now + timedelta(days=token_type.renewal_days)
        if not in_window or token_type.renewal_policy == RenewalPolicy.OFFICERS:
            return False
        notice = _notice(token, ends_at, now)
        if not RenewalNotice.objects.unanswered().filter(pk=notice.pk).exists():
            return False
        return _act(notice, token, token_type, now)


def _notice(token: SoftwareToken, ends_at: datetime, now: datetime) -> RenewalNotice:
    row, _made = RenewalNotice.objects.get_or_create(
        token=token, defaults={"person": token.person, "ends_at": ends_at, "created_at": now}
    )
    return row


def _act(notice: RenewalNotice, token: SoftwareToken, token_type: TokenType, now: datetime) -> bool:
    """ASK: tell the person. AUTOMATIC: start it once; where it came to nothing, tell the person."""
    if token_type.renewal_policy == RenewalPolicy.AUTOMATIC and notice.started_at is None:
        if now < starts_at(notice, token_type):
            return False
        if step1_renew.start_by_itself(token) is not None:
            notice.started_at = now
            notice.save()
            return True
    return _remind(notice, token, now)


def starts_at(notice: RenewalNotice, token_type: TokenType) -> datetime:
    """When an automatic renewal begins: a moment in the first half of the window, by the token's id.

    So the renewals of tokens that were issued on one day do not come on one day, and each keeps its moment.
    """
    window = timedelta(days=token_type.renewal_days)
    share = (notice.token_id.int % 1000) / 1000 / SPREAD_OVER
    return notice.ends_at - window * (1 - share)


def _remind(notice: RenewalNotice, token: SoftwareToken, now: datetime) -> bool:
    days = days_to_tell(notice.ends_at, now)
    if days is None or outbox.has(deduplication.renewal_due(token, days=days)):
        return False
    outbox.enqueue(token_messages.renewal_due(token, days=days, ends_at=notice.ends_at), by_sweep=True)
    return True


def days_to_tell(ends_at: datetime, now: datetime) -> int | None:
    """Which of the mails is due: the threshold in days that came last, or the days left when mails are daily.

    None before the first threshold, and after the end.
    """
    left = math.ceil((ends_at - now) / timedelta(days=1))
    thresholds = settings.RENEWAL_REMINDER_DAYS
    if thresholds and 0 < left <= min(thresholds):
        return left
    return reminders.days_before(ends_at, thresholds, since=None, now=now)
