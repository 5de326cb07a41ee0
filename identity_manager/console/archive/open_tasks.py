"""Open tasks of the key archive."""

from datetime import datetime

from django.db.models import Exists, F, Max, OuterRef, QuerySet
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils.text import Truncator
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from identity_manager.console.open_tasks import columns, second_officer
from identity_manager.console.open_tasks.source import Source
from identity_manager.models import (
    ArchiveExport,
    Person,
    RecoveryCertificate,
    RecoveryCertificateState,
    RecoveryDrill,
    Role,
    SubmittedShare,
)
from identity_manager.models.archive.recovery_drill import ASKED_BEFORE, EVERY
from identity_manager.workflow.archive import recovery_certificate_policy


def certificates(actor: Person, _now: datetime) -> QuerySet[RecoveryCertificate]:
    """Recovery certificates whose fingerprint this officer may confirm, oldest first."""
    rows = RecoveryCertificate.objects.waiting_for(actor).select_related("imported_by")
    rows = rows.defer("certificate").order_by("imported_at", "pk")
    return rows if recovery_certificate_policy.is_recovery_officer(actor) else rows.none()


def _imported() -> QuerySet[RecoveryCertificate]:
    return RecoveryCertificate.objects.filter(state=RecoveryCertificateState.IMPORTED)


def _certificate(row: RecoveryCertificate) -> str:
    return reverse("console:recovery-certificate", args=[row.pk])


def _export(row: ArchiveExport) -> str:
    return reverse("console:archive-export-confirm", args=[row.pk])


def _purpose(row: ArchiveExport) -> str:
    return Truncator(row.purpose).chars(80)


def drills_due(actor: Person, now: datetime) -> QuerySet[RecoveryCertificate]:
    """Recovery certificates whose yearly drill is due, and for which none is under way."""
    rows = (
        RecoveryCertificate.objects.in_force(now)
        .defer("certificate", "seal")
        .annotate(proof=Coalesce(Max("drills__proved_at"), F("second_at")))
        .filter(proof__lte=now - EVERY + ASKED_BEFORE)
        .exclude(drills__in=RecoveryDrill.objects.under_way())
        .order_by("proof", "pk")
    )
    return rows if recovery_certificate_policy.is_recovery_officer(actor) else rows.none()


def drills_awaiting_share(actor: Person, _now: datetime) -> QuerySet[RecoveryDrill]:
    """Drills for which this officer holds a share that they have not given."""
    given = SubmittedShare.objects.filter(
        officer=actor, share_wrapped__isnull=False, round__subject=OuterRef("pk")
    )
    held = actor.recovery_shares.filter(wrapping__erased_at=None).values("wrapping__certificate")
    rows = RecoveryDrill.objects.to_carry_out().filter(certificate__in=held).exclude(Exists(given))
    rows = rows.select_related("certificate", "asked_by").order_by("asked_at", "pk")
    return rows if recovery_certificate_policy.is_recovery_officer(actor) else rows.none()


def _drill_begins(row: RecoveryCertificate) -> str:
    return reverse("console:recovery-drill-begin", args=[row.pk])


def _drill(row: RecoveryDrill) -> str:
    return reverse("console:recovery-drill-confirm", args=[row.pk])


def _drill_share(row: RecoveryDrill) -> str:
    return reverse("console:recovery-drill-share", args=[row.pk])


SOURCES = (
    Source(
        name="recovery-certificates",
        title=_("Recovery certificates to confirm"),
        roles=frozenset({Role.RECOVERY_OFFICER}),
        waiting=certificates,
        any_waiting=(_imported,),
        columns=columns.to_decide(
            columns.name(_("Recovery certificate"), _certificate), _certificate, button=_("Confirm")
        ),
        sentence=lambda number: ngettext(
            "recovery certificate waits for your confirmation",
            "recovery certificates wait for your confirmation",
            number,
        ),
    ),
    Source(
        name="drills-due",
        title=_("Recovery drills that are due"),
        roles=frozenset({Role.RECOVERY_OFFICER}),
        waiting=drills_due,
        columns=columns.table(
            columns.name(_("Recovery certificate"), _drill_begins),
            columns.action(_("Begin the drill"), _drill_begins),
        ),
        sentence=lambda number: ngettext("recovery drill is due", "recovery drills are due", number),
    ),
    second_officer.to_decide(
        RecoveryDrill,
        name="drills-to-confirm",
        title=_("Recovery drills to confirm"),
        columns=columns.to_decide(columns.name(_("Recovery certificate"), _drill), _drill),
        sentence=lambda number: ngettext(
            "recovery drill waits for your confirmation",
            "recovery drills wait for your confirmation",
            number,
        ),
    ),
    Source(
        name="drills-awaiting-share",
        title=_("Recovery drills that need your share"),
        roles=frozenset({Role.RECOVERY_OFFICER}),
        waiting=drills_awaiting_share,
        any_waiting=(RecoveryDrill.objects.to_carry_out,),
        columns=columns.to_decide(
            columns.name(_("Recovery certificate"), _drill_share), _drill_share, button=_("Give your share")
        ),
        sentence=lambda number: ngettext(
            "recovery drill needs your share", "recovery drills need your share", number
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
