"""Installation check: a job that reminds, escalates or revokes by the rule of the token type, as long as the
owner of a delivered token has not confirmed its installation.

Each token has one notice with its own period. It begins when the job first finds the token, so that a rule
that is switched on later does not revoke older tokens at once, and it is paused during a hold. Renewed tokens
are checked, because their keys are new; imported tokens are not, because nothing was delivered. Several nodes
may run it at once: a notice is one row for each token, and each mail has a deduplication key.
"""

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ca_bridge.contract import RevocationReason
from identity_manager import audit
from identity_manager.mail import deduplication, outbox
from identity_manager.mail.messages import installation_messages
from identity_manager.models import (
    DeliveryProblem,
    InstallationNotice,
    InstallationPolicy,
    MailState,
    OutgoingMail,
    Person,
    SoftwareToken,
    TokenState,
    TokenType,
)
from identity_manager.models.requests.end_reason import LONGEST_REASON
from identity_manager.transactions import locking
from identity_manager.transactions.refusals import NO_REASON, NotAllowed, Reason, Stale, refuse, require
from identity_manager.workflow.policy import eligibility
from identity_manager.workflow.revocation import revoke

MOST_REMINDERS = 3
WARNED_BEFORE = timedelta(days=3)  # a sent warning is at least so old when a token is revoked
LAST_WARNING = timedelta(days=1)  # before the end
A_DAY = timedelta(days=1)
ANSWERED = Reason(
    "installation-answered", _("Somebody has answered this, the token is installed, or it has ended.")
)
YOUR_OWN = Reason(
    "own-token-not-installed", _("This is your own token. Another administrator decides on it.")
)


@dataclass
class _Case:
    """A locked token, its open notice, and the installation period of its type."""

    token: SoftwareToken
    notice: InstallationNotice
    period: timedelta
    now: datetime

    @property
    def due_at(self) -> datetime:
        return self.notice.asked_at + self.period


def ask(token_ids: Collection[uuid.UUID]) -> int:
    """Open notices for these tokens where their type has an installation rule; return how many."""
    now = timezone.now()
    with transaction.atomic():
        found = SoftwareToken.objects.to_be_asked_of_installation().filter(pk__in=token_ids)
        rows = [
            InstallationNotice(token_id=pk, asked_at=now, next_at=now)
            for pk in found.values_list("pk", flat=True)
        ]
        InstallationNotice.objects.bulk_create(rows, ignore_conflicts=True)
    return len(rows)


def too_many_to_revoke(now: datetime) -> bool:
    """The breaker: whether more tokens are due for revocation than are allowed in a day."""
    limit = settings.INSTALLATION_REVOCATIONS_A_DAY
    waiting = InstallationNotice.objects.to_be_revoked(now).order_by()[: limit + 1].count()
    return waiting > limit - _revoked_today(now)


def _revoked_today(now: datetime) -> int:
    return InstallationNotice.objects.revoked_since(now - A_DAY).count()


def check(notice_id: uuid.UUID) -> bool:
    """Apply the rule of its type to one token: remind, escalate or revoke. Returns whether it did."""
    with transaction.atomic():
        due = InstallationNotice.objects.due(timezone.now()).filter(pk=notice_id)
        token_id = due.values_list("token", flat=True).first()
        token = locking.token(token_id) if token_id else None
        notice = due.first()
        if token is None or notice is None:
            return False
        notice.token, now = token, timezone.now()
        rule = TokenType.objects.active().filter(code=token.type_code).first()
        if token.state != TokenState.ACTIVE:
            notice.ended_at = now
        elif rule is None or rule.installation_policy == InstallationPolicy.NOTHING:
            notice.delete()  # switched on again, the clock starts anew
            return True
        else:
            case = _Case(token, notice, timedelta(days=rule.installation_days), now)
            _ACTS[InstallationPolicy(rule.installation_policy)](case)
        notice.save()
        return True


def _remind(case: _Case) -> None:
    """Send a reminder each time the period has passed, MOST_REMINDERS in all."""
    notice = case.notice
    notice.revoke_at = None
    if case.now >= notice.asked_at + case.period * (notice.mails + 1):
        _mail(case)
    more = notice.mails < MOST_REMINDERS
    notice.next_at = notice.asked_at + case.period * (notice.mails + 1) if more else None


