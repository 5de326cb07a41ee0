"""Targets: how the settings configure them, without secrets, and the token types that they are used for.

An import switches uses on, after a second officer; what the settings say is changed in the settings.
"""

from collections.abc import Iterable

from django.conf import settings
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
from identity_manager.models import HoldBack, TargetUse, TokenType
from identity_manager.transactions.refusals import Reason
from identity_manager.workflow.targets import uses

IN_SETTINGS = Reason(
    "configuration-target-in-settings",
    _("How a target is reached stands in the settings, under TARGETS. An import switches its use on alone."),
)
NOT_CONFIGURED = Reason(
    "configuration-no-target",
    _("The settings here have no target of this name. Add it to TARGETS, then import the file again."),
)


def _with_uses(rows: Iterable[TargetUse]) -> dict[str, Present]:
    """Every target of the settings, with these uses."""
    by_target: dict[str, list[dict[str, str]]] = {}
    for use in rows:
        said = {"type_code": use.type_code, "hold_back": str(use.hold_back)}
        by_target.setdefault(use.target.name, []).append(said)
    return {
        name: Present(
            {
                "kind": target.kind,
                "name": target.name,
                "identity": target.identity,
                "options": plain(target.shown),
                "uses": sorted(by_target.get(name, []), key=lambda use: use["type_code"]),
            },
            name,
        )
        for name, target in settings.TARGETS.items()
    }


def plain(value: object) -> object:
    """Without what TOML cannot say: null."""
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items() if each is not None}
    return [plain(each) for each in value] if isinstance(value, list | tuple) else value


def _here() -> dict[str, Present]:
    return _with_uses(TargetUse.objects.in_force().select_related("target"))


def _drafts() -> dict[str, Present]:
    return _with_uses(TargetUse.objects.open().select_related("target"))


def _make(making: Making, code: str, values: Values) -> str:
    if code not in settings.TARGETS:
        raise LeftAloneError(NOT_CONFIGURED)
    opened = {use["type_code"] for use in _drafts()[code].values["uses"]}
    wanted = [use for use in values["uses"] if use["type_code"] not in opened]
    offered = set(TokenType.objects.active().values_list("code", flat=True))
    ready = [use for use in wanted if use["type_code"] in offered]
    if not ready:
        raise LeftAloneError(LATER if wanted else IN_SETTINGS)
    for use in ready:
        uses.ask(actor=making.actor, target=code, **use)
    making.note = str(LATER) if len(ready) < len(wanted) else ""
    return code


_use = {"type_code": shapes.LINE, "hold_back": shapes.choice(HoldBack.values)}
TARGETS = ConfigurationKind(
    name="target",
    label=_("Targets"),
    line=_("Where certificates are published, without what opens them"),
    keys={
        "kind": Key(_("Kind"), shapes.LINE),
        "name": Key(_("Name"), shapes.LINE),
        "identity": Key(_("Identity"), shapes.LINE),
        "options": Key(_("Options"), shapes.TABLE, {}),
        "uses": Key(_("Token types"), shapes.tables(**_use), []),
    },
    here=_here,
    drafts=_drafts,
    make=_make,
    page="",
)
