"""Page context of the key archive, for one officer."""

from collections.abc import Mapping
from typing import Any

from django.db.models import Count
from django.utils import timezone

from identity_manager.console.access import offices
from identity_manager.console.access.recoveries import RECOVERY_READERS
from identity_manager.console.archive import drill_list
from identity_manager.console.archive.forms import ShareForm
from identity_manager.console.forms.refusals import VerbForm
from identity_manager.models import (
    ArchiveExport,
    Person,
    RecoveryCertificate,
    RecoveryCertificateState,
    RecoveryDrill,
    RecoveryKeyKind,
)
from identity_manager.transactions.refusals import Reason
from identity_manager.workflow.archive import (
    drills,
    readdressing,
    recovery_certificate_policy,
    recovery_certificates,
    share_rounds,
)

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
        "decides": recovery_certificate_policy.is_recovery_officer(actor),
        "brings_in": recovery_certificate_policy.may_bring_in(actor),
        "reads_recoveries": offices.holds(actor, RECOVERY_READERS),
    }


def share_context(actor: Person, drill: RecoveryDrill, form: VerbForm) -> dict[str, Any]:
    """The page on which an officer gives their share for a drill."""
    return {
        "tab": "key_archive",
        "drill": drill,
        "form": form,
        "share_obstacle": share_obstacle(actor, drill),
    }


def share_obstacle(actor: Person, drill: RecoveryDrill) -> Reason | None:
    """Why this officer cannot give a share for the drill now, or None."""
    if not drills.awaits_shares(drill):
        return drills.DRILL_NOT_WAITING
    return share_rounds.obstacle(
        actor=actor,
        wrapping=drills.wrapping_of(drill),
        subject=drills.subject_of(drill),
        now=timezone.now(),
    )


def _drill(actor: Person, certificate: RecoveryCertificate) -> dict[str, Any]:
    """The drill of a certificate that is under way, and the last proof."""
    present = certificate.drills.filter(pk__in=RecoveryDrill.objects.under_way()).first()
    proved = certificate.drills.exclude(proved_at=None).order_by("proved_at").last()
    officer = recovery_certificate_policy.is_recovery_officer(actor)
    return {
        "drill": present,
        "proved": proved,
        "begins_drill": officer and present is None and certificate.is_in_force(timezone.now()),
        "confirms_drill": present is not None and present.waits() and not present.deciding_exclusion(actor),
        "gives_share": present is not None and officer and share_obstacle(actor, present) is None,
    }


def context(
    actor: Person, certificate: RecoveryCertificate, form: VerbForm, *, asked: Mapping[str, str]
) -> dict[str, Any]:
    """One recovery certificate, with the actions of this officer; asked: which of its drills."""
    anew = recovery_certificates.is_to_be_confirmed_anew(certificate)
    waits = anew or certificate.state == S.IMPORTED
    obstacle = recovery_certificate_policy.confirmation_obstacle(actor, certificate, anew=anew)
    present = certificate.wrappings.filter(erased_at=None).prefetch_related("shares__officer").first()
    return {
        "tab": "key_archive",
        "certificate": certificate,
        "form": form,
        "waits": waits,
        "lost_key": recovery_certificates.lost_seal_key(certificate) if anew else "",
        "confirms": waits and obstacle is None,
        "obstacle": obstacle if waits else None,
        "retires": certificate.state != S.RETIRED and recovery_certificate_policy.is_recovery_officer(actor),
        "wrapping": present,
        "shares": present.shares.all() if present else (),
        "number_of_keys": certificate.keys.count(),
        **_readdressing(actor, certificate, form),
        **_drill(actor, certificate),
        **drill_list.context(certificate, asked),
        "is_as_confirmed": certificate.state != S.IN_FORCE
        or recovery_certificates.is_as_confirmed(certificate),
    }


def _readdressing(actor: Person, certificate: RecoveryCertificate, form: VerbForm) -> dict[str, Any]:
    """Progress of re-encrypting keys of a retired certificate to others, and the officers' part in it."""
    if certificate.state != S.RETIRED:
        return {}
    still, at_first = readdressing.left(certificate).count(), certificate.keys_when_retired or 0
    waits_for_shares = certificate.kind != RecoveryKeyKind.ONLINE and still > 0
    return {
        "keys_left": still,
        "keys_at_first": max(at_first, still),
        "keys_moved": max(at_first - still, 0),
        "no_target": still > 0 and not RecoveryCertificate.objects.in_force(timezone.now()).exists(),
        **(_session(actor, certificate, form) if waits_for_shares else {}),
    }


def _session(actor: Person, certificate: RecoveryCertificate, form: VerbForm) -> dict[str, Any]:
    """The session in which officers give shares: number given, and why this officer cannot, if so."""
    wrapping = certificate.wrappings.get(erased_at=None)
    subject, now = readdressing.subject_of(certificate), timezone.now()
    present = readdressing.present_round(certificate)
    obstacle = readdressing.session_obstacle(certificate) or share_rounds.obstacle(
        actor=actor, wrapping=wrapping, subject=subject, now=now
    )
    return {
        "waits_for_shares": True,
        "share_form": form if isinstance(form, ShareForm) else ShareForm(),
        "share_obstacle": obstacle,
        "shares_given": present.submitted.count() if present else 0,
        "round": present,
    }
