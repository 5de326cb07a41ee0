"""The columns of a list of requests: in SEARCH and REQUESTS, and of what waits in OPEN TASKS.

Their rows come from search.requests.prepared.
"""

from dataclasses import replace
from typing import Any

from django.utils.text import Truncator
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from identity_manager.console.lists.columns import Column, Columns
from identity_manager.models import TokenRequest
from identity_manager.ui import cells
from identity_manager.ui.templatetags import badges, moments, persons

SHOWN_OF_PURPOSE = 120  # characters in a cell


def title_of(row: TokenRequest) -> str:
    """Say what a request is about: "Encryption, Signature and VPN"; its kind, where no line is left."""
    *first, last = [str(token) for token in row.lines] or [row.get_kind_display()]
    return f"{', '.join(first)} {gettext('and')} {last}" if first else last


def _person(row: Any) -> object:
    return persons.who(row.person.display_name, row.reference, row.page, row=True)


def _state(row: TokenRequest) -> object:
    """With how many of several approvals are given, while others are missing."""
    badge = badges.state_badge(row)
    given = row.approval_progress if row.is_undecided else ""
    return cells.with_line(badge, given) if given else badge


def _names_of_tokens(row: TokenRequest) -> str:
    return ", ".join(str(token) for token in row.tokens.all())


def _names_of_delivered(row: TokenRequest) -> str:
    return ", ".join(str(token) for token in row.tokens.all() if token.delivered_at)


def _names_of_installed(row: TokenRequest) -> str:
    return ", ".join(str(token) for token in row.tokens.all() if token.installed_at)


def _decide(row: Any) -> object:
    """The button that opens the decision in a dialog; without scripts, the page of the request."""
    button = cells.button(
        gettext("Decide"),
        row.page,
        name=row.person.display_name,
        data_dialog="decide",
        hx_get=row.decide_page,
        hx_target="#decide-body",
        hx_swap="outerHTML",
        hx_sync="closest table:replace",
    )
    return cells.above(row.approval_progress, button)


_FOR = Column(
    "person",
    _("For"),
    _person,
    order=("person__search_text__by_name",),
    fields=("reference", "person__state", "person__display_name"),
    width="column-wide",
)
_TOKENS = Column("tokens", _("Tokens"), title_of, fields=("kind", "round", "state"), width="column-wide")
_PURPOSE = Column(
    "purpose",
    _("What it is for"),
    lambda row: cells.isolate(Truncator(row.purpose).chars(SHOWN_OF_PURPOSE)),
    fields=("purpose",),
    width="column-wide",
)
ASKED_BY = Column(
    "asked_by",
    _("Asked by"),
    lambda row: cells.isolate(row.requested_by),
    fields=("requested_by__state", "requested_by__display_name"),
    export="requested_by",
)
_ASKED = Column(
    "asked",
    _("Asked"),
    lambda row: moments.when(row.created_at),
    order=("created_at",),
    fields=("created_at",),
    export="created_at",
    width="column-narrow",
)
_STATE = Column(
    "state",
    _("State"),
    _state,
    order=("state", "created_at"),
    fields=("state", "stopped_at", "kind", "approvals_needed", "round"),
    export=lambda row: row.get_state_display(),
    width="column-state",
)
_AGE = replace(_ASKED, name="age", label=_("Age"), cell=lambda row: moments.age(row.created_at))
_DECIDE = Column(
    "decide",
    _("Actions"),
    _decide,
    fields=("approvals_needed", "round", "snapshot_hash"),  # the hash is what the check box posts
    is_action=True,
)
_BACK = Column("back", _("Comes back"), lambda row: moments.when(row.comes_back_at))
_LISTED = ("person", "tokens", "asked_by", "asked", "state")
_WAITING = ("person", "tokens", "asked_by", "age", "state")

COLUMNS = Columns(
    (
        Column("reference", _("Reference"), export="reference"),
        _STATE,
        Column("kind", _("Kind"), export=lambda row: row.get_kind_display()),
        _FOR,
        Column("person_name", _("Person"), export="person"),
        Column("number", _("Personnel number"), export="person.personnel_number"),
        Column("department", _("Department"), export="person.department"),
        Column("unit", _("Organisational unit"), export="person.organisational_unit"),
        _TOKENS,
        Column("purpose", _("What it is for"), export="purpose"),
        Column("token_names", _("Software tokens"), export=_names_of_tokens),
        ASKED_BY,
        Column("origin", _("How it came about"), export=lambda row: row.get_origin_display()),
        _ASKED,
        Column("decided", _("Decided"), export="decided_at"),
        Column("accepted", _("Accepted"), export="accepted_at"),
        Column("issued", _("Issued"), export="issued_at"),
        Column("delivered", _("Delivered"), export=_names_of_delivered),
        Column("installed", _("Installed"), export=_names_of_installed),
        Column("ended", _("Ended"), export="ended_at"),
        Column("reason", _("Reason"), export="reason"),
    ),
    shown=_LISTED,
)
WAITING = Columns((_FOR, _TOKENS, ASKED_BY, _AGE, _STATE), shown=_WAITING)
_TO_DECIDE = ("person", "purpose", "tokens", "asked_by", "age", "decide")
TO_DECIDE = Columns((_FOR, _PURPOSE, _TOKENS, ASKED_BY, _AGE, _DECIDE), shown=_TO_DECIDE)
POSTPONED = Columns((*TO_DECIDE.every, _BACK), shown=(*_TO_DECIDE[:-1], "back", "decide"))
