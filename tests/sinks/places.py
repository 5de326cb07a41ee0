"""The sinks that keep something: mails, sessions, cache, audit log, the database as rows and as files."""

import email
import json
import os
import sqlite3
import traceback
from collections.abc import Collection, Iterable, Iterator
from contextlib import closing, suppress
from email import policy
from email.message import Message
from pathlib import Path

from django.conf import settings
from django.contrib.sessions.models import Session
from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection

from identity_manager.audit import evidence, heads, sealing
from identity_manager.models import AuditEvent, AuditHead

Place = tuple[str, bytes]  # where, and what is there
PAGE_BYTES = 4096
WRITTEN_BY_MIGRATIONS = frozenset({"auth_permission", "django_content_type", "django_migrations"})
Places = Iterable[Place]


def mails() -> Iterator[Place]:
    """Each message of the mailbox as it travels, and each of its headers and parts, decoded."""
    for path in sorted(Path(settings.MAILBOX_DIR).glob("*")):
        content = path.read_bytes()
        yield f"mail {path.name}", content
        message = email.message_from_bytes(content, policy=policy.default)
        for part in message.walk():
            yield f"mail {path.name}, {part.get_content_type()}", _decoded(part)


def _decoded(part: Message) -> bytes:
    headers = "\n".join(f"{name}: {value}" for name, value in part.items())
    payload = part.get_payload(decode=True)
    return headers.encode(errors="replace") + b"\n\n" + (payload if isinstance(payload, bytes) else b"")


def sessions() -> Iterator[Place]:
    """Each session as it is stored, and decoded."""
    for session in Session.objects.all():
        yield "session, stored", session.session_data.encode()
        yield "session, decoded", json.dumps(session.get_decoded()).encode()


def audit_events() -> Iterator[Place]:
    """Each event of the audit log, all columns."""
    for values in AuditEvent.objects.values():
        yield f"audit event {values['name']}", json.dumps(values, cls=DjangoJSONEncoder).encode()


def audit_exports() -> Iterator[Place]:
    """What leaves the machine of the audit log: the export, and the signed heads."""
    sealing.seal()
    heads.sign()
    for row in evidence.rows():
        yield f"audit export #{row['number']}", json.dumps(row, cls=DjangoJSONEncoder).encode()
    for line in heads.lines_of(AuditHead.objects.all()):
        yield "head", line.encode()


def cache_rows() -> Iterator[Place]:
    """Each key and value of the cache that all processes share."""
    yield from _rows_of(str(settings.CACHES["default"]["LOCATION"]))


def database_rows() -> Iterator[Place]:
    """Each row of each table but those that migrations alone write."""
    with connection.cursor() as cursor:
        tables = connection.introspection.table_names(cursor)
    for table in sorted(set(tables) - WRITTEN_BY_MIGRATIONS):
        yield from _rows_of(table)


def _rows_of(table: str) -> Iterator[Place]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")  # noqa: S608 a name of our own
        columns = [column.name if hasattr(column, "name") else column[0] for column in cursor.description]
        for row in cursor.fetchall():
            for column, value in zip(columns, row, strict=True):
                yield f"{table}.{column}", _as_bytes(value)


def _as_bytes(value: object) -> bytes:
    return bytes(value) if isinstance(value, bytes | memoryview) else str(value).encode(errors="replace")


def database_files(database: Path) -> Iterator[Place]:
    """The file of an SQLite database, what SQLite keeps beside it, and a dump."""
    for path in sorted(database.parent.glob(f"{database.name}*")):
        yield f"file {path.name}", without_doubles(path.read_bytes())
    with closing(sqlite3.connect(database)) as dumped:
        yield "dump", "\n".join(dumped.iterdump()).encode(errors="replace")


def without_doubles(content: bytes, *, but: Collection[bytes] = ()) -> bytes:
    """The same in less: a write-ahead log holds most pages many times, and much of a database is empty.

    Without the pages of `but`, too. Pages begin at the file's start or, in a write-ahead log, each after a
    header (sqlite.org/fileformat).
    """
    header, frame = (32, 24) if content[:3] == b"\x37\x7f\x06" else (0, 0)
    step = frame + PAGE_BYTES
    pages = (content[start + frame : start + step] for start in range(header, len(content), step))
    return b"".join(dict.fromkeys(page for page in pages if page not in but and page.strip(b"\0")))


def files_below(directory: Path, *, but: Collection[Place] = ()) -> Iterator[Place]:
    """Every file of a directory and what is below it.

    What is among `but` is left out: files that have not changed, and of a database the pages.
    """
    pages = {page for where, content in but if ".sqlite3" in where for page in _pages(content)}
    for path, content in contents_below(directory):
        paged = ".sqlite3" in path.name
        where = f"file {path.relative_to(directory)}"
        place = (where, without_doubles(content, but=pages) if paged else content)
        if place not in but:
            yield place


def _pages(content: bytes) -> Iterator[bytes]:
    return (content[start : start + PAGE_BYTES] for start in range(0, len(content), PAGE_BYTES))


def contents_below(directory: Path) -> Iterator[tuple[Path, bytes]]:
    """Every file below a directory, in the order of their names, while others may add and drop some.

    os.walk passes over a directory that is gone by the time it is listed; Path.rglob does not (Python 3.11).
    """
    for path in sorted(Path(folder) / name for folder, _, names in os.walk(directory) for name in names):
        with suppress(FileNotFoundError):
            if path.is_file():
                yield path, path.read_bytes()


def told_by(error: BaseException) -> Iterator[Place]:
    """What an exception tells: its traceback, and the words of each that led to it, hidden ones too."""
    yield f"traceback of {type(error).__name__}", "".join(traceback.format_exception(error)).encode()
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        each = waiting.pop()
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        yield f"words of {type(each).__name__}", f"{each}\n{each!r}\n{each.__dict__!r}".encode()
        waiting += [each.__cause__, each.__context__]
