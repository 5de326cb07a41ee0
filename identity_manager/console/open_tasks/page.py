"""Page OPEN TASKS of officers: its sources (SOURCES), its context, and the number on its tab.

OPEN TASKS shows one section for each source of the officer's roles, START links to non-empty ones, and the
number on the tab is the sum of those that count. A feature with tasks for officers adds a source.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from identity_manager.console.access import mails, offices
from identity_manager.console.archive import open_tasks as archive_tasks
from identity_manager.console.certificates import found_at_cas, manual_revocations
from identity_manager.console.delivery import open_tasks as delivery_tasks
from identity_manager.console.lists import counting, remembered_counts
from identity_manager.console.lists.columns import Columns
from identity_manager.console.open_tasks import second_officer
from identity_manager.console.open_tasks.possible import possible
from identity_manager.console.open_tasks.source import Beginning, Bulk, More, Section, Source
from identity_manager.console.outbox.mail_columns import HELD_UP, IN_TROUBLE
from identity_manager.console.people import open_tasks as people_tasks
from identity_manager.console.recertification import open_tasks as recertification_tasks
from identity_manager.console.recovery import open_tasks as recovery_tasks
from identity_manager.console.renewal import open_tasks as renewal_tasks
from identity_manager.console.search import requests as request_list
from identity_manager.console.search.request_columns import POSTPONED, TO_DECIDE, WAITING
from identity_manager.console.targets import open_tasks as target_tasks
from identity_manager.console.terms import open_tasks as terms_tasks
from identity_manager.console.token_imports import open_tasks as token_import_tasks
from identity_manager.models import (
    Certificate,
    OutgoingMail,
    Person,
    Postponement,
    Role,
    TokenRequest,
)
from identity_manager.models.people.role import today
from identity_manager.models.requests.token_request import TokenRequestQuerySet
from identity_manager.people.officers import deputy_policy
from identity_manager.queries import decisions, list_rows
from identity_manager.ui.parts import Meaning

DECIDERS = frozenset({Role.APPROVER})
MENDERS = frozenset({Role.TOKEN_ADMINISTRATOR})
MAIL_OPERATORS = frozenset({Role.SYSTEM_ADMINISTRATOR})
TAB, BY_SOURCE = "open-tasks", "open-tasks by source"


class TaskCounter:
    """The number on the tab of OPEN TASKS, lazily counted and cached for some seconds."""

    def __init__(self, request: HttpRequest) -> None:
        self._request = request

    @cached_property
    def number(self) -> counting.CappedCount:
        """Number of tasks that this officer can do now."""
        actor: Person | None = getattr(self._request, "person", None)
        if actor is None or not actor.is_active:
            return counting.CappedCount(0)
        number = remembered_counts.remembered(
            self._request, actor, TAB, lambda: _sum(numbers_of_tasks(actor))
        )
        return counting.capped(number)


@dataclass(frozen=True)
class CountedTasks:
    """A task counter of a page that has counted already."""

    number: counting.CappedCount

    @classmethod
    def of(cls, request: HttpRequest, actor: Person, numbers: Mapping[str, int]) -> "CountedTasks":
        remembered_counts.remember(request, actor, TAB, _sum(numbers))
        return cls(counting.capped(_sum(numbers)))


def task_counter(request: HttpRequest) -> dict[str, Any]:
    """Give templates the number on the tab, as `task_counter` (a context processor)."""
    return {"task_counter": TaskCounter(request)}


def context(request: HttpRequest, actor: Person) -> dict[str, Any]:
    """Sections of the officer's roles, each at the page requested in the query string.

    Lists that fit on the page are not counted: their rows are the number on the tab.
    """
    sections = [each for each in sections_of(actor, request.GET) if each.is_shown]
    numbers = {each.source.name: each.number for each in sections if each.source.counts}
    return {
        "tab": "open_tasks",
        "task_counter": CountedTasks.of(request, actor, numbers),
        "sections": sections,
        "approves": offices.holds(actor, DECIDERS),
    }


def sections_of(
    actor: Person,
    asked: Mapping[str, str],
    counted: Mapping[str, int] | None = None,
) -> Iterator[Section]:
    """The sections that concern this officer, empty or not.

    asked: the requested page of each. counted: how many wait in each that counts; None: nothing is known.
    """
    concerned = [each for each in SOURCES if each.concerns(actor)]
    if counted is None:
        some = possible(concerned, actor)
        counted = {each.name: 0 for each in concerned if each not in some}
    for source in concerned:
        yield Section(source, actor, asked.get(source.name, ""), counted.get(source.name))


def _sum(numbers: Mapping[str, int]) -> int:
    return sum(numbers.values())


def numbers_of_tasks(actor: Person) -> dict[str, int]:
    """How many wait in each source that counts, to one beyond COUNT_LIMIT of each list.

    Which of them can have tasks at all is one query, and so are the counts of those without a prepared one.
    """
    now = timezone.now()
    counted = [each for each in SOURCES if each.counts and each.concerns(actor)]
    some = possible(counted, actor)
    known = {each.name: each.known_number(actor, now) for each in some}
    lists = {each.name: each.lists(actor, now) for each in some if known[each.name] is None}
    every = (rows for of_source in lists.values() for rows in of_source)
    found = iter(counting.counts(map(counting.limited, every), always=True))
    known |= {name: sum(next(found) for _rows in of_source) for name, of_source in lists.items()}
    return {each.name: known.get(each.name) or 0 for each in counted}


def remembered_numbers(request: HttpRequest, actor: Person) -> dict[str, int]:
    """The same, remembered for some seconds, for a page that shows numbers and no rows."""
    return remembered_counts.remembered(request, actor, BY_SOURCE, lambda: numbers_of_tasks(actor))


def awaiting_decision(actor: Person, now: datetime) -> QuerySet[TokenRequest]:
    """Requests on which this approver may decide now."""
    return with_lines(_decidable(actor).not_postponed_by(actor.pk, now), TO_DECIDE)


def _first_to_decide(actor: Person, now: datetime, at_most: int) -> list[TokenRequest] | None:
    if not _decides_on_all(actor):
        return None
    rows = decisions.first(actor.pk, now, today(), fields=TO_DECIDE.fields, at_most=at_most)
    list_rows.prefetch_lines(rows)
    return rows


def _number_to_decide(actor: Person, now: datetime) -> int | None:
    if not _decides_on_all(actor):
        return None
    return decisions.number(actor.pk, now, today(), at_most=counting.COUNT_LIMIT + 1)


def _decides_on_all(actor: Person) -> bool:
    """Whether they decide for all units and as nobody's deputy, as most approvers do."""
    return "" in actor.own_units(Role.APPROVER) and not deputy_policy.deputyships_of(actor)


