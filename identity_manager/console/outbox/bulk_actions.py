"""Bulk retry and discard of mails: confirmation, a bounded number per click, result."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from identity_manager.console.access import mails, offices
from identity_manager.console.forms.confirmation import Confirmation
from identity_manager.console.lists import counting
from identity_manager.console.outbox import page as outbox_page
from identity_manager.console.outbox.forms import MailFilterForm
from identity_manager.mail.registry import title_of
from identity_manager.models import OutgoingMail, Person, Role
from identity_manager.models.mail.outgoing_mail import OutgoingMailQuerySet
from identity_manager.workflow.delivery import outbox_actions
from identity_manager.workflow.delivery.outbox_actions import Tally

AT_ONCE = 200  # mails per click: a few seconds


@dataclass(frozen=True)
class BulkMailAction:
    """The mails of the filter in the address, and the officer who acts on them by one of the roles.

    discards: mails are discarded; those that cannot be discarded are left out.
    """

    actor: Person
    form: MailFilterForm
    roles: frozenset[Role]
    back: str
    now: datetime
    discards: bool

    @classmethod
    def to_retry(cls, request: HttpRequest) -> Self:
        return cls._of(request, mails.mail_retrier(request), offices.MAIL_HANDLERS, discards=False)

    @classmethod
    def to_discard(cls, request: HttpRequest) -> Self:
        return cls._of(request, mails.mail_administrator(request), offices.MAIL_ADMINISTRATORS, discards=True)

    @classmethod
    def _of(cls, request: HttpRequest, actor: Person, roles: frozenset[Role], *, discards: bool) -> Self:
        form = outbox_page.filter_form(request, actor)
        back = f"{reverse('console:outbox')}?{request.GET.urlencode()}"
        return cls(actor, form, roles, back, timezone.now(), discards)

    @property
    def rows(self) -> OutgoingMailQuerySet:
        rows = outbox_page.actionable(self.actor, self.form, self.roles)
        return rows.discardable() if self.discards else rows

    @property
    def number(self) -> int:
        return self.rows.count()

    def ids(self, as_of: datetime) -> list[uuid.UUID]:
        """Ids of the oldest mails up to that moment; a bounded number."""
        return list(self.rows.filter(created_at__lte=as_of).values_list("pk", flat=True)[:AT_ONCE])

    def retrying(self) -> Confirmation | None:
        """Confirmation of a bulk retry; None without mails."""
        number = self.number
        title = ngettext("Try %(number)s mail again?", "Try %(number)s mails again?", number)
        return self._question(
            number, title, _("Each goes out as it was written, as soon as a worker is free."), _("Retry")
        )

    def discarding(self) -> Confirmation | None:
        """Confirmation of a bulk discard; None without mails."""
        number = self.number
        title = ngettext("Discard %(number)s mail?", "Discard %(number)s mails?", number)
        lead = _("Nobody gets these mails. Files that were to be delivered wait in Self-Service then.")
        return self._question(number, title, lead, _("Discard"), dangerous=True)

    def _question(
        self, number: int, title: str, lead: str, button: str, *, dangerous: bool = False
    ) -> Confirmation | None:
        if not number:
            return None
        bound = _("At most %(number)s are done at once.") % {"number": counting.grouped(AT_ONCE)}
        return Confirmation(
            title=title % {"number": counting.grouped(number)},
            lead=" ".join([self._words(), lead, bound if number > AT_ONCE else ""]).strip(),
            button=button,
            back=self.back,
            tab="outbox",
            dangerous=dangerous,
        )

    def _words(self) -> str:
        """Titles of the kinds of mail that were chosen."""
        kinds = self.rows.order_by("message").values_list("message", flat=True)
        return ", ".join(title_of(kind) for kind in kinds.distinct()) + "."


def discarding(mail: OutgoingMail) -> Confirmation:
    """Confirmation before one mail is discarded."""
    delivers = _("The files wait for the person in Self-Service then.") if mail.delivers else ""
    return Confirmation(
        title=_("Discard this mail to %(address)s?") % {"address": mail.to_address},
        lead=" ".join([_("Nobody gets it, and it cannot be sent any more."), delivers]).strip(),
        button=_("Discard"),
        back=reverse("console:mail", args=[mail.pk]),
        tab="outbox",
        obstacle=outbox_actions.discarding_obstacle(mail),
    )


def reporting(mail: OutgoingMail) -> Confirmation:
    """Confirmation before a sent mail is marked as bounced."""
    delivers = _("The files wait for the person in Self-Service then.") if mail.delivers else ""
    return Confirmation(
        title=_("Did this mail to %(address)s come back?") % {"address": mail.to_address},
        lead=" ".join([_("It is marked as come back, and can be retried."), delivers]).strip(),
        button=_("It came back"),
        back=reverse("console:mail", args=[mail.pk]),
        tab="outbox",
        dangerous=False,
        obstacle=outbox_actions.bounce_obstacle(mail),
    )


def words_of(tally: Tally, *, left: int) -> str:
    """The result in words."""
    done = ngettext("%(number)s mail is done.", "%(number)s mails are done.", tally.done)
    stale = ngettext("%(number)s had moved on.", "%(number)s had moved on.", tally.stale)
    refused = ngettext(
        "%(number)s delivers to a person whose sign-in code you made, so somebody else decides about it.",
        "%(number)s deliver to persons whose sign-in codes you made, so somebody else decides about them.",
        tally.not_allowed,
    )
    more = ngettext("%(number)s is left.", "%(number)s are left.", left)
    parts = [(done, tally.done), (stale, tally.stale), (refused, tally.not_allowed), (more, left)]
    sentences = [
        words % {"number": counting.grouped(number)} for words, number in parts if number or words is done
    ]
    return " ".join(sentences)
