"""A directory in memory that answers as a test says, and what runs of it leave behind."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F
from django.urls import get_resolver
from django.utils import timezone

from identity_manager.directory import sources
from identity_manager.directory.configuration import SourceConfiguration, parse
from identity_manager.directory.contract import (
    DirectoryPerson,
    End,
    Gone,
    Group,
    Item,
    Members,
    Present,
    SourceError,
)
from identity_manager.models import DirectoryRun, DirectorySource, RunMode
from identity_manager.workflow.people import directory_runs

NAMES = (
    *("personnel_number", "given_name", "surname", "email", "upn", "sid", "department"),
    *("organisational_unit", "manager"),
)


@dataclass
class FakeDirectory:
    """entries by id; what a test changes is what the next run reads. breaks_off: after so many items."""

    configuration: SourceConfiguration
    entries: dict[str, DirectoryPerson] = field(default_factory=dict)
    groups: dict[str, tuple[str, ...]] = field(default_factory=dict)
    gone: list[str] = field(default_factory=list)
    changed: set[str] | None = None
    breaks_off: int | None = None
    has_end: bool = True
    modes: list[RunMode] = field(default_factory=list)

    def add(self, name: str, **changes: Any) -> DirectoryPerson:
        """Put an entry in, or another one in its place."""
        fields = {each: changes.pop(each) for each in ("state", "manager", "expires_at") if each in changes}
        external_id = changes.pop("external_id", f"id-{name}")
        number = changes.pop("personnel_number", f"D-{name}")
        values = {
            "personnel_number": number,
            "given_name": name.capitalize(),
            "surname": "Falk",
            "email": f"{name}@example.com",
            "upn": f"{name}@corp.example.com",
            "sid": f"S-1-5-21-7-8-9-{1000 + sum(name.encode())}",
            "department": "Research",
            "organisational_unit": "Nord",
        }
        entry = DirectoryPerson(external_id=external_id, key=external_id, values=values | changes, **fields)
        self.entries[external_id] = entry
        return entry

    def read(self, mode: RunMode, _cursor: Mapping[str, Any]) -> Iterator[Item]:
        self.modes.append(mode)
        for number, item in enumerate(self._items(mode)):
            if number == self.breaks_off:
                raise SourceError("The directory stopped.", detail="Passw0rd is not in it")
            yield item
        if self.has_end:
            whole = mode != RunMode.CHANGES
            yield End({"usn": len(self.modes)}, has_all_ids=whole, has_groups=bool(self.groups))

    def _items(self, mode: RunMode) -> Iterator[Item]:
        is_full = mode in (RunMode.FULL, RunMode.DRY) or self.changed is None
        for entry in self.entries.values():
            if is_full or entry.external_id in (self.changed or ()):
                yield entry
            elif mode == RunMode.IDS:
                yield Present(entry.external_id, entry.key)
        yield from (Gone(each) for each in self.gone)
        for name, members in self.groups.items():
            yield Group(f"group-{name}", f"group-{name}", name)
            yield Members(f"group-{name}", members)

    def settled(self, cursor: Mapping[str, Any], *, problem: str) -> bool:
        """Nothing is put aside."""
        return False


def configured(kind: str = "ldap", **given: Any) -> SourceConfiguration:
    """A source named corp."""
    fields = {name: name for name in NAMES}
    return parse("corp", {"kind": kind, "name": "Corp", "fields": fields} | given, secret="s3cret-of-bind")


def install(
    monkeypatch: pytest.MonkeyPatch, settings: Any, configuration: SourceConfiguration
) -> FakeDirectory:
    """The directory in the place of the source corp."""
    get_resolver().url_patterns  # noqa: B018 addresses of SCIM are made once, of the settings that tests begin with
    settings.DIRECTORY_SOURCES = {configuration.id: configuration}
    fake = FakeDirectory(configuration)
    monkeypatch.setitem(sources.READERS, configuration.kind, lambda _configuration: fake)
    return fake


def run(mode: RunMode | None = None, *, at_once: bool = False) -> DirectoryRun:
    """Run the source corp as a worker does when it is due; return its newest run.

    Runs of before are days old, so that the breaker does not count them, but where it is to be at once.
    """
    if not at_once:
        DirectoryRun.objects.update(started_at=F("started_at") - timedelta(days=2))
    directory_runs.continue_runs()
    wanted = {"wanted": mode} if mode else {}
    source = DirectorySource.objects.get(name="corp")
    DirectorySource.objects.filter(pk=source.pk).update(next_attempt_at=timezone.now(), **wanted)
    directory_runs.run(source_id=source.pk)
    found = DirectoryRun.objects.filter(source=source).order_by("-started_at").first()
    assert found is not None
    return found