def postponed(actor: Person, now: datetime) -> QuerySet[TokenRequest]:
    """Requests that this approver has postponed."""
    # Asked first: to make the list below takes ten times as long, and few approvers have postponed anything.
    if not Postponement.objects.filter(approver=actor, until__gt=now).exists():
        return TokenRequest.objects.none()
    mine = Postponement.objects.filter(approver=actor, request=OuterRef("pk")).values("until")
    rows = _decidable(actor).postponed_by(actor.pk, now)
    return with_lines(rows, POSTPONED).annotate(comes_back_at=Subquery(mine))


def _decidable(actor: Person) -> TokenRequestQuerySet:
    deputyships = deputy_policy.deputyships_of(actor)
    rows = TokenRequest.objects.awaiting_decision().decidable_by(actor, deputyships)
    return rows.filter(_of_units(actor, DECIDERS))


def failed(actor: Person, _now: datetime) -> QuerySet[TokenRequest]:
    """Failed requests, which this administrator retries or cancels."""
    return with_lines(TokenRequest.objects.failed().filter(_of_units(actor, MENDERS)))


def stopped(actor: Person, _now: datetime) -> QuerySet[TokenRequest]:
    """Stopped requests, whose person has changed: this administrator starts them again or cancels."""
    return with_lines(TokenRequest.objects.stopped().filter(_of_units(actor, MENDERS)))


def parked(actor: Person, _now: datetime) -> QuerySet[TokenRequest]:
    """Requests with parked orders (unknown outcome at the CA), on which this administrator decides."""
    certificates = Certificate.objects.parked().values("token__request")
    return with_lines(TokenRequest.objects.filter(_of_units(actor, MENDERS), pk__in=certificates))


def left_undecided(actor: Person, _now: datetime) -> QuerySet[TokenRequest]:
    """Requests on which no approver decides or can decide."""
    return with_lines(TokenRequest.objects.left_undecided().filter(_of_units(actor, MENDERS)))


def mails_in_trouble(actor: Person, _now: datetime) -> QuerySet[OutgoingMail]:
    """Failed or bounced mails, which this administrator retries or discards."""
    rows = mails.handled_mails(actor, MENDERS).in_trouble()
    return rows.only(*IN_TROUBLE.fields).order_by("last_error_at", "pk")


def mails_held_up(actor: Person, _now: datetime) -> QuerySet[OutgoingMail]:
    """Mails that wait because the mail server refuses the installation."""
    rows = mails.handled_mails(actor, MAIL_OPERATORS).held_up()
    return rows.only(*HELD_UP.fields).order_by("last_error_at", "pk")


def with_lines(rows: QuerySet[TokenRequest], shown: Columns = WAITING) -> QuerySet[TokenRequest]:
    """Requests with what their rows show, oldest first."""
    return request_list.with_lines(rows, shown).order_by("created_at", "pk")


def _of_units(actor: Person, roles: frozenset[Role]) -> Q:
    return offices.within_units(actor, roles, "person__organisational_unit")


def seen(row: TokenRequest) -> tuple[object, object]:
    """Value of a request's check box, with the snapshot hash that was shown, and its label."""
    return f"{row.pk}:{row.snapshot_hash}", row.person.display_name


