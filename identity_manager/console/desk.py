"""START: what waits, what failed and what happened, for the roles that this officer has."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _

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
from identity_manager.ui.context import SEARCHERS
from identity_manager.ui.parts import MEANING_ICONS, Meaning

EVENTS_SHOWN = 12
RECENT = timedelta(days=7)
WAITING, STOPPED, DONE, INFORMATION = Meaning.WAITING, Meaning.STOPPED, Meaning.DONE, Meaning.INFORMATION


@dataclass(frozen=True)
class Figure:
    """A number that leads to what it counts. quiet: nothing waits."""

    number: int
    label: str | Promise
    url: str
    meaning: Meaning

    @property
    def icon_name(self) -> str:
        """The meaning's own icon; a quiet one where there is nothing to look at."""
        return MEANING_ICONS[self.meaning if self.number else Meaning.QUIET]


def context(actor: Person) -> dict[str, Any]:
    now = timezone.now()
    return {
        "tab": "start",
        "waits": [*_decisions(actor), *_codes(actor), *_registrations(actor)],
        "troubles": [*_troubles(actor), *_authorities(actor)],
        "under_way": list(_under_way(actor, now)),
        "history": history.timeline(_events(actor)),
        "reads_requests": access.holds(actor, access.REQUEST_READERS),
        "searches": access.holds(actor, SEARCHERS),
    }


def _decisions(actor: Person) -> Iterator[Figure]:
    if access.holds(actor, open_tasks.DECIDERS):
        number = open_tasks.awaiting_decision(actor).count()
        yield Figure(number, _("wait for your decision"), reverse("console:approvals"), WAITING)


def _codes(actor: Person) -> Iterator[Figure]:
    if access.holds(actor, open_tasks.CONFIRMERS):
        number = open_tasks.awaiting_confirmation(actor).count()
        yield Figure(
            number, _("sign-in codes wait for a second officer"), reverse("console:approvals"), WAITING
        )


def _registrations(actor: Person) -> Iterator[Figure]:
    if access.holds(actor, {Role.REGISTRATION_OFFICER}):
        rows = access.visible_persons(actor).filter(state=PersonState.REGISTERED, kind="employee")
        url = (
            f"{reverse('console:search')}?{urlencode({'kind': 'employee', 'state': PersonState.REGISTERED})}"
        )
        yield Figure(rows.count(), _("employees are registered, not Active yet"), url, INFORMATION)


def _troubles(actor: Person) -> Iterator[Figure]:
    if access.holds(actor, access.ALL_REQUESTS_READERS):
        rows = access.visible_requests(actor)
        refused = OutgoingMail.objects.filter(state=MailState.FAILED, request__in=rows)
        with_refused_mail = rows.filter(pk__in=refused.values("request_id"))
        yield Figure(
            _count(rows, RequestState.FAILED), _("requests have failed"), _list(RequestState.FAILED), STOPPED
        )
        yield Figure(
            with_refused_mail.count(), _("requests have a refused mail"), _list(MAIL_REFUSED), STOPPED
        )


def _authorities(actor: Person) -> Iterator[Figure]:
    if access.holds(actor, access.CATALOGUE_READERS):
        down = sum(not registry.health(alias).ok for alias in registry.aliases())
        yield Figure(down, _("certificate authorities do not answer"), reverse("console:admin"), STOPPED)


def _under_way(actor: Person, now: datetime) -> Iterator[Figure]:
    if access.holds(actor, access.ALL_REQUESTS_READERS):
        rows = access.visible_requests(actor)
        for state, label in (
            (RequestState.REQUESTED, _("wait for approval")),
            (RequestState.AWAITING_ACCEPTANCE, _("wait for the person to accept the terms")),
            (RequestState.ISSUING, _("are being issued")),
            (RequestState.ISSUED, _("wait for passphrase or delivery")),
        ):
            yield Figure(_count(rows, state), label, _list(state), INFORMATION)
        completed = rows.filter(state=RequestState.COMPLETED, ended_at__gte=now - RECENT).count()
        yield Figure(completed, _("completed in seven days"), _list(RequestState.COMPLETED), DONE)


def _count(rows: QuerySet[TokenRequest], state: str) -> int:
    return rows.filter(state=state).count()


def _list(state: str) -> str:
    return f"{reverse('console:requests')}?{urlencode({'state': state})}"


def _events(actor: Person) -> QuerySet[AuditEvent]:
    """What happened last on the requests that this officer reads, and what they did themselves."""
    rows = AuditEvent.objects.select_related("actor", "request", "token__token_type")
    if access.holds(actor, access.REQUEST_READERS):
        rows = rows.filter(request__in=access.visible_requests(actor))
    else:
        rows = rows.filter(actor=actor)
    return rows.order_by("-pk")[:EVENTS_SHOWN]
