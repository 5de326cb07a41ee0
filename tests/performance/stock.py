"""A stock of requests as after years: persons, requests, three certificates and ten audit events for each.

A few real requests are taken along the road by the verbs; what they left in each table is then copied in
the database, with other identifiers, persons, moments and whatever is unique. So the rows are as the
product makes them, whatever its tables look like by now. Copied certificates, requests for them and texts
of mails are empty, as retention leaves them; containers are left out. A million requests take some minutes;
the installation in var/bench is used again, and one that was left half filled is begun anew.
"""

import json
import os
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db import connection, models, transaction
from django.utils import timezone

from ca_bridge.connectors.embedded.models import IssuedCertificate
from ca_bridge.database import statistics
from ca_bridge.models import CaAttempt, CaOrder
from identity_manager.models import (
    AuditChain,
    AuditEvent,
    AuditSalt,
    Certificate,
    OutgoingMail,
    Person,
    SoftwareToken,
    TermsAcceptance,
    TokenRequest,
)
from tests.performance import crowd, templates
from tests.performance.place import STOCK_MARK
from tests.performance.templates import Template

CHUNK = 20_000
DAYS = 300  # the oldest request; certificates last longer
OPEN_PERCENT = 1  # of the requests, the newest, are not at their end
EVENTS_EACH = 10
FIRST = 100  # the persons before are the templates' own
BLANK = b"stock"
# Parents before children.
TABLES: tuple[type[models.Model], ...] = (
    AuditSalt,
    TokenRequest,
    SoftwareToken,
    CaOrder,
    CaAttempt,
    IssuedCertificate,
    Certificate,
    TermsAcceptance,
    OutgoingMail,
    AuditEvent,
)
EMPTY = {"body_text", "body_html", "csr", "certificate"}


def fill(rows: int) -> dict[str, int]:
    """Have so many persons, each with a request; returns what there is afterwards, by table."""
    mark = Path(os.environ["VAR_DIR"]) / STOCK_MARK
    if mark.exists():
        counts: dict[str, int] = json.loads(mark.read_text(encoding="utf-8"))
        return counts
    crowd.fill(rows)
    made = templates.make()
    with without_indexes(TABLES):
        for template, first, last in shares(made, rows):
            for start in range(first, last + 1, CHUNK):
                copy(template, start, min(start + CHUNK - 1, last), rows)
    AuditChain.objects.update_or_create(pk=1, defaults={"number": rows * EVENTS_EACH * 2})
    settle()
    counts = {table._meta.db_table: table._default_manager.count() for table in (Person, *TABLES)}
    mark.write_text(json.dumps(counts), encoding="utf-8")
    return counts


