"""Open tasks of delivered files: missing installations, problems, keys that targets refuse."""

from datetime import datetime
from operator import attrgetter

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from identity_manager.console.access import arrivals, installations, offices
from identity_manager.console.lists.columns import Column
from identity_manager.console.open_tasks import columns
from identity_manager.console.open_tasks.source import More, Source
from identity_manager.models import DeliveryProblem, InstallationNotice, Person, Role, SoftwareToken
from identity_manager.models.mail.delivery_problem import DECIDERS
from identity_manager.ui import cells
from identity_manager.ui.templatetags import moments
from identity_manager.workflow.targets import sole_delivery

MENDERS = frozenset({Role.TOKEN_ADMINISTRATOR})


def not_installed(actor: Person, _now: datetime) -> QuerySet[InstallationNotice]:
    """Installation notices that this administrator answers, the longest told first."""
    return installations.answered_by(actor).order_by("told_at", "pk")


def _notice_page(row: InstallationNotice) -> str:
    return reverse("console:not-installed", args=[row.pk])


def not_arrived(actor: Person, _now: datetime) -> QuerySet[DeliveryProblem]:
    """Delivery problems that this administrator decides, the oldest first."""
    return arrivals.decided_by(actor).order_by("opened_at", "pk")


def _problem_page(row: DeliveryProblem) -> str:
    return reverse("console:not-arrived", args=[row.pk])


def keys_not_at_targets(actor: Person, _now: datetime) -> QuerySet[SoftwareToken]:
    """Tokens of this administrator's persons whose targets do not take the keys, the oldest first."""
    rows = sole_delivery.stuck().filter(offices.within_units(actor, MENDERS, "person__organisational_unit"))
    related = rows.select_related("person", "token_type", "request").defer("passphrase_wrapped", "snapshot")
    return related.order_by("created_at", "pk")


def _request_page(row: SoftwareToken) -> str:
    return reverse("console:request", args=[row.request_id])


SOURCES = (
    Source(
        name="keys-not-at-targets",
        title=_("Keys that do not reach their targets"),
        roles=MENDERS,
        waiting=keys_not_at_targets,
        any_waiting=sole_delivery.STUCK_AMONG,
        columns=columns.table(
            Column(
                "person",
                _("Person"),
                lambda row: columns.person_cell(row.person, _request_page(row)),
                width="column-wide",
            ),
            Column("token", _("Software token"), str),
            Column("asked", _("Asked for"), lambda row: moments.when(row.created_at)),
            columns.action(_("Look at it"), _request_page),
        ),
        lead=_(
            "Targets alone deliver these tokens: there is no file. The page of the request says what is"
            " wrong."
        ),
        sentence=lambda number: ngettext(
            "software token does not reach its targets", "software tokens do not reach their targets", number
        ),
    ),
    Source(
        name="not-arrived",
        title=_("Files that did not arrive"),
        roles=DECIDERS,
        waiting=not_arrived,
        any_waiting=(lambda: DeliveryProblem.objects.filter(ended_at=None),),
        columns=columns.table(
            Column(
                "person",
                _("Person"),
                lambda row: columns.person_cell(row.token.person, _problem_page(row)),
                width="column-wide",
            ),
            Column("token", _("Software token"), attrgetter("token")),
            Column("happened", _("What happened"), str),
            Column("domain", _("Domain"), lambda row: cells.isolate(row.domain)),
            Column("told", _("Told"), lambda row: moments.when(row.opened_at)),
            columns.action(columns.DECIDE, _problem_page),
        ),
        more=More(_("Mail domains"), "console:mail-domains"),
        sentence=lambda number: ngettext("file did not arrive", "files did not arrive", number),
    ),
    Source(
        name="not-installed",
        title=_("Delivered, and not said to be installed"),
        roles=installations.ANSWERERS,
        waiting=not_installed,
        any_waiting=(lambda: InstallationNotice.objects.filter(ended_at=None, told_at__isnull=False),),
        columns=columns.table(
            Column(
                "person",
                _("Person"),
                lambda row: columns.person_cell(row.token.person, _notice_page(row)),
                width="column-wide",
            ),
            Column("token", _("Software token"), attrgetter("token")),
            Column("delivered", _("Delivered"), lambda row: moments.when(row.token.delivered_at)),
            columns.action(columns.DECIDE, _notice_page),
        ),
        lead=_(
            "Their persons were reminded. Where tokens are to be revoked for it and more are due than a day"
            " may have, they wait here, too: nothing is revoked before some of them are answered."
        ),
        sentence=lambda number: ngettext(
            "delivered software token is not said to be installed",
            "delivered software tokens are not said to be installed",
            number,
        ),
    ),
)
