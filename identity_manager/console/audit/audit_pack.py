"""**Audit pack**: evidence of a period for audits by ISO/IEC 27001 or NIS2, as a streamed ZIP file.

Tables for people (CSV), and in `proof/` the cryptographic proof that the log of the period is complete and
contains the events of the tables.
"""

import io
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from identity_manager.audit import Event, chain_proof, evidence, heads
from identity_manager.audit.chain_proof import ChainSegment
from identity_manager.console.audit import log as audit_log
from identity_manager.console.audit.event_columns import COLUMNS
from identity_manager.console.lists.columns import Column, Columns
from identity_manager.console.lists.csv_export import Reader, csv_chunks
from identity_manager.console.search.forms import DayField
from identity_manager.models import AuditCheck, RoleAssignment, SoftwareToken, TokenState
from identity_manager.models.requests.token_states import IN_USE

MOST_DAYS = 400
SECTIONS: Mapping[str, tuple[Event, ...]] = {
    "role-changes": (
        *(Event.ROLE_ASSIGNED, Event.ROLE_REFUSED, Event.ROLE_WITHDRAWN, Event.ROLE_ENDED),
        *(Event.RECERTIFICATION_OPENED, Event.ROLE_CONFIRMED, Event.ROLE_NOT_CONFIRMED),
        *(Event.RECERTIFICATION_ENDED, Event.DEPUTY_ASSIGNED, Event.DEPUTY_ENDED),
        Event.APPROVER_GROUP_CHANGED,
    ),
    "four-eyes": (
        *(
            Event.REQUEST_APPROVED,
            Event.REQUEST_REJECTED,
            Event.REQUEST_REDUCED,
            Event.REQUEST_LEFT_UNDECIDED,
        ),
        *(Event.IDENTITY_CHANGE_CONFIRMED, Event.IDENTITY_CHANGE_REFUSED),
        *(Event.IMPORT_CONFIRMED, Event.IMPORT_REFUSED),
        *(Event.DIRECTORY_RUN_CONFIRMED, Event.DIRECTORY_RUN_LET_GO_ON, Event.DIRECTORY_RUN_DROPPED),
        *(Event.BATCH_CONFIRMED, Event.BATCH_REFUSED),
        *(Event.STANDING_ORDER_CONFIRMED, Event.STANDING_ORDER_REFUSED),
        *(Event.SIGN_IN_CODE_CONFIRMED, Event.SCIM_CLIENT_CONFIRMED),
        *(Event.API_CLIENT_CONFIRMED, Event.WEBHOOK_CONFIRMED),
        *(Event.TARGET_USE_CONFIRMED, Event.TARGET_USE_REFUSED),
        *(Event.TOKEN_IMPORT_CONFIRMED, Event.TOKEN_IMPORT_REFUSED),
        *(Event.ARCHIVE_EXPORT_CONFIRMED, Event.RECOVERY_CERTIFICATE_CONFIRMED),
        *(Event.RECOVERY_APPROVED, Event.RECOVERY_REJECTED),
        *(Event.CATALOGUE_CHANGED, Event.PERSON_ERASED),
    ),
    "drills": (Event.DRILL_BEGUN, Event.DRILL_CONFIRMED, Event.DRILL_PROVED, Event.DRILL_FAILED),
    "restores": (Event.SYSTEM_RESTORED,),
    "key-rotations": (
        *(Event.KEYS_ROTATED, Event.KEY_DESTROYED, Event.SECRETS_REWRAPPED),
        *(Event.RECOVERY_CERTIFICATE_IN_FORCE, Event.RECOVERY_CERTIFICATE_RETIRED),
        *(Event.RECOVERY_KEY_DESTROYED, Event.RECOVERY_OFFICERS_CHANGED, Event.KEYS_READDRESSED),
        *(Event.CA_MADE, Event.ISSUING_CA_ROLLED, Event.ISSUING_CA_REVOKED, Event.ROOT_TAKEN_OFFLINE),
        *(Event.CA_PASSPHRASE_ADDED, Event.CA_PASSPHRASE_CHANGED, Event.WEBHOOK_KEY_CHANGED),
    ),
    "refused-sign-ins": (Event.SIGN_IN_FAILED, Event.ACCESS_DENIED),
    "audit-log": (Event.LOG_CHECKED, Event.LOG_CUT, Event.EVENTS_FORGOTTEN, Event.EVIDENCE_TAKEN),
}
ROLE_COLUMNS = Columns(
    (
        Column("person", gettext_lazy("Person"), export="person"),
        Column("number", gettext_lazy("Personnel number"), export="person.personnel_number"),
        Column("role", gettext_lazy("Role"), export=lambda row: row.get_role_display()),
        Column("unit", gettext_lazy("Organisational unit"), export="organisational_unit"),
        Column("from", gettext_lazy("valid from"), export="valid_from"),
        Column("until", gettext_lazy("valid until"), export="valid_until"),
        Column("assigned", gettext_lazy("Assigned"), export="assigned_at"),
        Column("assigned_by", gettext_lazy("Assigned by"), export="assigned_by"),
    ),
    shown=(),
)
EXPIRED_COLUMNS = Columns(
    (
        Column("person", gettext_lazy("Person"), export="person"),
        Column("number", gettext_lazy("Personnel number"), export="person.personnel_number"),
        Column("type", gettext_lazy("Token type"), export="token_type"),
        Column("request", gettext_lazy("Request"), export="request.reference"),
        Column("expired", gettext_lazy("Expired"), export="ended_at"),
    ),
    shown=(),
)
_BY_PERSON = ("person__search_text__by_name", "person_id", "role", "pk")
CHECKED_BY = "python -m identity_manager.audit_proof {file} --public-key public-key.pem"


