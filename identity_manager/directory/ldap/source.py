"""LDAP and Active Directory as a source of persons and groups.

Incremental: Active Directory by uSNChanged, which is counted per domain controller (the cursor has its
invocationId; with another one everything is read); others by modifyTimestamp. Deletions change no timestamp:
tombstones report some, a complete list of ids reveals all.
"""

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.utils import timezone
from django.utils.translation import gettext as _

from identity_manager.directory.configuration import SourceConfiguration
from identity_manager.directory.contract import End, Gone, Group, Item, Members, Present, SourceError
from identity_manager.directory.ldap import mapping
from identity_manager.ldap_connection import (
    EXTENDED_DN,
    SHOW_DELETED,
    Found,
    LdapClient,
    LdapError,
    Server,
)
from identity_manager.models import RunMode

OPTIONS = frozenset(
    {
        *(
            "url",
            "start_tls",
            "ca_file",
            "bind_dn",
            "base",
            "filter",
            "group_base",
            "group_filter",
            "flavour",
        ),
        *("page_size", "timeout"),
    }
)
NEEDED = ("url", "bind_dn", "base")
PERSONS = {
    mapping.ACTIVE_DIRECTORY: "(&(objectCategory=person)(objectClass=user))",
    mapping.GENERIC: "(objectClass=inetOrgPerson)",
}
GROUPS = {
    mapping.ACTIVE_DIRECTORY: "(objectClass=group)",
    mapping.GENERIC: "(|(objectClass=groupOfNames)(objectClass=groupOfUniqueNames))",
}
MEMBERS = ("member", "uniquemember")
MEMBERS_AT_ONCE = 500
SKEW = timedelta(minutes=5)  # between servers of one directory, and between it and us


class LdapSource:
    """The source of a directory."""

    def __init__(self, configuration: SourceConfiguration) -> None:
        check(configuration)
        self.configuration = configuration
        options = configuration.options
        flavour = options.get("flavour", mapping.ACTIVE_DIRECTORY)
        self.mapping = mapping.Mapping(configuration, flavour)
        self.filter = options.get("filter") or PERSONS[flavour]
        self.group_filter = options.get("group_filter") or GROUPS[flavour]

    def read(self, mode: RunMode, cursor: Mapping[str, Any]) -> Iterator[Item]:
        """Persons, then groups. Raises SourceError."""
        try:
            with closing(LdapClient(_server(self.configuration))) as client:
                yield from _Reading(self, client, mode, dict(cursor)).items()
        except LdapError as error:
            raise SourceError(error.words, detail=str(error)) from error

    def settled(self, cursor: Mapping[str, Any], *, problem: str) -> bool:  # noqa: ARG002 the contract's
        """Acknowledge nothing; no further reading follows."""
        return False


