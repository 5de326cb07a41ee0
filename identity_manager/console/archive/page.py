"""What the pages of the key archive show to this officer."""

from typing import Any

from django.db.models import Count
from django.utils import timezone

from identity_manager.console.forms.refusals import VerbForm
from identity_manager.models import ArchiveExport, Person, RecoveryCertificate, RecoveryCertificateState
from identity_manager.workflow.archive import recovery_certificates as verbs
from identity_manager.workflow.archive import recovery_policy

S = RecoveryCertificateState


def listing(actor: Person, form: VerbForm) -> dict[str, Any]:
    """Every recovery certificate, the newest first."""
    rows = RecoveryCertificate.objects.annotate(number_of_keys=Count("keys")).defer("certificate", "seal")
    return {
        "tab": "key_archive",
        "rows": rows,
        "form": form,
        "in_force": RecoveryCertificate.objects.in_force(timezone.now()).exists(),
        "exports": ArchiveExport.objects.waiting().select_related("asked_by"),
        "decides": recovery_policy.is_recovery_officer(actor),
        "brings_in": recovery_policy.may_bring_in(actor),
    }


def context(actor: Person, certificate: RecoveryCertificate, form: VerbForm) -> dict[str, Any]:
    """One recovery certificate, with what this officer can do about it."""
    waits = certificate.state == S.IMPORTED
    obstacle = recovery_policy.confirmation_obstacle(actor, certificate)
    present = certificate.wrappings.filter(erased_at=None).prefetch_related("shares__officer").first()
    return {
        "tab": "key_archive",
        "certificate": certificate,
        "form": form,
        "waits": waits,
        "confirms": waits and obstacle is None,
        "obstacle": obstacle if waits else None,
        "retires": certificate.state != S.RETIRED and recovery_policy.is_recovery_officer(actor),
        "wrapping": present,
        "shares": present.shares.all() if present else (),
        "number_of_keys": certificate.keys.count(),
        "is_as_confirmed": certificate.state != S.IN_FORCE or verbs.is_as_confirmed(certificate),
    }
