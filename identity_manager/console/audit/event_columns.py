"""The columns of a list of events of the audit log."""

from dataclasses import dataclass
from datetime import datetime

from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from identity_manager.console.history import event_wording
from identity_manager.console.lists.columns import Column, Columns
from identity_manager.models import AuditEvent
from identity_manager.models.audit.audit_event import WORDING_COLUMNS
from identity_manager.ui import cells
from identity_manager.ui.parts import TimelineEvent
from identity_manager.ui.templatetags import moments, texts


@dataclass(frozen=True)
class EventRow:
    """One event as the list shows it. person_url, request_url: empty where the officer may not open them."""

    event: AuditEvent
    event_words: TimelineEvent
    head_signed_at: datetime | None
    person_url: str = ""
    request_url: str = ""

    @property
    def about(self) -> str | Promise:
        """The person whom it is about."""
        if self.event.person:
            return str(self.event.person)
        return event_wording.ERASED if self.event.person_ref else ""

    @property
    def reference(self) -> str:
        return self.event.request.reference if self.event.request else ""


def _what(row: EventRow) -> object:
    words = row.event_words
    return cells.with_line(words.title, cells.isolate(words.detail)) if words.detail else words.title


def _about(row: EventRow) -> object:
    person = cells.linked(row.about, row.person_url)
    return cells.with_line(person, cells.linked(row.reference, row.request_url)) if row.reference else person


def _signature(row: EventRow) -> object:
    if not row.event.is_sealed:
        return cells.quiet(gettext("waits to be linked"))
    number = f"#{texts.grouped(row.event.number or 0)}"
    if row.head_signed_at:
        return cells.with_line(number, gettext("signed"), moments.when(row.head_signed_at))
    return cells.with_line(number, gettext("the next signature covers it"))


COLUMNS = Columns(
    (
        Column("number", _("number"), fields=("number",), export="event.number"),
        Column("moment", _("moment"), export="event.at"),
        Column("event", _("event"), export="event.name"),
        Column("title", _("what"), export="event_words.title"),
        Column("actor", _("who"), export="event_words.actor"),
        Column("person", _("about"), export="about"),
        Column("request", _("request"), export="reference"),
        Column("token", _("token"), export=lambda row: event_wording.token_of(row.event)),
        Column("detail", _("detail"), export="event_words.detail"),
        Column("covered", _("covered by a signature of"), export="head_signed_at"),
        Column("what", _("What"), _what, fields=WORDING_COLUMNS, width="column-wide"),
        Column(
            "about",
            _("About"),
            _about,
            fields=(
                *("person_ref", "person__state", "person__display_name", "person__organisational_unit"),
                *("request__state", "request__reference"),
            ),
            width="column-wide",
        ),
        Column("who", _("Who"), lambda row: cells.isolate(row.event_words.actor)),
        Column("when", _("When"), lambda row: moments.when(row.event.at), width="column-narrow"),
        Column("signature", _("Signature"), _signature),
    ),
    shown=("what", "about", "who", "when", "signature"),
)
