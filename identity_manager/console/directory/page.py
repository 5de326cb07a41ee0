"""Pages of directory sources: mapping, schedule, runs; and a run, with its persons as a diff."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.paginator import Paginator
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from identity_manager.console.access import directory as access
from identity_manager.console.administration.job_page import schedule_words
from identity_manager.console.directory import settings_words
from identity_manager.console.forms.refusals import VerbForm
from identity_manager.console.people.import_columns import shown
from identity_manager.directory import sources
from identity_manager.directory.configuration import SourceConfiguration
from identity_manager.models import (
    DirectoryOutcome,
    DirectoryRun,
    DirectoryRunLine,
    DirectorySource,
    Person,
    PersonImport,
    RunState,
)
from identity_manager.models.people.person import field_label
from identity_manager.models.words import Vocabulary, Words
from identity_manager.people import directory_policy, registration_policy
from identity_manager.people.breaker import Stop
from identity_manager.transactions.refusals import Reason
from identity_manager.ui.parts import Meaning, Pair, Tab
from identity_manager.ui.punctuation import labelled

RUNS_SHOWN = 20
LINES_SHOWN = 100
MEANINGS = {
    RunState.READING: Meaning.INFORMATION,
    RunState.INCOMPLETE: Meaning.STOPPED,
    RunState.PLANNED: Meaning.INFORMATION,
    RunState.STOPPED: Meaning.STOPPED,
    RunState.WAITING: Meaning.WAITING,
    RunState.APPLYING: Meaning.INFORMATION,
    RunState.DONE: Meaning.DONE,
    RunState.DROPPED: Meaning.QUIET,
}
OUTCOMES = {
    DirectoryOutcome.REFUSED: Meaning.STOPPED,
    DirectoryOutcome.LOCK: Meaning.STOPPED,
    DirectoryOutcome.LEAVE: Meaning.WAITING,
    DirectoryOutcome.RETURN: Meaning.DONE,
    DirectoryOutcome.CREATE: Meaning.DONE,
    DirectoryOutcome.UPDATE: Meaning.INFORMATION,
    DirectoryOutcome.WAITS: Meaning.WAITING,
    DirectoryOutcome.LINK: Meaning.QUIET,
}
KINDS = Vocabulary(
    "kinds of directories",
    {"ldap": _("LDAP directory"), "csv": _("Folder with CSV files"), "scim": _("SCIM")},
)


@dataclass(frozen=True)
class RunRow:
    """A run in a list, or on its page."""

    row: DirectoryRun

    @property
    def meaning(self) -> Meaning:
        return MEANINGS[RunState(self.row.state)]

    @property
    def counts(self) -> list[tuple[Words, int]]:
        """Numbers of persons by outcome."""
        found = self.row.counts
        return [(outcome.label, found[outcome]) for outcome in OUTCOMES if found.get(outcome)]

    @property
    def stop(self) -> Reason | None:
        """Reason why the breaker stopped the run, or would stop it, in words; None if it does not."""
        return Stop(self.row.stop_code, self.row.stop_facts).reason if self.row.stop_code else None


@dataclass(frozen=True)
class SourceCard:
    """A source in the list. row: its state, as far as there is one."""

    configuration: SourceConfiguration
    row: DirectorySource | None
    last: RunRow | None

    @property
    def kind(self) -> Words:
        return KINDS.in_words(self.configuration.kind)

    @property
    def schedule(self) -> str:
        return schedule_words(self.configuration.every)

    @property
    def is_running(self) -> bool:
        return self.row is not None and self.row.is_leased(timezone.now())


@dataclass(frozen=True)
class PersonLine:
    """Line of a run about one person, in words."""

    row: DirectoryRunLine

    @property
    def meaning(self) -> Meaning:
        return OUTCOMES[DirectoryOutcome(self.row.outcome)]

    @property
    def name(self) -> str:
        return str(
            self.row.person or f"{self.row.values.get('given_name', '')} {self.row.values.get('surname', '')}"
        )

    @property
    def sentences(self) -> list[str]:
        """Problem of a refused line; else each changed field, before and after."""
        if self.row.problem:
            return [self.row.problem]
        return list(self._changes())

    def _changes(self) -> Iterator[str]:
        person = self.row.person
        fields, waits = self.row.changes.get("fields", {}), self.row.changes.get("waits", {})
        for name, value in {**fields, **waits}.items():
            before = "" if person is None else person.manager if name == "manager" else getattr(person, name)
            values = f"{shown(name, str(before or '–'))} → {shown(name, value or '–')}"
            change = labelled(field_label(name), values)
            yield change if name in fields else f"{change} ({_('waits for a second officer')})"


def overview(actor: Person, *, form: VerbForm) -> dict[str, Any]:
    """The context of all sources."""
    return {
        "cards": list(_cards()),
        "form": form,
        "may_start": directory_policy.starting_obstacle(actor) is None,
    }


def _cards() -> Iterator[SourceCard]:
    rows = {row.name: row for row in DirectorySource.objects.configured()}
    for configuration in settings.DIRECTORY_SOURCES.values():
        row = rows.get(configuration.id)
        last = DirectoryRun.objects.filter(source=row).order_by("-started_at").first() if row else None
        yield SourceCard(configuration, row, RunRow(last) if last else None)


def of_source(
    actor: Person, configuration: SourceConfiguration, form: VerbForm, *, asked: str
) -> dict[str, Any]:
    """The context of one source: mapping, settings without secrets, and runs."""
    row = DirectorySource.objects.filter(name=configuration.id).first()
    runs = DirectoryRun.objects.filter(source__name=configuration.id).select_related("started_by")
    page = Paginator(runs.order_by("-started_at"), RUNS_SHOWN).get_page(asked)
    return {
        "card": SourceCard(configuration, row, None),
        "form": form,
        "may_start": directory_policy.starting_obstacle(actor) is None,
        "mapping": [
            Pair(field_label(name), attribute.name, mono=True)
            for name, attribute in configuration.fields.items()
        ],
        "options": list(settings_words.pairs(configuration)),
        "page": page,
        "runs": [RunRow(each) for each in page.object_list],
    }


def of_run(actor: Person, row: DirectoryRun, form: VerbForm, *, asked: dict[str, str]) -> dict[str, Any]:
    """The context of a run; its persons for who may read of them."""
    configuration = sources.configuration_of(row.source.name)
    found: dict[str, Any] = {
        "row": row,
        "run": RunRow(row),
        "form": form,
        "name": configuration.name if configuration else row.source.name,
        "obstacle": directory_policy.deciding_obstacle(actor, row),
        "decides": row.waits() and registration_policy.registers_everywhere(actor),
        "identities": PersonImport.objects.filter(pk=row.pk).exists(),
    }
    return found | (_lines(row, asked) if access.sees_persons(actor) else {"hidden": True})


def _lines(row: DirectoryRun, asked: dict[str, str]) -> dict[str, Any]:
    present = [outcome for outcome in OUTCOMES if row.counts.get(outcome)]
    wanted = asked.get("outcome", "")
    chosen = next((outcome for outcome in present if outcome == wanted), present[0] if present else None)
    lines = row.lines.filter(outcome=chosen).select_related("person__manager").order_by("pk")
    page = Paginator(lines, LINES_SHOWN).get_page(asked.get("page"))
    return {
        "tabs": [
            Tab(
                str(outcome.label),
                f"?outcome={outcome.value}",
                outcome == chosen,
                row.counts[outcome],
            )
            for outcome in present
        ],
        "page": page,
        "lines": [PersonLine(each) for each in page.object_list],
    }
