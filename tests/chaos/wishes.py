"""What persons do with their token once they have it: keep it, revoke it, and what brings a second one.

A renewal comes of the person's click or of the expiry check, whichever is first; the job then replaces the
old token. Tokens come into their renewal window by a date of their certificates that is moved here.
A recovery by officers is asked for by an administrator; two officers decide, then give their shares.
"""

import uuid
from collections.abc import Callable, Collection
from datetime import timedelta
from typing import Any

from django.utils import timezone

from ca_bridge.contract import RevocationReason
from identity_manager.models import (
    ApprovalPolicy,
    ArchivedKey,
    ArchivedKeyRecipient,
    Certificate,
    JobRun,
    Person,
    Recovery,
    RecoveryKeyKind,
    RenewalPolicy,
    ReplacementCause,
    RequestKind,
    TokenRequest,
)
from identity_manager.workflow import step1_recover, step1_renew, step1_replace
from identity_manager.workflow.archive import share_rounds
from identity_manager.workflow.recovery import decisions, sealed_decisions
from identity_manager.workflow.revocation.revoke_all import revoke_all
from tests.chaos.facts import EXPIRE, FOLLOWS, RECOVER, RECOVER_BY_OFFICERS, RENEW, REPLACE, REVOKE
from tests.tools import cast, recovery

KEEP = ""
CYCLE = (KEEP, REVOKE, EXPIRE, REPLACE, RECOVER, RENEW, RECOVER_BY_OFFICERS)  # one person after the other
ARCHIVES = (RECOVER, RECOVER_BY_OFFICERS)  # who gets the type whose keys are archived
DECIDERS = recovery.HOLDERS[:2]  # two of the three who hold shares decide, and give theirs
RENEWAL: dict[str, Any] = {"renewal_policy": RenewalPolicy.AUTOMATIC, "replaced_after_days": 0}
ENDS_IN = timedelta(days=20)  # the last third of the window: the expiry check begins at once
JOBS = ("renewals.expiry_check", "renewals.replace_superseded")

Act = Callable[[Person, Collection[uuid.UUID]], object]


def prepare_archive(code: str) -> None:
    """A type whose keys are archived, for a recovery key that the workers hold and one of the officers."""
    staff = recovery.officers()
    recovery.online_in_force(staff)
    recovery.in_force(staff)
    share_rounds.publish_keys()
    recovery.archiving_type(code, approval=ApprovalPolicy.SELF_REQUESTED)


def make_jobs_due() -> None:
    """The hours between two runs of the jobs pass."""
    JobRun.objects.filter(name__in=JOBS, claim_id=None).update(next_attempt_at=timezone.now())


def asked_for() -> int:
    """How many requests follow a first one."""
    return TokenRequest.objects.exclude(tokens__kind=RequestKind.INITIAL).count()


def is_asked(wish: str, requests: int) -> bool:
    """Whether what brings a second token has been asked for."""
    return wish in FOLLOWS and requests > 1


def is_fulfilled(wish: str, requests: int, in_use: Collection[uuid.UUID]) -> bool:
    """Whether nothing is left of it, the requests being completed."""
    if wish == REVOKE:
        return not in_use
    return wish == KEEP or (is_asked(wish, requests) and len(in_use) <= 1)


def _revoke(person: Person, _tokens: Collection[uuid.UUID]) -> None:
    revoke_all(actor=person, person_id=person.pk, reason=RevocationReason.KEY_COMPROMISE)


def _expire(_person: Person, tokens: Collection[uuid.UUID]) -> None:
    """The end comes near; the expiry check does the rest."""
    Certificate.objects.filter(token__in=tokens).update(not_after=timezone.now() + ENDS_IN)


def _renew(person: Person, tokens: Collection[uuid.UUID]) -> None:
    _expire(person, tokens)
    for token in tokens:
        step1_renew.renew(actor=person, token_id=token, terms_shown=_terms())


def _replace(person: Person, tokens: Collection[uuid.UUID]) -> None:
    order = step1_replace.ReplacementOrder(ReplacementCause.LOST, shown=tokens, terms_shown=_terms())
    step1_replace.replace(actor=person, order=order)


def _recover(person: Person, _tokens: Collection[uuid.UUID]) -> None:
    keys = [row.pk for row in ArchivedKey.objects.of(person.pk)]
    factor = recovery.factor_of(person)
    step1_recover.recover(actor=person, key_ids=keys, purpose="A new device", factor=factor)


def _recover_by_officers(person: Person, _tokens: Collection[uuid.UUID]) -> None:
    """For the key of the officers alone, as after the retirement of the online one: shares are needed."""
    keys = [row.pk for row in ArchivedKey.objects.of(person.pk)]
    online = ArchivedKeyRecipient.objects.filter(certificate__kind=RecoveryKeyKind.ONLINE)
    online.filter(key__in=keys).delete()
    order = step1_recover.OfficersOrder(person.pk, person.pk, keys, purpose="The files are gone")
    step1_recover.recover_by_officers(actor=Person.objects.get(personnel_number="P-ada"), order=order)


def decide_recovery(request_id: uuid.UUID) -> None:
    """What Recovery Officers do next: two of them decide, then each of them gives their share."""
    row = Recovery.objects.select_related("request", "owner", "opened_with").get(request=request_id)
    seen, subject, now = sealed_decisions.digest(row), decisions.subject_of(row), timezone.now()
    texts = dict(zip(recovery.HOLDERS, recovery.ceremony()[1].texts, strict=True))
    for officer in Person.objects.filter(personnel_number__in=DECIDERS).order_by("personnel_number"):
        if not row.request.approvals.filter(approver=officer).exists():
            decisions.approve(actor=officer, recovery_id=row.pk, seen=seen)
            return
    wrapping = decisions.wrapping_of(row)
    for officer in Person.objects.filter(personnel_number__in=DECIDERS):
        if share_rounds.obstacle(actor=officer, wrapping=wrapping, subject=subject, now=now) is None:
            share = texts[officer.personnel_number]
            decisions.give_share(actor=officer, recovery_id=row.pk, seen=seen, share=share)
            return


def _terms() -> list[uuid.UUID]:
    """As the page names them."""
    return [cast.terms().versions.get(is_current=True).text_in("en").pk]


ACTS: dict[str, Act] = {
    REVOKE: _revoke,
    EXPIRE: _expire,
    RENEW: _renew,
    REPLACE: _replace,
    RECOVER: _recover,
    RECOVER_BY_OFFICERS: _recover_by_officers,
}
