"""Pages of targets: settings without secrets, uses by types, placements with their errors, drift."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.paginator import Paginator
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from identity_manager.catalogue import permission
from identity_manager.console.forms.refusals import VerbForm
from identity_manager.console.history import event_wording
from identity_manager.models import (
    DriftFinding,
    DriftKind,
    DriftRun,
    Person,
    Placement,
    PlacementState,
    Target,
    TargetUse,
    TokenType,
)
from identity_manager.models.targets.placement import MAY_BE_REPEATED
from identity_manager.models.words import Vocabulary, Words
from identity_manager.targets import connectors
from identity_manager.targets.configuration import (
    GATEWAY,
    GMAIL,
    INTUNE,
    LDAP,
    SIGN_IN,
    TargetConfiguration,
)
from identity_manager.transactions import second_officer
from identity_manager.transactions.refusals import Reason
from identity_manager.ui.parts import Meaning, Pair, Tab
from identity_manager.workflow.targets import actions, uses

SHOWN = 50
FINDINGS_SHOWN = 100
KINDS = Vocabulary(
    "kinds of targets",
    {
        LDAP: _("LDAP directory"),
        GATEWAY: _("Mail gateway: keys are dropped"),
        INTUNE: _("Microsoft Intune: keys for managed devices"),
        GMAIL: _("Gmail in Google Workspace: Google gets the keys"),
        SIGN_IN: _("Sign-in to Active Directory (altSecurityIdentities)"),
    },
)
P = PlacementState
MEANINGS = {
    P.REFUSED: Meaning.STOPPED,
    P.PARKED: Meaning.STOPPED,
    P.VANISHED: Meaning.STOPPED,
    P.INTENDED: Meaning.WAITING,
    P.WAITING: Meaning.WAITING,
    P.THERE: Meaning.DONE,
    P.FOREIGN: Meaning.QUIET,
    P.GONE: Meaning.QUIET,
}
FINDINGS = {
    DriftKind.VANISHED: Meaning.STOPPED,
    DriftKind.ELSEWHERE: Meaning.STOPPED,
    DriftKind.OLDER: Meaning.WAITING,
    DriftKind.FOREIGN: Meaning.QUIET,
}


@dataclass(frozen=True)
class TargetCard:
    """A target: configuration, where the settings have it, and row, as far as there is one."""

    name: str
    configuration: TargetConfiguration | None
    row: Target | None
    counts: dict[str, int]

    @property
    def label(self) -> str:
        return self.configuration.name if self.configuration else self.name

    @property
    def kind(self) -> Words:
        return (
            KINDS.in_words(self.configuration.kind) if self.configuration else _("No longer in the settings")
        )

    @property
    def takes_keys(self) -> bool:
        """Whether keys go there, and not only certificates."""
        return self.configuration is not None and self.configuration.takes_keys

    @property
    def numbers(self) -> list[tuple[Words, Meaning, int]]:
        """How many certificates are in each state."""
        return [
            (state.label, MEANINGS[state], self.counts[state]) for state in MEANINGS if self.counts.get(state)
        ]

    @property
    def is_down(self) -> bool:
        return self.row is not None and self.row.is_down


@dataclass(frozen=True)
class UseRow:
    """A type of a target, in a row. obstacle: why this officer does not confirm it."""

    use: TargetUse
    type_name: str
    obstacle: Reason | None


@dataclass(frozen=True)
class PlacementRow:
    """A certificate at the target."""

    row: Placement

    @property
    def meaning(self) -> Meaning:
        return MEANINGS[PlacementState(self.row.state)]

    @property
    def obstacle(self) -> Reason | None:
        """Why nobody can say that the entry is at the target, or None."""
        return actions.ONLY_COPY if self.row.is_only_copy else None

    @property
    def reason(self) -> str:
        """Reason why the entry is not where it is to be; empty if there is none."""
        held_back = self.row.state == P.WAITING and not self.row.wanted
        held_back_words = str(_("Held back, or not wanted any more.")) if held_back else ""
        return str(self.row.error_in_words) or held_back_words


def takes_keys(name: str) -> bool:
    """Whether keys go to the target of this name."""
    configuration = connectors.configuration_of(name)
    return configuration is not None and configuration.takes_keys


def consequences(name: str) -> Words:
    """Consequences of confirming the target's use for a type, with places for officer, type and hold."""
    configuration = connectors.configuration_of(name)
    if configuration is not None and configuration.kind == GMAIL:
        return _(
            "%(officer)s asked that keys of %(type)s go to Google, with their passphrases: Google can read"
            " the mail of these persons. It holds for tokens that are sealed from now on."
        )
    if takes_keys(name):
        return _(
            "%(officer)s asked that keys of %(type)s go here, with their passphrases: who runs this target"
            " can read the mail of these persons. It holds for tokens that are sealed from now on."
        )
    return _(
        "%(officer)s asked that certificates of %(type)s are published here, those of tokens from before"
        " too. Held back: %(hold)s."
    )


