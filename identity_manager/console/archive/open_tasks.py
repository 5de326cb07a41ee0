"""What of the key archive waits for an officer."""

from datetime import datetime

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.text import Truncator
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from identity_manager.console.open_tasks import columns, second_officer
from identity_manager.console.open_tasks.source import Source
from identity_manager.models import ArchiveExport, Person, RecoveryCertificate, Role
from identity_manager.workflow.archive import recovery_policy


def certificates(actor: Person, _now: datetime) -> QuerySet[RecoveryCertificate]:
    """Those whose fingerprint this officer may confirm, oldest first."""
    rows = RecoveryCertificate.objects.waiting_for(actor).select_related("imported_by")
    rows = rows.defer("certificate").order_by("imported_at", "pk")
    return rows if recovery_policy.is_recovery_officer(actor) else rows.none()


def _certificate(row: RecoveryCertificate) -> str:
    return reverse("console:recovery-certificate", args=[row.pk])


def _export(row: ArchiveExport) -> str:
    return reverse("console:archive-export-confirm", args=[row.pk])


def _purpose(row: ArchiveExport) -> str:
    return Truncator(row.purpose).chars(80)


SOURCES = (
    Source(
        name="recovery-certificates",
        title=_("Recovery certificates to confirm"),
        roles=frozenset({Role.RECOVERY_OFFICER}),
        waiting=certificates,
        columns=columns.to_decide(
            columns.name(_("Recovery certificate"), _certificate), _certificate, button=_("Confirm")
        ),
        sentence=lambda number: ngettext(
            "recovery certificate waits for your confirmation",
            "recovery certificates wait for your confirmation",
            number,
        ),
    ),
    second_officer.to_decide(
        ArchiveExport,
        name="archive-exports",
        title=_("Exports of the archive to confirm"),
        columns=columns.to_decide(columns.name(_("Export of the archive"), _export, named=_purpose), _export),
        sentence=lambda number: ngettext(
            "export of the archive waits for your confirmation",
            "exports of the archive wait for your confirmation",
            number,
        ),
    ),
)
