"""START: what waits, what failed and what happened, for the roles that this officer has."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ca_bridge import registry
from identity_manager.console import access, history, open_tasks
from identity_manager.console.forms import MAIL_REFUSED
from identity_manager.models import (
    AuditEvent,
    MailState,
    OutgoingMail,
    Person,
    PersonState,
    RequestState,
    Role,
    TokenRequest,
)
from identity_manager.ui.context import REQUEST_READERS, SEARCHERS
from identity_manager.ui.parts import MEANING_ICONS, Event, Meaning
from identity_manager.workflow import sign_in_code_policy

EVENTS_SHOWN = 12
RECENT = timedelta(days=7)


@dataclass(frozen=True)
class Figure:
    """A number that leads to what it counts."""

    number: int
    label: str
    url: str
    meaning: Meaning

    @property
    def icon_name(self) -> str:
        """The meaning's own icon; a quiet one where there is nothing to look at."""
        return MEANING_ICONS[self.meaning if self.number else Meaning.QUIET]


@dataclass(frozen=True)
class Line:
    """Something that happened, and the request that it happened to."""

    told: Event
    request: TokenRequest


def context(actor: Person) -> dict[str, Any]:
    """Each part only for who has a role for it; what waits and is nothing is left out."""
    waits = [*_decisions(actor), *_codes(actor)]
    troubles = [*_troubles(actor), *_authorities(actor)]
    return {
        "tab": "start",
        "searches": access.holds(actor, SEARCHERS),
        "waits": [figure for figure in waits if figure.number],
        "could_wait": bool(waits),
        "troubles": [figure for figure in troubles if figure.number],
        "watches": bool(troubles),
        "registered": list(_registrations(actor)),
        "under_way": list(_under_way(actor)),
        "reads_requests": access.holds(actor, REQUEST_READERS),
        "lines": [Line(history.told(event), event.request) for event in _events(actor) if event.request],
    }


def _decisions(actor: Person) -> Iterator[Figure]:
    if access.holds(actor, open_tasks.DECIDERS):
        number = open_tasks.awaiting_decision(actor).count()
        label = ngettext("request waits for your decision", "requests wait for your decision", number)
        yield Figure(number, label, reverse("console:approvals"), Meaning.WAITING)


def _codes(actor: Person) -> Iterator[Figure]:
    if access.holds(actor, {Role.REGISTRATION_OFFICER}):
        number = sign_in_code_policy.confirmable_by(actor).count()
        label = ngettext("sign-in code waits for you", "sign-in codes wait for you", number)
        yield Figure(number, label, reverse("console:approvals"), Meaning.WAITING)


def _registrations(actor: Person) -> Iterator[Figure]:
    if access.holds(actor, {Role.REGISTRATION_OFFICER}):
        wanted = {"kind": "employee", "state": PersonState.REGISTERED.value}
        number = access.visible_persons(actor).filter(**wanted).count()
        label = ngettext("employee is not Active yet", "employees are not Active yet", number)
        yield Figure(number, label, f"{reverse('console:search')}?{urlencode(wanted)}", Meaning.INFORMATION)


def _troubles(actor: Person) -> Iterator[Figure]:
    if access.holds(actor, access.ALL_REQUESTS_READERS):
        rows = access.visible_requests(actor)
        failed = rows.filter(state=RequestState.FAILED).count()
        label = ngettext("request has failed", "requests have failed", failed)
        yield Figure(failed, label, _list(RequestState.FAILED), Meaning.STOPPED)
        refused = OutgoingMail.objects.filter(state=MailState.FAILED).values("request_id")
        number = rows.filter(pk__in=refused).count()
        label = ngettext("request has a refused mail", "requests have a refused mail", number)
        yield Figure(number, label, _list(MAIL_REFUSED), Meaning.STOPPED)


def _authorities(actor: Person) -> Iterator[Figure]:
    if access.holds(actor, access.CATALOGUE_READERS):
        down = sum(not registry.health(alias).ok for alias in registry.aliases())
        label = ngettext(
            "certificate authority does not answer", "certificate authorities do not answer", down
        )
        yield Figure(down, label, f"{reverse('console:admin')}#authorities", Meaning.STOPPED)


def _under_way(actor: Person) -> Iterator[Figure]:
    if not access.holds(actor, access.ALL_REQUESTS_READERS):
        return
    rows = access.visible_requests(actor)
    for state, label in (
        (RequestState.REQUESTED, _("wait for approval")),
        (RequestState.AWAITING_ACCEPTANCE, _("wait until the terms are accepted")),
        (RequestState.ISSUING, _("are being issued")),
        (RequestState.ISSUED, _("wait for the passphrase or the mail")),
    ):
        yield Figure(rows.filter(state=state).count(), label, _list(state), Meaning.INFORMATION)
    recently = rows.filter(state=RequestState.COMPLETED, ended_at__gte=timezone.now() - RECENT)
    completed = _list(RequestState.COMPLETED)
    yield Figure(recently.count(), _("completed within seven days"), completed, Meaning.DONE)


def _list(state: str) -> str:
    return f"{reverse('console:requests')}?{urlencode({'state': state})}"


def _events(actor: Person) -> QuerySet[AuditEvent]:
    """What happened last to the requests that this officer reads."""
    rows = history.rows().select_related("request__person")
    visible = access.visible_requests(actor)
    return rows.filter(name__in=history.MILESTONES, request__in=visible)[:EVENTS_SHOWN]