def _tell(case: _Case) -> None:
    """Remind the person halfway, then open a task for officers; checked daily, as the rule may change."""
    notice = case.notice
    notice.revoke_at = None
    if notice.mails == 0 and case.now >= notice.asked_at + case.period / 2:
        _mail(case)
    if case.now >= case.due_at:
        _tell_officers(case)
        return
    notice.next_at = case.due_at if notice.mails else notice.asked_at + case.period / 2


def _warn_then_revoke(case: _Case) -> None:
    """Warn halfway and a day before, naming the time of the revocation; then revoke."""
    notice = case.notice
    if notice.revoke_at is None:
        halfway = notice.asked_at + case.period / 2
        notice.next_at = halfway
        if case.now >= halfway:
            notice.revoke_at = max(case.due_at, case.now + WARNED_BEFORE)
            _mail(case)
            notice.next_at = notice.revoke_at - LAST_WARNING
    elif notice.is_to_be_revoked(case.now):
        _end(case)
    else:
        if case.now >= notice.revoke_at - LAST_WARNING and notice.mails < 2:
            _mail(case)
        notice.next_at = notice.revoke_at


def _end(case: _Case) -> None:
    """Revoke the token, unless its person was not warned in time or the breaker stops revocations."""
    notice, token = case.notice, case.token
    if DeliveryProblem.objects.open().filter(token=token).exists():
        notice.prolong(A_DAY)  # the file did not arrive, and an officer has not decided yet
        return
    warned_at = _warned_at(case)
    if warned_at is not None and warned_at > case.now - WARNED_BEFORE:
        notice.revoke_at = notice.next_at = warned_at + WARNED_BEFORE
        return
    rows = locking.certificates_of(token)
    kept = revoke.kept_certificates(rows, ())
    nothing_ends = bool(kept) and not revoke.ends_something(rows, kept)
    if warned_at is None or nothing_ends or too_many_to_revoke(case.now):
        _tell_officers(case)
        return
    revoke.end_token(token, reason=RevocationReason.CESSATION_OF_OPERATION, actor=None, keep=kept)
    notice.revoked_at = notice.ended_at = case.now
    outbox.enqueue(installation_messages.installation_over(token), by_sweep=True)
    audit.record(audit.Event.NOT_INSTALLED, actor=None, subject=token)


def _warned_at(case: _Case) -> datetime | None:
    """Time of the first warning mail; now, while it is queued; None if it reached nobody."""
    occasion = deduplication.installation_due(case.notice, number=1)
    sent = OutgoingMail.objects.filter(occasion=occasion).first()
    if sent is None or sent.state not in (MailState.SENT, MailState.QUEUED):
        return None
    return sent.sent_at if sent.state == MailState.SENT else case.now


def _mail(case: _Case) -> None:
    notice = case.notice
    notice.mails += 1
    mail = installation_messages.installation_due(
        case.token, notice=notice, number=notice.mails, revoke_at=notice.revoke_at
    )
    outbox.enqueue(mail, by_sweep=True)


def _tell_officers(case: _Case) -> None:
    if case.notice.told_at is None:
        case.notice.told_at = case.now
        audit.record(audit.Event.INSTALLATION_TOLD, actor=None, subject=case.token)
    case.notice.next_at = case.now + A_DAY


_ACTS = {
    InstallationPolicy.REMIND: _remind,
    InstallationPolicy.TELL: _tell,
    InstallationPolicy.REVOKE: _warn_then_revoke,
}


def leave(*, actor: Person, token_id: uuid.UUID, reason: str) -> InstallationNotice:
    """Close the notice with a reason, by an officer; the token is not checked again.

    Raises NotAllowed, Stale, or NotPossible at `reason`.
    """
    with transaction.atomic():
        token = locking.token(token_id)
        administers = eligibility.administers(actor, token.person)
        require(administers, else_=eligibility.NOT_ADMINISTRATOR, kind=NotAllowed)
        refuse(YOUR_OWN if actor.pk == token.person_id else None, kind=NotAllowed)
        notice = InstallationNotice.objects.to_be_answered().filter(token=token_id).first()
        if notice is None:
            raise Stale(ANSWERED)
        require(reason.strip(), else_=NO_REASON, field="reason")

        notice.ended_at, notice.ended_by = timezone.now(), actor
        notice.reason = reason.strip()[:LONGEST_REASON]
        notice.save()
        audit.record(audit.Event.INSTALLATION_LEFT, actor=actor, subject=token, reason=notice.reason)
        return notice
