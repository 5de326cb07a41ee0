"""SCIM as a source: reads the stored resources that clients have pushed (api.scim)."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from django.db.models import Max
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from identity_manager.directory.configuration import SourceConfiguration
from identity_manager.directory.contract import DirectoryPerson, End, Gone, Group, Item, Members
from identity_manager.models import EntryState, RunMode, ScimKind, ScimResource

# Margin for writes that began before the last run and were committed after it: their time is before its
# cursor. A run reads them again unless the last one read later than that.
MARGIN = timedelta(minutes=2)
PORTION = 1_000
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


class ScimSource:
    """The users and groups of one source. An attribute of fields is a path: name.givenName, emails."""

    def __init__(self, configuration: SourceConfiguration) -> None:
        self.configuration = configuration
        self.rows = ScimResource.objects.filter(source__name=configuration.id)

    def read(self, mode: RunMode, cursor: Mapping[str, Any]) -> Iterator[Item]:
        """All resources, or those written since the cursor; groups whole wherever one of them was written."""
        read_at, newest = timezone.now(), self.rows.aggregate(newest=Max("modified_at"))["newest"]
        since = parse_datetime(cursor.get("modified_at", "")) if mode == RunMode.CHANGES else None
        changed = self.rows.filter(modified_at__gte=since - MARGIN) if since else self.rows
        last = parse_datetime(cursor.get("read_at", "")) or since
        if since and newest and last and newest <= since < last - MARGIN:
            yield End(cursor, is_idle=True)
            return
        for row in self._portions(changed.filter(kind=ScimKind.USER)):
            yield Gone(str(row.pk)) if row.deleted_at else self._entry(row)
        has_groups = changed.filter(kind=ScimKind.GROUP).exists() or not since
        if has_groups:
            for row in self._portions(self.rows.filter(kind=ScimKind.GROUP, deleted_at=None)):
                yield Group(str(row.pk), str(row.pk), str(row.body.get("displayName", ""))[:256])
                keys = tuple(str(each.get("value")) for each in row.body.get("members", []))
                yield Members(str(row.pk), keys)
        yield End(
            {"modified_at": newest.isoformat(), "read_at": read_at.isoformat()} if newest else {},
            has_all_ids=since is None,
            has_groups=has_groups,
        )

    def settled(self, cursor: Mapping[str, Any], *, problem: str) -> bool:  # noqa: ARG002 the contract
        """Acknowledge nothing: resources stay, because the client reads them back."""
        return False

    def _portions(self, rows: Any) -> Iterator[ScimResource]:
        return iter(rows.order_by("pk").iterator(chunk_size=PORTION))

    def _entry(self, row: ScimResource) -> DirectoryPerson:
        fields = self.configuration.fields
        found = {name: each.mapped(value_at(row.body, each.name)) for name, each in fields.items()}
        state_word, manager = found.pop("state", ""), found.pop("manager", "")
        found.pop("external_id", None)
        active = row.body.get("active", True)
        state = EntryState(state_word) if state_word in EntryState.values else EntryState.ACTIVE
        return DirectoryPerson(
            external_id=str(row.pk),
            key=str(row.pk),
            values=found,
            state=state if active else EntryState.DISABLED,
            manager=manager,
            problem="" if found["personnel_number"] else _("The user has no personnel number."),
        )


def value_at(body: Mapping[str, Any], path: str) -> str:
    """The text at a dotted path; `enterprise:` abbreviates the URN of the enterprise extension.

    Of a multi-valued attribute the primary value, else the first.
    """
    found: Any = body
    if path.startswith("enterprise:"):
        found, path = body.get(ENTERPRISE, {}), path.removeprefix("enterprise:")
    for part in path.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
        if isinstance(found, list):
            found = next((each for each in found if each.get("primary")), found[0] if found else None)
    if isinstance(found, Mapping):
        found = found.get("value")
    return "" if found is None or isinstance(found, bool) else str(found).strip()
