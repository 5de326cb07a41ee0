"""START: counts of waiting and failed work, and recent events, by the officer's roles.

Each number links to a list of exactly what it counts; most are searches, counted like the list.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ca_bridge.connection import registry
from ca_bridge.database.planned_rows import planned
from identity_manager.console.access import audit as audit_access
from identity_manager.console.access import mails, offices, requests
from identity_manager.console.access.renewals import RENEWAL_READERS
from identity_manager.console.administration import job_page, set_up_page
from identity_manager.console.audit import log as audit_log
from identity_manager.console.history import event_wording
from identity_manager.console.lists import counting, remembered_counts
from identity_manager.console.open_tasks import page as open_tasks
from identity_manager.console.outbox import forms as outbox_forms
from identity_manager.console.search import saved_searches
from identity_manager.console.search.forms import (
    CODE_ENDED,
    CODE_ENDS,
    LATE,
    NEVER_SIGNED_IN,
    REVOCATION_WAITS,
)
from identity_manager.console.start import figures, health
from identity_manager.console.start import offices as start_offices
from identity_manager.console.start.figures import Figure, Label
from identity_manager.models import (
    AuditEvent,
    CaCheck,
    CaComparison,
    CaOutage,
    CertificateState,
    LastBackup,
    OutgoingMail,
    Person,
    PersonKind,
    PersonState,
    RequestState,
    Role,
    TokenRequest,
)
from identity_manager.queries import console_pages, decisions
from identity_manager.ui.context import MAIL_WATCHERS, REQUEST_READERS, SEARCHERS
from identity_manager.ui.parts import Meaning, TimelineEvent
from identity_manager.workflow.archive import drills
from identity_manager.workflow.people import imports

EVENTS_SHOWN = 12
EVENTS_LOOKED_AT = 2000
RECENT, EXPIRING = "7", "30"  # days, as the filters offer them
WATCHERS = frozenset({Role.TOKEN_ADMINISTRATOR, Role.AUDITOR})


@dataclass(frozen=True)
class HappenedLine:
    """A recent event and its request."""

    event_words: TimelineEvent
    request: TokenRequest


def context(request: HttpRequest, actor: Person) -> dict[str, Any]:
    """Parts by role; zeros of waiting and failed work are left out."""
    numbers = open_tasks.remembered_numbers(request, actor)
    waits, saved = list(_waiting(actor, numbers)), saved_searches.of(actor)
    troubles = [*_troubles(actor), *_system(actor)]
    registered, under_way = list(_registrations(actor)), list(_under_way(actor))
    expiring, areas = list(_expiring(actor)), health.figures(actor)
    set_up = set_up_page.figures(actor)
    compared = Figure(str, "", Meaning.INFORMATION, CaComparison.objects.shown)
    shown = [compared, *troubles, *registered, *under_way, *expiring, *areas.values(), *set_up.values()]
    known = partial(remembered_counts.remembered, request, actor, f"start {len(shown)} {len(saved)}")
    figures.count(shown, saved, remembered=known)
    return {
        "tab": "start",
        "task_counter": open_tasks.CountedTasks.of(request, actor, numbers),
        "searches": offices.holds(actor, SEARCHERS),
        "enables": offices.holds(actor, {Role.TOKEN_ADMINISTRATOR}),
        "saved": saved,
        "waits": [figure for figure in waits if figure.number],
        "could_wait": bool(waits),
        "troubles": [figure for figure in troubles if figure.number],
        "comparisons": list(_comparisons(actor)) if compared.number else [],
        "watches": bool(troubles),
        "set_up_open": set_up_page.number_open(set_up),
        "health": health.lines(areas),
        "drills": _drills(actor),
        "enters": offices.holds(actor, {Role.REGISTRATION_OFFICER}),
        "imports": imports.officer_obstacle(actor) is None,
        "registered": [figure for figure in registered if figure.number],
        "under_way": [figure for figure in under_way if figure.number],
        "expiring": [figure for figure in expiring if figure.number],
        "sees_renewals": offices.holds(actor, RENEWAL_READERS),
        "reads_requests": offices.holds(actor, REQUEST_READERS),
        "oldest": decisions.oldest_question(actor.pk) if numbers.get("decisions") else None,
        **start_offices.context(actor),
        "lines": [
            HappenedLine(event_wording.timeline_event(event), event.request)
            for event in _events(actor)
            if event.request
        ],
    }


def _drills(actor: Person) -> list[drills.DrillStatus]:
    """Last proof that archived keys open, for each recovery certificate in force; for Recovery Officers."""
    return drills.drill_statuses(timezone.now()) if offices.holds(actor, {Role.RECOVERY_OFFICER}) else []


def _waiting(actor: Person, numbers: Mapping[str, int]) -> Iterator[Figure]:
    """Number of open tasks, as on the tab."""
    for section in open_tasks.sections_of(actor, {}, numbers):
        if section.source.counts and section.source.meaning == Meaning.WAITING:
            address = f"{reverse('console:approvals')}#{section.anchor}"
            counted = counting.capped(section.counted or 0)
            yield Figure(section.source.sentence, address, Meaning.WAITING, total=counted)


def _registrations(actor: Person) -> Iterator[Figure]:
    if not offices.holds(actor, {Role.REGISTRATION_OFFICER}):
        return
    state, active, count = PersonState.REGISTERED.value, PersonState.ACTIVE.value, figures.found
    for kind, late, registered, never, codes in (
        (PersonKind.EMPLOYEE.value, _employees_late, _employees, _employees_without, _employees_codes),
        (PersonKind.EXTERNAL.value, _externals_late, _externals, _externals_without, _externals_codes),
    ):
        yield count(actor, late, Meaning.STOPPED, kind=kind, state=active, sign_in=CODE_ENDED)
        yield count(actor, registered, Meaning.INFORMATION, kind=kind, state=state)
        yield count(actor, never, Meaning.INFORMATION, kind=kind, state=active, sign_in=NEVER_SIGNED_IN)
        yield count(actor, codes, Meaning.WAITING, kind=kind, sign_in=CODE_ENDS)


def _employees(number: int) -> str:
    return ngettext("employee is not Active yet", "employees are not Active yet", number)


def _externals(number: int) -> str:
    return ngettext("external person is not Active yet", "external persons are not Active yet", number)


def _employees_late(number: int) -> str:
    return ngettext(
        "employee's sign-in code has ended unused", "employees' sign-in codes have ended unused", number
    )


def _externals_late(number: int) -> str:
    return ngettext(
        "external person's sign-in code has ended unused",
        "external persons' sign-in codes have ended unused",
        number,
    )


def _employees_without(number: int) -> str:
    return ngettext("employee has never signed in", "employees have never signed in", number)


def _externals_without(number: int) -> str:
    return ngettext("external person has never signed in", "external persons have never signed in", number)


def _employees_codes(number: int) -> str:
    return ngettext(
        "employee's sign-in code ends within two days", "employees' sign-in codes end within two days", number
    )


def _externals_codes(number: int) -> str:
    return ngettext(
        "external person's sign-in code ends within two days",
        "external persons' sign-in codes end within two days",
        number,
    )


def _troubles(actor: Person) -> Iterator[Figure]:
    if offices.holds(actor, offices.ALL_REQUESTS_READERS):
        yield _requests(actor, _failed, Meaning.STOPPED, RequestState.FAILED)
        yield _requests(actor, _late, Meaning.STOPPED, RequestState.REQUESTED, answer=LATE)
        page = f"{reverse('console:requests')}?{urlencode({'state': RequestState.ISSUING.value})}"
        yield Figure(_orders_wait, page, Meaning.STOPPED, CaOutage.objects.shown)
    if offices.holds(actor, MAIL_WATCHERS):
        yield _mails(lambda: mails.watched_mails(actor).in_trouble(), _in_trouble, outbox_forms.TROUBLE)
        yield _mails(lambda: mails.watched_mails(actor).stuck(), _stuck, outbox_forms.STUCK)
    if offices.holds(actor, WATCHERS):
        yield figures.found(actor, _unrevoked, Meaning.STOPPED, kind="certificate", state=REVOCATION_WAITS)


def _requests(actor: Person, label: Label, meaning: Meaning, state: str, **asked: str) -> Figure:
    return figures.found(actor, label, meaning, kind="request", state=state, **asked)


def _failed(number: int) -> str:
    return ngettext("request has failed", "requests have failed", number)


def _late(number: int) -> str:
    return ngettext(
        "request waits for an approver who was reminded",
        "requests wait for approvers who were reminded",
        number,
    )


def _mails(rows: Callable[[], QuerySet[OutgoingMail]], label: Label, state: str) -> Figure:
    """Figure of the mails that OUTBOX lists in that state, counted as it counts."""
    url = f"{reverse('console:outbox')}?{urlencode({'state': state})}"
    return Figure(label, url, Meaning.STOPPED, rows)


def _in_trouble(number: int) -> str:
    return ngettext("mail was refused or came back", "mails were refused or came back", number)


def _stuck(number: int) -> str:
    return ngettext("mail waits after an error", "mails wait after an error", number)


def _unrevoked(number: int) -> str:
    return ngettext(
        "revocation has not reached the certificate authority",
        "revocations have not reached the certificate authority",
        number,
    )


def _system(actor: Person) -> Iterator[Figure]:
    """The installation: CAs without an answer, failed jobs and backups."""
    if offices.holds(actor, offices.CATALOGUE_READERS) and not offices.holds(actor, health.OPERATORS):
        # From stored health checks: a page does not wait for a CA.
        yield Figure(_silent, reverse("console:authorities"), Meaning.STOPPED, _not_answering)
        yield Figure(_failed_jobs, reverse("console:jobs"), Meaning.STOPPED, job_page.failed_runs)
        page = f"{reverse('console:jobs')}#backup"
        yield Figure(_backup, page, Meaning.STOPPED, ask=_backups_in_trouble)
    if offices.holds(actor, audit_access.LOG_CHECKERS):
        page = reverse("console:history-check")
        yield Figure(_findings, page, Meaning.STOPPED, ask=lambda: len(audit_log.findings()))


def _comparisons(actor: Person) -> Iterable[CaComparison]:
    """Progress of comparisons with CAs after a restore."""
    if offices.holds(actor, offices.CATALOGUE_READERS | WATCHERS):
        return CaComparison.objects.shown().with_numbers()
    return ()


def _not_answering() -> QuerySet[CaCheck]:
    return CaCheck.objects.filter(alias__in=registry.aliases(), ok=False)


def _silent(number: int) -> str:
    return ngettext("certificate authority does not answer", "certificate authorities do not answer", number)


def _orders_wait(number: int) -> str:
    return ngettext(
        "certificate authority has its orders wait, because it does not answer",
        "certificate authorities have their orders wait, because they do not answer",
        number,
    )


def _failed_jobs(number: int) -> str:
    return ngettext("job has failed", "jobs have failed", number)


def _backups_in_trouble() -> int:
    """1 where the last backup failed or is overdue."""
    last = LastBackup.read()
    return int(last.has_failed or last.is_overdue(timezone.now()))


def _backup(_number: int) -> str:
    return _("backup has failed, or is missing")


def _findings(number: int) -> str:
    return ngettext(
        "finding of the last check of the audit log", "findings of the last check of the audit log", number
    )


def _under_way(actor: Person) -> Iterator[Figure]:
    if not offices.holds(actor, offices.ALL_REQUESTS_READERS):
        return
    for state, label in (
        (RequestState.REQUESTED, _for_approval),
        (RequestState.AWAITING_ACCEPTANCE, _for_acceptance),
        (RequestState.ISSUING, _being_issued),
        (RequestState.ISSUED, _for_the_person),
    ):
        yield _requests(actor, label, Meaning.INFORMATION, state)
    yield _requests(actor, _completed, Meaning.DONE, RequestState.COMPLETED, ended_within=RECENT)


def _for_approval(number: int) -> str:
    return ngettext("waits for approval", "wait for approval", number)


def _for_acceptance(number: int) -> str:
    return ngettext("waits until the terms are accepted", "wait until the terms are accepted", number)


def _being_issued(number: int) -> str:
    return ngettext("is being issued", "are being issued", number)


def _for_the_person(number: int) -> str:
    return ngettext("waits for the passphrase or the mail", "wait for the passphrase or the mail", number)


def _completed(number: int) -> str:
    return ngettext("completed within seven days", "completed within seven days", number)


def _expiring(actor: Person) -> Iterator[Figure]:
    """Tokens that expire soon."""
    if offices.holds(actor, WATCHERS):
        yield figures.found(
            actor,
            _ends_soon,
            Meaning.WAITING,
            kind="certificate",
            state=CertificateState.VALID.value,
            expires_within=EXPIRING,
        )


def _ends_soon(number: int) -> str:
    return ngettext("certificate expires within 30 days", "certificates expire within 30 days", number)


def _events(actor: Person) -> list[AuditEvent]:
    """Recent events of requests that this officer reads."""
    last, names = EVENTS_LOOKED_AT, event_wording.MILESTONES
    if requests.reads_all(actor):
        return console_pages.recent_events(last, names=names, at_most=EVENTS_SHOWN)
    visible = Exists(requests.visible_requests(actor).filter(pk=OuterRef("request")))
    return planned(console_pages.events_of_requests(last, names).filter(visible)[:EVENTS_SHOWN])
