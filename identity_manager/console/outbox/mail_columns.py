"""Columns of a list of mails; without person and text for mails that the officer may not read."""

import re
from dataclasses import dataclass, replace

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from identity_manager.console.lists.columns import Column, Columns
from identity_manager.mail.registry import title_of
from identity_manager.models import OutgoingMail
from identity_manager.ui import cells
from identity_manager.ui.templatetags import badges, moments, persons

ADDRESS = re.compile(r"[^\s<>\"'(),;:]+@(?=[\w.-]+)")


@dataclass(frozen=True)
class MailRow:
    """A mail in the list of one officer, without person and text if they may not read it."""

    mail: OutgoingMail
    url: str = ""

    @property
    def is_read(self) -> bool:
        return bool(self.mail.is_read)  # type: ignore[attr-defined]  # annotated by access.watched_mails

    @property
    def name(self) -> str:
        return title_of(self.mail.message)

    @property
    def error(self) -> str:
        """The last error, without addresses if the officer may not read the mail."""
        return self.mail.last_error if self.is_read else ADDRESS.sub("…@", self.mail.last_error)

    @property
    def is_due(self) -> bool:
        """Whether the next try has come and only waits for a free worker."""
        moment = self.mail.next_attempt_at
        return moment is not None and moment <= timezone.now()


def _mail(row: MailRow) -> object:
    if row.is_read:
        mail: object = persons.who(row.mail.to_address, row.name, row.url, row=True)
    else:
        mail = cells.row_link(row.name, row.url)
    return cells.with_line(mail, row.error) if row.error else mail


def _about(row: MailRow) -> object:
    if not (row.is_read and row.mail.request):
        return "–"
    reference = row.mail.request.reference
    return cells.with_line(reference, row.mail.token) if row.mail.token else reference


def _next_try(row: MailRow) -> object:
    return gettext("now") if row.is_due else moments.when(row.mail.next_attempt_at)


def _last_moment(row: MailRow) -> object:
    return moments.when(row.mail.last_error_at or row.mail.sent_at or row.mail.created_at)


COLUMNS = Columns(
    (
        Column("mail", _("Mail"), _mail, fields=("message", "to_address", "last_error"), width="column-wide"),
        Column(
            "about",
            pgettext_lazy("mail", "About"),
            _about,
            fields=(
                *("request__state", "request__reference", "token__state", "token__token_type__state"),
                "token__token_type__name",
            ),
        ),
        Column(
            "state",
            _("State"),
            lambda row: badges.state_badge(row.mail),
            fields=("state",),
            width="column-state",
        ),
        Column("when", _("When"), _last_moment, fields=("last_error_at", "sent_at", "created_at")),
        Column(
            "attempts",
            _("Attempts"),
            lambda row: row.mail.attempts,
            fields=("attempts",),
            css="numeric",
            width="column-number",
        ),
        Column("next", _("Next try"), _next_try, fields=("next_attempt_at",), width="column-narrow"),
    ),
    shown=("mail", "about", "state", "when", "attempts", "next"),
)


def _address(mail: OutgoingMail) -> str:
    return reverse("console:mail", args=[mail.pk])


_ERROR = Column(
    "error",
    _("Error"),
    lambda mail: mail.error_code or "–",
    fields=("error_code",),
)
_SINCE = Column(
    "since",
    _("Since"),
    lambda mail: moments.age(mail.last_error_at) if mail.last_error_at else "",
    fields=("last_error_at",),
    width="column-narrow",
)
_TO = Column(
    "to",
    _("To"),
    lambda mail: persons.who(mail.to_address, mail.subject, _address(mail), row=True),
    fields=("to_address", "subject"),
    width="column-wide",
)
_STATE = Column("state", _("State"), badges.state_badge, fields=("state",), width="column-state")
# In OPEN TASKS, of mails that the officer may handle.
IN_TROUBLE = Columns((_TO, _ERROR, _STATE, _SINCE), shown=("to", "error", "state", "since"))
HELD_UP = Columns(
    (
        replace(
            _ERROR,
            cell=lambda mail: cells.row_link(mail.error_code or "–", _address(mail)),
            fields=("error_code", "state"),  # each row reads its state when it is made
        ),
        _SINCE,
    ),
    shown=("error", "since"),
)
