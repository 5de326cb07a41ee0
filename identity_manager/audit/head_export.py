"""Export of signed heads off the machine, so that database access alone cannot truncate the audit log
unnoticed.
"""

import os
import socket
from datetime import timedelta
from pathlib import Path

import requests
from anymail.exceptions import AnymailError
from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.utils import timezone

from identity_manager import mail_connection
from identity_manager.audit import syslog
from identity_manager.audit.heads import lines_of, sign
from identity_manager.models import AuditHead, AuditHeadExport

MAIL_EVERY = timedelta(hours=1)
AT_ONCE = 1000


class ExportError(Exception):
    """Heads could not be exported to a destination now; the text says why."""


def sign_and_export() -> int:
    """Job: sign the head of the log, then export; return how many heads were exported."""
    sign()
    return export()


def export() -> int:
    """Export new heads to each destination of AUDIT_HEAD_EXPORT; return how many."""
    return sum(_export_to(destination) for destination in settings.AUDIT_HEAD_EXPORT)


def _export_to(destination: str) -> int:
    """Lease the destination, send, settle. At least once: a head may arrive twice."""
    place = _claim(destination)
    if place is None:
        return 0
    heads = list(AuditHead.objects.beyond(place.number)[:AT_ONCE])
    error = ""
    try:
        _carry(destination, heads)
    except (OSError, ExportError, syslog.NoAddressError) as failure:
        error = str(failure) or type(failure).__name__
    with transaction.atomic():
        row = AuditHeadExport.objects.get(pk=place.pk)
        if row.claim_id != place.claim_id:
            return 0
        if error:
            row.settle_later(error, now=timezone.now())
        else:
            row.number, row.exported_at = heads[-1].number, timezone.now()
            row.settle_lease()
        row.save()
    return 0 if error else len(heads)


def _claim(destination: str) -> AuditHeadExport | None:
    now = timezone.now()
    with transaction.atomic():
        row, _ = AuditHeadExport.objects.get_or_create(destination=destination)
        _reset_impossible_position(row)
        resting = (  # not since a future that a wrong clock has noted
            destination.startswith("mailto:")
            and row.exported_at is not None
            and now - MAIL_EVERY < row.exported_at <= now
        )
        if resting or not AuditHead.objects.beyond(row.number).exists():
            return None
        idle = AuditHeadExport.objects.filter(pk=row.pk, next_attempt_at=None)
        idle.update(next_attempt_at=now, attempts=0)
        claimed = AuditHeadExport.objects.claim(row.pk, now=now)
        return AuditHeadExport.objects.get(pk=row.pk) if claimed else None


def _reset_impossible_position(place: AuditHeadExport) -> None:
    """Reset a destination whose recorded position lies beyond the last head; it would get nothing more."""
    newest = AuditHead.objects.newest()
    if newest is not None and place.number > newest.number:
        place.number = newest.number - 1
        AuditHeadExport.objects.filter(pk=place.pk).update(number=place.number)


def _carry(destination: str, heads: list[AuditHead]) -> None:
    """Send. Raises OSError, ExportError or syslog.NoAddressError."""
    scheme, _, target = destination.partition(":")
    if scheme == "file":
        _append(Path(target), lines_of(heads))
    elif scheme in ("syslog", "syslog+tcp"):
        syslog.send(target, lines_of(heads), tcp=scheme == "syslog+tcp")
    elif scheme == "mailto":
        _mail(target, heads[-1])
    else:
        raise ExportError(f"{destination} is no destination that is known.")


def _append(path: Path, lines: list[str]) -> None:
    """Append to the file, opened with O_APPEND only, so that `chattr +a` can protect it."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(handle, "a", encoding="utf-8") as stream:
        stream.writelines(f"{line}\n" for line in lines)
        stream.flush()
        os.fsync(stream.fileno())


def _mail(address: str, head: AuditHead) -> None:
    """Mail the newest head, which covers all before it."""
    message = EmailMessage(
        subject=f"Audit log: head at #{head.number} ({socket.gethostname()})",
        body="\n".join(
            [
                "Keep this mail. It proves what the audit log held when it was sent:",
                "    manage.py audit verify --heads FILE",
                "checks the log against it, with the line below in the file.",
                "",
                *lines_of([head]),
                "",
            ]
        ),
        to=[address],
        connection=mail_connection.connection(),
    )
    try:
        message.send()
    except (AnymailError, requests.RequestException) as error:
        raise ExportError(str(error)) from error