@dataclass
class _Reading:
    """One reading over one connection. newest: latest change marker seen, of persons and of groups."""

    source: LdapSource
    client: LdapClient
    mode: RunMode
    cursor: dict[str, Any]
    newest: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def options(self) -> Mapping[str, Any]:
        return self.source.configuration.options

    def items(self) -> Iterator[Item]:
        root = self.client.root()
        begin = self._begin(root)
        since = self.cursor if self._goes_on(begin) else {}
        if since:
            yield from self._changes(root, since)
        else:
            yield from self._persons(self.source.filter)
        with_groups = bool(self.options.get("group_base")) and self._groups_changed(since)
        # Other servers name members by where they are, and call nobody below a renamed folder changed.
        by_name = with_groups and not self.source.mapping.is_active_directory
        with_ids = not since or self.mode == RunMode.IDS or by_name
        if since and with_ids:
            yield from self._ids()
        if with_groups:
            yield from self._groups()
        yield End(
            {**begin, **self.newest}, has_all_ids=with_ids, has_groups=with_groups, notes=tuple(self.notes)
        )

    def _begin(self, root: Found) -> dict[str, Any]:
        """The next cursor, read first, so that changes during this reading are read again by the next run."""
        if not self.source.mapping.is_active_directory:
            return {"modified": self.cursor.get("modified", ""), "groups": self.cursor.get("groups", "")}
        self._compare_clocks(root)
        number, service = root.text("highestCommittedUSN"), root.text("dsServiceName")
        if not number.isdecimal() or not service:
            raise SourceError(_("The directory does not say how far its changes are counted."))
        found = self.client.search(service, "(objectClass=*)", ("invocationId",), scope="base")
        ids = next((each.attributes.get("invocationid", ()) for each in found), ())
        if not ids:
            raise SourceError(_("The account of the bind cannot read the invocationId of the server."))
        return {"usn": int(number), "invocation": str(uuid.UUID(bytes_le=bytes(ids[0])))}

    def _compare_clocks(self, root: Found) -> None:
        try:
            theirs = datetime.strptime(root.text("currentTime")[:14], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
        except ValueError:
            return
        if abs(timezone.now() - theirs) > SKEW:
            self.notes.append(_("The clock of the directory is another one by more than five minutes."))

    def _goes_on(self, begin: Mapping[str, Any]) -> bool:
        """Whether the cursor is valid for this server: each domain controller counts for itself."""
        if self.mode in (RunMode.FULL, RunMode.DRY) or not self.cursor:
            return False
        if not self.source.mapping.is_active_directory:
            return bool(self.cursor.get("modified"))
        same = self.cursor.get("invocation") == begin["invocation"]
        return same and int(self.cursor.get("usn", 0)) <= int(begin["usn"])

    def _changes(self, root: Found, since: Mapping[str, Any]) -> Iterator[Item]:
        changed = self._since(since, "modified")
        yield from self._persons(f"(&{self.source.filter}{changed})")
        base = root.text("defaultNamingContext")
        if not self.source.mapping.is_active_directory or not base:
            return
        deleted = f"(&(isDeleted=TRUE)(objectClass=user){changed})"
        for found in self.client.search(base, deleted, ("objectGUID",), controls=[SHOW_DELETED]):
            yield Gone(self.source.mapping.id_of(found))

    def _since(self, since: Mapping[str, Any], name: str) -> str:
        """The filter for changes since the cursor; with timestamps, minus a margin for clock skew."""
        if self.source.mapping.is_active_directory:
            return f"(uSNChanged>={int(since['usn']) + 1})"
        moment = datetime.strptime(since[name][:14], "%Y%m%d%H%M%S").replace(tzinfo=UTC) - SKEW
        return f"(modifyTimestamp>={moment:%Y%m%d%H%M%SZ})"

    def _persons(self, condition: str) -> Iterator[Item]:
        controls = [EXTENDED_DN] if self.source.mapping.is_active_directory else []
        attributes = self.source.mapping.attributes
        for found in self.client.search(self.options["base"], condition, attributes, controls=controls):
            self._note_time(found, "modified")
            entry = self.source.mapping.entry(found)
            if not entry.external_id:
                raise SourceError(_("The directory gives entries without their id."))
            yield entry

    def _ids(self) -> Iterator[Item]:
        attributes = (self.source.mapping.id_attribute,)
        for found in self.client.search(self.options["base"], self.source.filter, attributes):
            yield Present(self.source.mapping.id_of(found), self.source.mapping.key_of(found))

    def _note_time(self, found: Found, name: str) -> None:
        if not self.source.mapping.is_active_directory:
            stamp = self.source.mapping.changed(found)
            self.newest[name] = max(self.newest.get(name, self.cursor.get(name, "")), stamp)

    # --- groups

    def _groups_changed(self, since: Mapping[str, Any]) -> bool:
        """Whether any group has changed, which persons' entries do not show. If not, groups are skipped."""
        if not since or self.mode == RunMode.IDS:
            return True
        if not self.source.mapping.is_active_directory and not since.get("groups"):
            return True
        condition = f"(&{self.source.group_filter}{self._since(since, 'groups')})"
        names = self.source.mapping.change_attributes
        changed = list(self.client.search(self.options["group_base"], condition, names))
        stamp = since.get("groups", "")
        return any(stamp == "" or self.source.mapping.changed(each) > stamp for each in changed)

    def _groups(self) -> Iterator[Item]:
        model = self.source.mapping
        controls = [EXTENDED_DN] if model.is_active_directory else []
        names = (model.id_attribute, *model.change_attributes, "cn", *MEMBERS)
        for found in self.client.search(
            self.options["group_base"], self.source.group_filter, names, controls=controls
        ):
            self._note_time(found, "groups")
            group_id = model.id_of(found)
            yield Group(group_id, model.key_of(found), found.text("cn"))
            values = [value for name in MEMBERS for value in found.attributes.get(name, ())]
            for some in _chunks(values):
                yield Members(group_id, tuple(key for key in map(model.reference, some) if key))


def _chunks(values: Sequence[bytes]) -> Iterable[Sequence[bytes]]:
    return (values[start : start + MEMBERS_AT_ONCE] for start in range(0, len(values), MEMBERS_AT_ONCE))


def check(configuration: SourceConfiguration) -> None:
    """Raise ImproperlyConfigured where the options do not make a source."""
    options, where = configuration.options, f"DIRECTORY_SOURCES: {configuration.id}"
    if unknown := sorted(set(options) - OPTIONS):
        raise ImproperlyConfigured(f"{where} does not know in options {', '.join(unknown)}.")
    if missing := [name for name in NEEDED if not options.get(name)]:
        raise ImproperlyConfigured(f"{where} needs in options {', '.join(missing)}.")
    if options.get("flavour", mapping.ACTIVE_DIRECTORY) not in PERSONS:
        raise ImproperlyConfigured(f"{where} has in options flavour one of {', '.join(PERSONS)}.")
    url, tls = str(options["url"]), bool(options.get("start_tls"))
    if not (url.startswith("ldaps://") or (url.startswith("ldap://") and tls)):
        raise ImproperlyConfigured(f"{where} needs in options ldaps://, or ldap:// with start_tls.")


def _server(configuration: SourceConfiguration) -> Server:
    options = configuration.options
    return Server(
        url=options["url"],
        start_tls=bool(options.get("start_tls")),
        ca_file=options.get("ca_file", ""),
        bind_dn=options["bind_dn"],
        password=configuration.secret,
        page_size=int(options.get("page_size", 500)),
        timeout=int(options.get("timeout", 30)),
    )