def shares(made: dict[str, Template], rows: int) -> Iterator[tuple[Template, int, int]]:
    """Which persons have which request: nearly all are completed; the newest wait for somebody."""
    ended = rows - max(4, rows * OPEN_PERCENT // 100)
    each = (rows - ended) // 4
    yield made["completed"], FIRST, ended - each
    start = ended - each + 1
    for name in ("lapsed", "awaiting", "failed", "requested"):
        last = rows if name == "requested" else start + each - 1
        yield made[name], start, last
        start = last + 1


def copy(template: Template, first: int, last: int, rows: int) -> None:
    """The template's rows once more for each of these persons."""
    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL session_replication_role = replica")  # what is copied fits together
        for model in TABLES:
            for row in template.rows.get(model, []):
                sql, values = Copy(template, model, row, rows).statement(first, last)
                cursor.execute(sql, values)


@dataclass
class Copy:
    """One row of a template, as the statement that writes it for many persons. n is the person's number."""

    template: Template
    model: type[models.Model]
    row: models.Model
    rows: int

    def __post_init__(self) -> None:
        self._values: list[Any] = []

    def statement(self, first: int, last: int) -> tuple[str, list[Any]]:
        fields = [
            field for field in self.model._meta.concrete_fields if not isinstance(field, models.AutoField)
        ]
        columns = ", ".join(connection.ops.quote_name(field.column) for field in fields)
        expressions = ", ".join(self._expression(field) for field in fields)
        table = connection.ops.quote_name(self.model._meta.db_table)
        if connection.vendor == "postgresql":
            numbers = f"SELECT n FROM generate_series({first}, {last}) AS n"  # noqa: S608 of our own making
        else:
            numbers = (
                f"WITH RECURSIVE s(n) AS (VALUES({first}) UNION ALL SELECT n + 1 FROM s WHERE n < {last}) "  # noqa: S608 numbers alone
                "SELECT n FROM s"
            )
        sql = f"INSERT INTO {table} ({columns}) SELECT {expressions} FROM ({numbers}) AS numbers"  # noqa: S608 names of our own tables
        return sql, self._values

    def _expression(self, field: "models.Field[Any, Any]") -> str:
        value = getattr(self.row, field.attname)
        if isinstance(value, uuid.UUID):
            return self._identifier(value)
        special = getattr(self, f"_{field.column}", None)
        if special is not None and value is not None:
            return str(special())
        if isinstance(field, models.DateTimeField) and value is not None:
            return self._moment(value)
        if field.column in EMPTY and value:
            value = BLANK if isinstance(field, models.BinaryField) else ""
        return self._literal(field, value)

    def _literal(self, field: "models.Field[Any, Any]", value: Any) -> str:
        self._values.append(field.get_db_prep_save(value, connection))
        kind = field.db_type(connection)
        return f"CAST(%s AS {kind})" if connection.vendor == "postgresql" else "%s"

    def _identifier(self, value: uuid.UUID) -> str:
        if value == self.template.person_id:
            text = f"'0199000000007000' || '8000' || {_hexadecimal('n', 12)}"
        elif value in self.template.places:
            place = f"{self.template.places[value]:012x}"
            text = f"'019a' || {_hexadecimal('n', 8)} || '70008000{place}'"
        else:
            text = f"'{value.hex}'"
        return f"CAST({text} AS uuid)" if connection.vendor == "postgresql" else text

    def _moment(self, value: Any) -> str:
        """As long after the beginning as the template's, the requests spread over the time."""
        seconds = (value - self.template.began).total_seconds()
        start = timezone.now().timestamp() - DAYS * 86400
        epoch = f"({start + seconds:.6f} + n * {DAYS * 86400 / self.rows:.6f})"
        if connection.vendor == "postgresql":
            return f"to_timestamp({epoch})"
        return f"strftime('%%Y-%%m-%%d %%H:%%M:%%f', {epoch}, 'unixepoch')"

    # --- what is unique
    def _unique(self, digits: int) -> str:
        return f"{_hexadecimal('n', 8)} || '{self.template.places[self.row.pk]:0{digits - 8}x}'"

    def _reference(self) -> str:
        return f"{_hexadecimal('n / 65536', 4)} || '-' || {_hexadecimal('n %% 65536', 4)}"

    def _serial(self) -> str:
        return f"'5e' || {self._unique(16)}"

    _serial_hex = _serial

    def _sha256(self) -> str:
        return self._unique(64)

    _fingerprint_sha256 = _csr_sha256 = _content_sha256 = _chain = _previous = _sha256

    def _public_key_sha256(self) -> str:
        if not issubclass(self.model, CaOrder):
            return self._unique(64)
        if connection.vendor == "postgresql":
            return f"decode({self._unique(64)}, 'hex')"
        return f"CAST({self._unique(32)} AS BLOB)"

    def _idempotency_key(self) -> str:
        return f"'stock.' || {self._unique(16)}"

    _request_id = _idempotency_key

    def _occasion(self) -> str:
        return f"'stock:' || {self._unique(16)}"

    def _number(self) -> str:
        """Of an event: its place in the chain."""
        if self.model is not AuditEvent:
            raise TypeError(f"{self.model} has no place in the chain.")
        return f"n * {EVENTS_EACH} + {self.template.events.index(self.row)}"


def _hexadecimal(number: str, digits: int) -> str:
    if connection.vendor == "postgresql":
        return f"lpad(to_hex({number}), {digits}, '0')"
    return f"printf('%%0{digits}x', {number})"


@contextmanager
def without_indexes(tables: Iterable[type[models.Model]]) -> Iterator[None]:
    """The indexes that hold no constraint are made afterwards, in one go each."""
    names = [table._meta.db_table for table in tables]
    dropped = list(_indexes(names))
    with connection.cursor() as cursor:
        for name, _sql in dropped:
            cursor.execute(f"DROP INDEX {connection.ops.quote_name(name)}")
        if connection.vendor == "sqlite":
            cursor.execute("PRAGMA foreign_keys = OFF")
            cursor.execute("PRAGMA synchronous = OFF")
    yield
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET maintenance_work_mem = '512MB'")
        for _name, sql in dropped:
            cursor.execute(sql)
    connection.close()  # what was set for this connection ends with it


def _indexes(tables: list[str]) -> Iterator[tuple[str, str]]:
    with connection.cursor() as cursor:
        for table in tables:
            if connection.vendor == "postgresql":
                cursor.execute(
                    "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = %s AND indexname NOT IN "
                    "(SELECT conname FROM pg_constraint WHERE conrelid = %s::regclass)",
                    [table, table],
                )
            else:
                cursor.execute(
                    "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = %s "
                    "AND sql IS NOT NULL",
                    [table],
                )
            yield from cursor.fetchall()


def settle() -> None:
    """What the installation's jobs and PostgreSQL's own do after a while."""
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE" if connection.vendor == "postgresql" else "ANALYZE")
    statistics.analyze()