def what_ends(name: str, type_code: str) -> Words:
    """Consequences of switching the target off for a type."""
    if not takes_keys(name):
        return _("What we had put there is taken back. Others can no longer look up these certificates.")
    if TokenType.objects.active().filter(code=type_code, targets_alone=True).exists():
        return _(
            "Targets alone deliver this type: new tokens are not sealed as long as no target is switched on."
            " Keys without another copy go on waiting; copies that wait are erased. Keys that arrived stay"
            " there."
        )
    only_copies = Placement.objects.only_copies().filter(target__name=name)
    if only_copies.filter(certificate__token__type_code=type_code).exists():
        return _(
            "No more keys go there, and copies that wait are erased. Keys without another copy, of tokens"
            " that targets alone deliver, go on waiting. Keys that arrived stay there."
        )
    return _("No more keys go there, and those that wait are erased. Keys that arrived stay there.")


def switched_off(name: str) -> Words:
    """Message after the target was switched off."""
    if takes_keys(name):
        return _("Switched off. Keys that arrived stay there.")
    return _("Switched off. What we had put there is taken back.")


def overview() -> list[TargetCard]:
    """The targets of the settings, then those that the settings had."""
    rows = {row.name: row for row in Target.objects.all()}
    names = dict.fromkeys((*settings.TARGETS, *rows))
    return [_card(name, rows.get(name)) for name in names]


def _card(name: str, row: Target | None) -> TargetCard:
    counts = Placement.objects.filter(target=row).counted() if row else {}
    return TargetCard(name, connectors.configuration_of(name), row, counts)


def of_target(actor: Person, name: str, form: VerbForm, *, asked: dict[str, str]) -> dict[str, Any]:
    """The context of one target."""
    row = Target.objects.filter(name=name).first()
    card = _card(name, row)
    return {
        "card": card,
        "form": form,
        "acts": permission.is_system_administrator(actor),
        "uses": list(_uses(actor, row)),
        "options": list(_options(card.configuration)),
        **_placements(card, asked),
        **({} if card.takes_keys else _drift(row)),
    }


def _options(configuration: TargetConfiguration | None) -> Iterator[Pair]:
    """Settings of the target. The secret is no option, and stands nowhere here."""
    if configuration is None:
        return
    yield Pair("identity", configuration.identity, mono=True)
    for name, value in configuration.shown.items():
        yield Pair(name, str(value), mono=True)


def _uses(actor: Person, row: Target | None) -> Iterator[UseRow]:
    rows = TargetUse.objects.filter(target=row).select_related("asked_by", "decided_by", "ended_by")
    names = event_wording.type_names()
    for use in rows:
        obstacle = second_officer.obstacle(actor, use, uses.REASONS) if use.waits() else None
        yield UseRow(use, names.get(use.type_code, use.type_code), obstacle)


def _placements(card: TargetCard, asked: dict[str, str]) -> dict[str, Any]:
    present = [state for state in MEANINGS if card.counts.get(state)]
    wanted = asked.get("state", "")
    chosen = next((state for state in present if state == wanted), present[0] if present else None)
    rows = Placement.objects.filter(target=card.row, state=chosen).select_related(
        "certificate__token", "target"
    )
    page = Paginator(rows.order_by("pk"), SHOWN).get_page(asked.get("page"))
    return {
        "tabs": [
            Tab(str(state.label), f"?state={state.value}", state == chosen, card.counts[state])
            for state in present
        ],
        "chosen": chosen,
        "may_repeat": chosen in MAY_BE_REPEATED and chosen != P.PARKED,
        "page": page,
        "placements": [PlacementRow(each) for each in page.object_list],
    }


def _drift(row: Target | None) -> dict[str, Any]:
    """The newest comparison, with the first of what it found."""
    runs = list(DriftRun.objects.filter(target=row)[:10]) if row else []
    newest = runs[0] if runs else None
    found = DriftFinding.objects.filter(run=newest).select_related("placement__certificate")
    return {
        "runs": [(run, _counts(run)) for run in runs],
        "drift": newest,
        "drift_counts": _counts(newest) if newest else [],
        "findings": [(each, FINDINGS[DriftKind(each.kind)]) for each in found[:FINDINGS_SHOWN]],
        "now": timezone.now(),
    }


def _counts(run: DriftRun) -> list[tuple[Words, Meaning, int]]:
    return [(kind.label, FINDINGS[kind], run.counts[kind]) for kind in FINDINGS if run.counts.get(kind)]
