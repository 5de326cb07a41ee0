"""The life of a published certificate, killed at each boundary: nothing is lost, and nothing is left there.

A boundary is before and after each transaction of a worker and each call to the target. The n-th walk dies at
the n-th, and another worker goes on, until one comes to its end. What a killed process leaves uncommitted is
rolled back here by the exception.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from ca_bridge.contract import RevocationReason
from identity_manager.models import HoldBack, PlacementState, SoftwareToken
from identity_manager.workflow import step1_renew
from identity_manager.workflow.revocation import revoke
from identity_manager.workflow.targets import lease, serving, settlement
from tests.tools import targets
from tests.tools.cast import Company, accepted, delivered, issued, noted
from tests.tools.targets import FakeTarget, placement, review, serve, switched_on, token_of

pytestmark = pytest.mark.long

P = PlacementState
CALLS = ("locate", "put", "look", "take_back")
STRANGER = b"of a stranger"


class Killed(BaseException):
    """The process is gone."""


@dataclass
class Boundaries:
    """Counts the boundaries that are passed; dies once, at that number."""

    die_at: int
    passed: int = 0

    def pass_one(self) -> None:
        self.passed += 1
        if self.passed == self.die_at:
            raise Killed

    def around(self, work: Callable[..., Any]) -> Callable[..., Any]:
        def watched(*given: Any, **more: Any) -> Any:
            self.pass_one()
            result = work(*given, **more)
            self.pass_one()
            return result

        return watched


def survive(work: Callable[[], None]) -> None:
    """A worker, and another one where it died; a third time for what became due by then."""
    for _worker in range(3):
        try:
            work()
        except Killed:
            continue


def prepared(company: Company) -> tuple[SoftwareToken, SoftwareToken]:
    """A token that is in use and its renewal, of which the passphrase waits; nothing was put anywhere."""
    switched_on(HoldBack.NOTED)
    old = token_of(company)
    delivered(old.request)
    noted(old)
    row = placement(old).certificate
    row.not_after = timezone.now() + timedelta(days=20)
    row.save()
    return old, issued(accepted(step1_renew.renew(actor=company.uma, token_id=old.pk))).tokens.get()


def walk(company: Company, target: FakeTarget, old: SoftwareToken, new: SoftwareToken) -> None:
    """Put, renewed in one modify, taken back."""
    review(old)
    survive(serve)
    assert target.holder("uma") == [STRANGER, placement(old).certificate.der]
    assert placement(old).state == P.THERE

    noted(new)
    review(new)
    survive(serve)
    assert target.holder("uma") == [STRANGER, placement(new).certificate.der]
    assert (placement(old).state, placement(new).state) == (P.GONE, P.THERE)

    gone = [placement(new).certificate_id]
    why = RevocationReason.KEY_COMPROMISE
    revoke.revoke_token(actor=company.ada, token_id=new.pk, reason=why, encryption=gone)
    review(new)
    survive(serve)
    assert target.holder("uma") == [STRANGER]
    assert placement(new).state == P.GONE


def test_killed_at_each_boundary(company: Company, settings: Any) -> None:
    with pytest.MonkeyPatch.context() as patched:
        targets.install(patched, settings)
        tokens = prepared(company)

    def killed_at(number: int) -> int:
        """One walk; returns how many boundaries it passed. Everything is as before afterwards."""
        boundaries = Boundaries(number)
        with pytest.MonkeyPatch.context() as patched, transaction.atomic():
            target = targets.install(patched, settings)
            target.holder("uma").append(STRANGER)
            for name in CALLS:
                patched.setattr(target, name, boundaries.around(getattr(target, name)))
            patched.setattr(serving, "claim", boundaries.around(lease.claim))
            patched.setattr(serving, "_intend", boundaries.around(serving._intend))
            patched.setattr(settlement, "settle", boundaries.around(settlement.settle))
            patched.setattr(lease.LeasedTarget, "settle", boundaries.around(lease.LeasedTarget.settle))
            walk(company, target, *tokens)
            transaction.set_rollback(True)
        return boundaries.passed

    undisturbed = killed_at(0)
    assert undisturbed > 25
    for number in range(1, undisturbed + 1):
        assert killed_at(number) >= number
