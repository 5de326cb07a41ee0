"""The columns of a list of persons."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from identity_manager.console.lists.columns import Column, Columns
from identity_manager.models import Person, Role
from identity_manager.people.identity import email_addresses
from identity_manager.transactions.refusals import Reason
from identity_manager.ui import cells
from identity_manager.ui.templatetags import badges, persons, texts


@dataclass(frozen=True)
class PersonRow:
    """One person in the list: what they have, and whether they can be enabled, or why not."""

    person: Person
    token_types: list[str]
    obstacle: Reason | None
    url: str
    enable_url: str


def _name(row: PersonRow) -> object:
    return persons.who(row.person.display_name, row.person.personnel_number, row.url, row=True)


def _email(row: PersonRow) -> object:
    if not row.person.email:
        return cells.quiet(gettext("none"))
    return texts.breakable(email_addresses.readable(row.person.email))


def _tokens(row: PersonRow) -> object:
    return badges.badges(row.token_types) if row.token_types else ""


def _first_end(person: Any) -> datetime | None:
    ends = [each.not_after for token in person.tokens_in_use for each in token.usable if each.not_after]
    return min(ends, default=None)


def _names_of_tokens(person: Any) -> str:
    return ", ".join(str(token) for token in person.tokens_in_use)


def _enable(row: PersonRow) -> object:
    if row.obstacle:
        return cells.remark(row.obstacle)
    return cells.button(gettext("Enable"), row.enable_url, name=row.person.display_name)


COLUMNS = Columns(
    (
        Column(
            "name",
            _("Name"),
            _name,
            order=("by_name",),
            fields=("display_name", "personnel_number"),
            width="column-wide",
        ),
        Column("number", _("Personnel number"), export="personnel_number"),
        Column("given_name", _("Given name"), export="given_name"),
        Column("surname", _("Surname"), export="surname"),
        Column("display_name", _("Display name"), export="display_name"),
        Column(
            "email",
            _("E-mail"),
            _email,
            order=("email",),
            fields=("email",),
            export="email",
            css="address",
            width="column-wide",
        ),
        Column("upn", _("User principal name"), export="upn"),
        Column(
            "department",
            _("Department"),
            lambda row: row.person.department,
            order=("department", "by_name"),
            fields=("department",),
            export="department",
        ),
        Column(
            "unit", _("Organisational unit"), fields=("organisational_unit",), export="organisational_unit"
        ),
        Column("kind", _("Kind"), export=lambda person: person.get_kind_display()),
        Column(
            "state",
            _("State"),
            lambda row: badges.state_badge(row.person),
            order=("state", "by_name"),
            fields=("state",),
            export=lambda person: person.get_state_display(),
            width="column-narrow",
        ),
        Column("tokens", _("Tokens"), _tokens),
        Column("token_names", _("Software tokens"), export=_names_of_tokens),
        Column("first_end", _("First one expires"), export=_first_end),
        Column(
            "enable",
            _("Actions"),
            _enable,
            fields=("source",),  # a client of the API is not enabled
            is_action=True,
            shown_to=frozenset({Role.TOKEN_ADMINISTRATOR}),
        ),
    ),
    shown=("name", "department", "email", "state", "tokens", "enable"),
)
