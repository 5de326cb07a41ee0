"""Columns of the list of officers: who holds which role, where, until when, and who gave and confirmed it."""

from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from identity_manager.console.lists.columns import Column, Columns
from identity_manager.console.people.roles.role_words import MAY, state_of
from identity_manager.models import Person, RoleAssignment, RoleReview
from identity_manager.ui import cells
from identity_manager.ui.templatetags import badges, moments, persons


@dataclass(frozen=True)
class Held:
    """A role that an officer holds, with its latest confirmation, if any."""

    role: RoleAssignment
    confirmed: RoleReview | None


def _who(row: Held) -> object:
    person = row.role.person
    url = reverse("console:person-roles", args=[person.pk])
    return persons.who(person.display_name, person.personnel_number, url, row=True)


def _role(row: Held) -> object:
    as_deputy = (gettext("as a deputy"),) if row.role.only_as_deputy else ()
    return cells.with_line(row.role, MAY.in_words(row.role.role), *as_deputy)


def _state(row: Held) -> object:
    """Of the role; of its person, where they are not Active and do nothing with it."""
    person = row.role.person
    return badges.badge(*state_of(row.role)) if person.is_active else badges.state_badge(person)


def _confirmed(row: Held) -> object:
    if row.confirmed is None:
        return cells.quiet(gettext("not yet"))
    return cells.with_line(moments.when(row.confirmed.decided_at), row.confirmed.decided_by)


def _last_day(row: Held) -> object:
    return row.role.valid_until or cells.quiet(gettext("without end"))


def given_cell(at: datetime, by: Person | None) -> object:
    """Draw when a role was assigned, and by whom."""
    return cells.with_line(moments.when(at), by) if by else moments.when(at)


def unit_cell(unit: str) -> object:
    """Draw an organisational unit; the word for all of them, where there is none."""
    return cells.isolate(unit) if unit else cells.quiet(gettext("everywhere"))


def unit_words(unit: str) -> str | Promise:
    """The unit as a CSV file and a printed list have it."""
    return unit or _("everywhere")


COLUMNS = Columns(
    (
        Column("number", _("Personnel number"), export="role.person.personnel_number"),
        Column("name", _("Name"), _who, export="role.person.display_name"),
        Column("person-state", _("State"), export=lambda row: row.role.person.get_state_display()),
        Column("role", _("Role"), _role, export="role"),
        Column(
            "unit",
            _("Organisational unit"),
            lambda row: unit_cell(row.role.organisational_unit),
            export=lambda row: unit_words(row.role.organisational_unit),
        ),
        Column("may", _("What the role may do"), export=lambda row: MAY.in_words(row.role.role)),
        Column("state", _("State"), _state),
        Column("from", _("First day"), export="role.valid_from"),
        Column("until", _("Last day"), _last_day, export="role.valid_until"),
        Column(
            "assigned",
            _("Assigned"),
            lambda row: given_cell(row.role.assigned_at, row.role.assigned_by),
            export="role.assigned_at",
        ),
        Column("assigned-by", _("Assigned by"), export="role.assigned_by"),
        Column(
            "confirmed",
            _("Confirmed"),
            _confirmed,
            export=lambda row: row.confirmed.decided_at if row.confirmed else None,
        ),
        Column(
            "confirmed-by",
            _("Confirmed by"),
            export=lambda row: row.confirmed.decided_by if row.confirmed else None,
        ),
    ),
    shown=("name", "role", "unit", "state", "until", "assigned", "confirmed"),
    is_steady=False,
)
