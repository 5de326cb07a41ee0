"""Mails about requests of a batch order, to approvers and to its asker. One function per mail."""

import hashlib

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from identity_manager.mail import deduplication
from identity_manager.mail.composing import About, compose, console_url
from identity_manager.mail.registry import APPROVER, OFFICER, REQUESTER, mail
from identity_manager.models import (
    AskedApprover,
    BatchOrder,
    OutgoingMail,
    Person,
)


@mail(
    _("Requests of a batch order wait for an approver"),
    to=APPROVER,
    when=_("when requests of a batch order wait for a decision"),
)
def batch_waits(order: BatchOrder, approver: Person, *, key: str) -> OutgoingMail:
    """To an approver: requests of a batch order wait."""
    about = About("batch_waits", deduplication.batch("batch-waits", order, approver, key), approver)
    return compose(about, url=_decisions_on(order), order=order)


@mail(_("Reminder of requests of a batch order"), to=APPROVER, when=_("when these have waited for some days"))
def batch_reminder(order: BatchOrder, asked: AskedApprover) -> OutgoingMail:
    """To an approver who was asked and has not decided: requests of a batch order still wait."""
    day = str(timezone.localdate(asked.waits_from))
    about = About(
        "batch_reminder", deduplication.batch("batch-reminder", order, asked.approver, day), asked.approver
    )
    return compose(about, url=_decisions_on(order), order=order, since=asked.waits_from)


@mail(
    _("Nobody decides on requests of a batch order"),
    to=OFFICER,
    when=_("when nobody decides on these, or nobody can"),
)
def batch_undecided(order: BatchOrder, administrator: Person, *, possible: bool, key: str) -> OutgoingMail:
    """To an administrator: nobody decides on requests of a batch order, or (possible is False) nobody can."""
    occasion = deduplication.batch("batch-undecided", order, administrator, f"{possible}:{key}")
    about = About("batch_undecided", occasion, administrator)
    return compose(about, url=console_url("console:approvals"), order=order, possible=possible)


@mail(
    _("Requests of a batch order were approved"), to=REQUESTER, when=_("when these are approved, once a day")
)
def batch_approved(order: BatchOrder, *, key: str) -> OutgoingMail:
    """To the asker of a batch order: approvers approve its requests."""
    about = About(
        "batch_approved", deduplication.batch("batch-approved", order, order.asked_by, key), order.asked_by
    )
    return compose(about, url=console_url("console:batch-order", order.pk), order=order)


@mail(
    _("Requests of a batch order were rejected"),
    to=REQUESTER,
    when=_("when these are rejected, with the reason"),
)
def batch_rejected(order: BatchOrder, *, reason: str, key: str) -> OutgoingMail:
    """To the asker of a batch order: requests of it were rejected, and why; one mail per reason."""
    said = hashlib.sha256(reason.encode()).hexdigest()[:32]
    occasion = deduplication.batch("batch-rejected", order, order.asked_by, f"{said}:{key}")
    about = About("batch_rejected", occasion, order.asked_by)
    return compose(about, url=console_url("console:batch-order", order.pk), order=order, reason=reason)


def _decisions_on(order: BatchOrder) -> str:
    """Page where an approver decides on all requests of a batch order."""
    return console_url("console:decisions-of-order", order.pk)