class PackForm(forms.Form):
    """The period of the pack, both days included."""

    since = DayField(gettext_lazy("On or after"))
    until = DayField(gettext_lazy("On or before"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for each in self.fields.values():
            each.required = True

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        since, until = cleaned.get("since"), cleaned.get("until")
        if since and until and until < since:
            self.add_error("until", _("The last day comes before the first."))
        elif since and until and until - since >= timedelta(days=MOST_DAYS):
            words = _("A pack holds at most %(days)d days. Take several.")
            self.add_error("until", words % {"days": MOST_DAYS})
        return cleaned


def last_year() -> dict[str, date]:
    """Initial values of the form: the twelve months up to yesterday."""
    until = timezone.localdate() - timedelta(days=1)
    return {"since": until - timedelta(days=364), "until": until}


@dataclass(frozen=True)
class Period:
    """first and last day, both included, in the reader's time zone."""

    first: date
    last: date

    @property
    def since(self) -> datetime:
        return timezone.make_aware(datetime.combine(self.first, time.min))

    @property
    def until(self) -> datetime:
        return timezone.make_aware(datetime.combine(self.last + timedelta(days=1), time.min))


def event_names() -> frozenset[str]:
    """Names of all events in the tables."""
    return frozenset(event.value for events in SECTIONS.values() for event in events)


def number_of_events(period: Period) -> int:
    return chain_proof.in_period(period.since, period.until).filter(name__in=event_names()).count()


def file_name(period: Period) -> str:
    return f"audit-pack-{period.first:%Y-%m-%d}-{period.last:%Y-%m-%d}.zip"


def stream(period: Period) -> Iterator[bytes]:
    """Yield the ZIP file in pieces, in language and time zone of the request in which this is called."""
    return _zipped(Reader(), period)


def _zipped(reader: Reader, period: Period) -> Iterator[bytes]:
    out = _Buffer()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as pack:
        for name, pieces in _files(reader, period):
            with pack.open(name, "w", force_zip64=True) as member:
                for piece in pieces:
                    member.write(piece.encode())
                    yield out.drain()
    yield out.drain()


class _Buffer(io.RawIOBase):
    """A write-only, unseekable file whose content is drained while zipfile writes."""

    def __init__(self) -> None:
        super().__init__()
        self._pieces: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, piece: Any) -> int:
        self._pieces.append(bytes(piece))
        return len(self._pieces[-1])

    def drain(self) -> bytes:
        content, self._pieces = b"".join(self._pieces), []
        return content


def _files(reader: Reader, period: Period) -> Iterator[tuple[str, Iterable[str]]]:
    with reader.served():
        part = chain_proof.part_of(period.since, period.until)
        readme = _readme(period, part)
        roles = _csv(reader, ROLE_COLUMNS, _roles(period))
        expired = _csv(reader, EXPIRED_COLUMNS, _expired_without_renewal(period))
    yield "README.txt", [readme]
    yield "roles.csv", roles
    yield "expired-without-renewal.csv", expired
    for name, events in SECTIONS.items():
        with reader.served():
            pieces = _csv(reader, COLUMNS, _events(period, events))
        yield f"{name}.csv", pieces
    yield "proof/heads.jsonl", _ended(heads.lines_of(part.heads))
    yield "proof/events.jsonl", _ended(chain_proof.event_lines(part, event_names()))
    yield "proof/chain.txt", _ended(chain_proof.chain_lines(part))
    yield "proof/public-key.pem", [evidence.public_key_pem()]


def _ended(lines: Iterable[str]) -> Iterator[str]:
    return (f"{line}\n" for line in lines)


def _csv(reader: Reader, columns: Columns, rows: Iterable[Any]) -> Iterator[str]:
    return csv_chunks(reader, columns.header, map(columns.exported, rows))


def _events(period: Period, events: Iterable[Event]) -> Iterable[Any]:
    rows = chain_proof.in_period(period.since, period.until).filter(name__in=[each.value for each in events])
    return audit_log.prepared(audit_log.with_more(rows.order_by("pk")).iterator(chunk_size=500))


def _roles(period: Period) -> Iterator[RoleAssignment]:
    """Assignments that are in force on a day of the period; those that were withdrawn since are events."""
    begun = Q(valid_from=None) | Q(valid_from__lte=period.last)
    rows = RoleAssignment.objects.filter(begun).exclude(valid_until__lt=period.first)
    rows = rows.select_related("person", "assigned_by")
    return rows.filter(assigned_at__lt=period.until).order_by(*_BY_PERSON).iterator(chunk_size=500)


def _expired_without_renewal(period: Period) -> Iterator[SoftwareToken]:
    """Tokens that expired in the period without a successor that is or was in use."""
    followed = SoftwareToken.objects.filter(predecessor=OuterRef("pk")).filter(
        Q(state__in=IN_USE) | Q(delivered_at__isnull=False)
    )
    rows = SoftwareToken.objects.filter(~Exists(followed), state=TokenState.EXPIRED)
    rows = rows.filter(ended_at__gte=period.since, ended_at__lt=period.until)
    rows = rows.select_related("person", "token_type", "request").defer("passphrase_wrapped", "snapshot")
    return rows.order_by("ended_at", "pk").iterator(chunk_size=500)


def _readme(period: Period, part: ChainSegment) -> str:
    check = AuditCheck.objects.finished().first()
    lines = [
        _("Audit pack of %(installation)s") % {"installation": settings.CONSOLE_BASE_URL},
        _("From %(first)s to %(last)s, both included. Made at %(moment)s.")
        % {
            "first": period.first.isoformat(),
            "last": period.last.isoformat(),
            "moment": timezone.localtime().isoformat(sep=" ", timespec="seconds"),
        },
        "",
        *(f"{name:<30} {words}" for name, words in contents()),
        "",
        _("This command says whether the log is whole in this period and has the events of the tables:"),
        f"    {CHECKED_BY.format(file=file_name(period))}",
        _("Take the public key from where you keep it, not from this file: a forger makes both."),
        _checked(check),
        _("Events of the period that no signature covers yet: %(number)d") % {"number": part.not_covered},
    ]
    return "\n".join(str(line) for line in lines) + "\n"


def _checked(check: AuditCheck | None) -> str:
    """The result of the installation's last verification of the log."""
    if check is None:
        return _("The installation has not checked its log yet.")
    words = _(
        "The installation last checked its log at %(moment)s: %(events)d events, %(findings)d findings."
    )
    moment = timezone.localtime(check.finished_at).isoformat(sep=" ", timespec="seconds")
    return words % {"moment": moment, "events": check.events, "findings": len(check.findings)}


def contents() -> list[tuple[str, str]]:
    """The files of the pack, each with what it holds."""
    return [
        ("roles.csv", _("who has which role")),
        ("role-changes.csv", _("roles and deputies that were assigned, refused, recertified or ended")),
        ("four-eyes.csv", _("decisions that need another person than who asked")),
        ("expired-without-renewal.csv", _("tokens that expired and have no successor")),
        ("drills.csv", _("recovery drills")),
        ("restores.csv", _("restores of the database")),
        ("key-rotations.csv", _("keys that were rotated, retired or destroyed")),
        ("refused-sign-ins.csv", _("sign-ins that failed, and pages that were refused")),
        ("audit-log.csv", _("checks of the log, removals from it, and evidence that was taken")),
        ("proof/", _("signatures, hashes and linked events, for the check")),
    ]
