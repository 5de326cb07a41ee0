"""Standing orders, by name. An import makes those that are not here; their second officer is as always."""

import uuid

from django.utils.translation import gettext_lazy as _

from identity_manager.configuration import shapes
from identity_manager.configuration.kind import (
    LATER,
    ConfigurationKind,
    Key,
    LeftAloneError,
    Making,
    Present,
    Values,
)
from identity_manager.configuration.shapes import Shape
from identity_manager.models import (
    DirectoryGroup,
    LossRule,
    StandingBasis,
    StandingOrder,
    StandingState,
    TokenType,
)
from identity_manager.models.standing_orders.order import COVERING, CRITERIA
from identity_manager.transactions.refusals import Reason, require
from identity_manager.workflow.policy import eligibility
from identity_manager.workflow.standing_orders import orders

ENDED_FIRST = Reason(
    "configuration-standing-order-differs",
    _("A standing order does not change. End the one of this name, and give the new one another name."),
)
ONE_GROUP = _("There is no group %(group)s here, or there are several: make it first, or name its directory.")
_criteria = Shape(
    _("a table of texts: kind, text, department, organisational_unit"),
    lambda value: shapes.TEXTS.fits(value) and value.keys() <= CRITERIA.keys(),
)
KEYS = {
    "basis": Key(_("Who"), shapes.choice(StandingBasis.values)),
    "group": Key(_("Group"), shapes.LINE, None),
    "directory": Key(_("Directory"), shapes.LINE, None),
    "criteria": Key(_("Criteria"), _criteria, {}),
    "search_name": Key(_("Saved search"), shapes.LINE, ""),
    "type_code": Key(_("Token type"), shapes.LINE),
    "loss_rule": Key(_("Who leaves"), shapes.choice(LossRule.values)),
    "purpose": Key(_("Purpose"), shapes.PARAGRAPHS, ""),
}
# Columns of the order, and fields of its input; the two other keys name its group.
_COLUMNS = [name for name in KEYS if name not in ("group", "directory")]


def _present(order: StandingOrder) -> Present:
    columns = {name: getattr(order, name) for name in _COLUMNS}
    group = order.group
    source = group.source if group else None
    named = {"group": group.name if group else None, "directory": source.name if source else None}
    return Present(columns | named, order.pk)


def _in_states(*states: StandingState) -> dict[str, Present]:
    rows = StandingOrder.objects.filter(state__in=states).select_related("group__source")
    return {order.name: _present(order) for order in rows}


def _make(making: Making, code: str, values: Values) -> uuid.UUID:
    """Raises LeftAloneError for what another officer, or a later import, does."""
    if not eligibility.administers_everywhere(making.actor):
        raise LeftAloneError(orders.NOT_KEEPER)
    if StandingOrder.objects.filter(name=code).exists():
        raise LeftAloneError(ENDED_FIRST)
    if not TokenType.objects.active().filter(code=values["type_code"]).exists():
        raise LeftAloneError(LATER)
    group = _group(values) if values["basis"] == StandingBasis.GROUP else None
    columns = {name: values[name] for name in _COLUMNS}
    wanted = orders.StandingOrderInput(name=code, group=group, **columns)
    return orders.make(actor=making.actor, wanted=wanted).pk


def _group(values: Values) -> uuid.UUID:
    """The one group of that name, of the directory or made by hand. Raises NotPossible."""
    rows = DirectoryGroup.objects.filter(gone_at=None, name=values["group"] or "")
    directory = values["directory"]
    rows = rows.filter(source=None) if directory is None else rows.filter(source__name=directory)
    found = list(rows[:2])
    sentence = str(ONE_GROUP) % {"group": values["group"]}
    require(len(found) == 1, else_=Reason("configuration-no-group", sentence), field="group")
    return found[0].pk


STANDING_ORDERS = ConfigurationKind(
    name="standing-order",
    label=_("Standing orders"),
    line=_("Who has a token type for as long as they are in a group, a unit or a search"),
    keys=KEYS,
    here=lambda: _in_states(*COVERING),
    drafts=lambda: _in_states(StandingState.CHECKING, StandingState.WAITING),
    make=_make,
    page="console:standing-order",
)