SOURCES = (
    Source(
        name="decisions",
        title=_("Wait for your decision"),
        roles=DECIDERS,
        waiting=awaiting_decision,
        any_waiting=(TokenRequest.objects.undecided,),
        beginning=Beginning(_first_to_decide, _number_to_decide),
        columns=TO_DECIDE,
        prepared=request_list.prepared,
        more=More(_("Decide on several at once"), "console:decisions", beyond=1),
        bulk=Bulk("requests", seen, "identity_manager/approvals/bulk_buttons.html", "console:decisions"),
        sentence=lambda number: ngettext(
            "request waits for your decision", "requests wait for your decision", number
        ),
        empty=_("Nothing waits for your decision. Requests that need it appear here, oldest first."),
    ),
    Source(
        name="postponed",
        title=_("Postponed"),
        roles=DECIDERS,
        waiting=postponed,
        any_waiting=(Postponement.objects.all,),
        columns=POSTPONED,
        prepared=request_list.prepared,
        sentence=lambda number: ngettext("request is postponed", "requests are postponed", number),
        counts=False,
        meaning=Meaning.QUIET,
    ),
    Source(
        name="stopped",
        title=_("Stopped: the person's data have changed"),
        roles=MENDERS,
        waiting=stopped,
        any_waiting=(TokenRequest.objects.stopped,),
        columns=WAITING,
        prepared=request_list.prepared,
        sentence=lambda number: ngettext(
            "request is stopped, because its person has changed",
            "requests are stopped, because their persons have changed",
            number,
        ),
    ),
    *renewal_tasks.SOURCES,
    Source(
        name="left-undecided",
        title=_("Nobody decides"),
        roles=MENDERS,
        waiting=left_undecided,
        any_waiting=(TokenRequest.objects.left_undecided,),
        columns=WAITING,
        prepared=request_list.prepared,
        sentence=lambda number: ngettext(
            "request is decided by nobody", "requests are decided by nobody", number
        ),
    ),
    Source(
        name="parked",
        title=_("Nobody knows whether it was issued"),
        roles=MENDERS,
        waiting=parked,
        any_waiting=(Certificate.objects.parked,),
        columns=WAITING,
        prepared=request_list.prepared,
        sentence=lambda number: ngettext(
            "request waits for your word about a certificate authority",
            "requests wait for your word about a certificate authority",
            number,
        ),
    ),
    Source(
        name="by-hand",
        title=_("To be revoked at the certificate authority by hand"),
        roles=MENDERS,
        waiting=manual_revocations.certificates,
        also=(manual_revocations.surplus,),
        any_waiting=manual_revocations.ANY,
        columns=manual_revocations.COLUMNS,
        lead=_(
            "These authorities cannot be told to revoke, or refused to. Until somebody revokes there, others"
            " go on trusting these certificates."
        ),
        sentence=lambda number: ngettext(
            "certificate has to be revoked at its authority by hand",
            "certificates have to be revoked at their authorities by hand",
            number,
        ),
    ),
    *found_at_cas.SOURCES,
    Source(
        name="failed",
        title=_("Requests that have failed"),
        roles=MENDERS,
        waiting=failed,
        any_waiting=(TokenRequest.objects.failed,),
        columns=WAITING,
        prepared=request_list.prepared,
        sentence=lambda number: ngettext("request has failed", "requests have failed", number),
        empty=_("No request has failed."),
        meaning=Meaning.STOPPED,
    ),
    Source(
        name="mails",
        title=_("Mails that nobody got"),
        roles=MENDERS,
        waiting=mails_in_trouble,
        any_waiting=(OutgoingMail.objects.in_trouble,),
        columns=IN_TROUBLE,
        more=More(
            _("See them in the outbox, to retry or discard them together"), "console:outbox", "?state=trouble"
        ),
        sentence=lambda number: ngettext(
            "mail was refused or came back", "mails were refused or came back", number
        ),
        meaning=Meaning.STOPPED,
    ),
    Source(
        name="mails-held-up",
        title=_("Mail does not go out"),
        roles=MAIL_OPERATORS,
        waiting=mails_held_up,
        columns=HELD_UP,
        lead=_(
            "The mail server refuses this installation: its name, its password, its sender or its"
            " certificate. Mend the mail settings; nothing is lost."
        ),
        more=More(_("See them in the outbox"), "console:outbox", "?state=stuck"),
        sentence=lambda number: ngettext(
            "mail waits for an operator",
            "mails wait for an operator",
            number,
        ),
        counts=False,
        meaning=Meaning.STOPPED,
    ),
    *people_tasks.SOURCES,
    *recertification_tasks.SOURCES,
    *second_officer.SOURCES,
    *archive_tasks.SOURCES,
    *recovery_tasks.SOURCES,
    *terms_tasks.SOURCES,
    *delivery_tasks.SOURCES,
    *target_tasks.SOURCES,
    *token_import_tasks.SOURCES,
)
