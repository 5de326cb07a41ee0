"""A key on its way to a target that alone delivers it, killed at each boundary: it arrives once.

As test_kill_points.py, for each kind of target that takes keys. The long form dies before and after each step
by its name; the nightly one at every boundary of the walk, with and without a lost answer.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction

from identity_manager.models import (
    Certificate,
    DeliveryState,
    OutgoingMail,
    Placement,
    PlacementState,
    SoftwareToken,
    Target,
    TokenState,
)
from identity_manager.workflow import step6_passphrase
from identity_manager.workflow.targets import actions, calls, lease, serving, settlement, sole_delivery
from tests.identity_manager.workflow.targets.test_kill_points import Boundaries, Killed, survive
from tests.tools import key_targets
from tests.tools.cast import Company
from tests.tools.key_targets import KeyTarget, sole_type, token_of
from tests.tools.targets import administrator, in_use, placement, serve

pytestmark = pytest.mark.long

P = PlacementState
BOUNDARIES = {  # of the worker, by name
    "claim": (serving, "claim"),
    "intended": (serving, "_intend"),
    "call": (calls, "call"),
    "settle": (settlement, "settle"),
    "lease": (lease.LeasedTarget, "settle"),
}


def arrived_once(target: KeyTarget, token: SoftwareToken, *, keys: int = 1) -> None:
    """There, once; told once; nothing of it is left here."""
    token = SoftwareToken.objects.get(pk=token.pk)
    assert (token.state, token.delivery) == (TokenState.ACTIVE, DeliveryState.AT_TARGETS)
    assert (placement(token).state, target.keys()) == (P.THERE, keys)
    assert OutgoingMail.objects.filter(token=token, message="at_targets").count() == 1
    assert not Placement.objects.exclude(parcel_wrapped=None).exists()
    assert not Certificate.objects.exclude(private_key_wrapped=None).exists()


def decided(target: KeyTarget, token: SoftwareToken, *, keys: int) -> None:
    """What the target cannot be asked about an officer has put there again: nobody's word erases it."""
    row = placement(token)
    if row.state == P.PARKED:
        assert target.keys() == keys - 1, "a key that is there is found"
        actions.repeat(actor=administrator("sven"), placement_id=row.pk)
        serve()
        serve()  # where the answer that was to be lost is lost only now


@pytest.fixture(params=list(key_targets.KINDS))
def target(request: Any, tmp_path: Path, settings: Any, company: Company) -> Iterator[KeyTarget]:
    with key_targets.KINDS[request.param](settings, tmp_path, company) as found:
        sole_type(found.holder)
        in_use(found.name)
        yield found


@pytest.mark.parametrize("name", BOUNDARIES)
def test_killed_before_and_after_each_step(target: KeyTarget, company: Company, name: str) -> None:
    place, attribute = BOUNDARIES[name]
    for side, who in ((1, "uma"), (2, "sam")):
        before = target.keys()
        token = token_of(company, target, who)
        boundaries = Boundaries(side)
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(place, attribute, boundaries.around(getattr(place, attribute)))
            survive(serve)
        decided(target, token, keys=before + 1)
        assert boundaries.passed >= side
        arrived_once(target, token, keys=before + 1)


@pytest.mark.nightly
def test_killed_at_each_boundary(target: KeyTarget, company: Company) -> None:
    """A rollback undoes the rows of each walk; the keys at the target are counted on."""

    def killed_at(number: int, *, loses: bool) -> int:
        boundaries = Boundaries(number)
        with pytest.MonkeyPatch.context() as patched, transaction.atomic():
            before = target.keys()
            for place, attribute in (*BOUNDARIES.values(), (sole_delivery, "arrive")):
                patched.setattr(place, attribute, boundaries.around(getattr(place, attribute)))
            token = token_of(company, target)
            if loses:
                target.lose_answer()
            survive(serve)
            survive(serve)
            decided(target, token, keys=before + 1)
            arrived_once(target, token, keys=before + 1)
            transaction.set_rollback(True)
        return boundaries.passed

    for loses in (False, True):
        for number in range(1, killed_at(0, loses=loses) + 1):
            killed_at(number, loses=loses)


def test_an_answer_that_is_lost_is_looked_for_and_nothing_is_sent_twice(
    target: KeyTarget, company: Company
) -> None:
    token = token_of(company, target)
    target.lose_answer()
    serve()
    serve()
    arrived_once(target, token)


def test_killed_between_the_act_and_the_settling_of_the_sealing(
    target: KeyTarget, company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was sealed for the target is not saved: the keys are still here, and are sealed anew."""
    boundaries = Boundaries(1)
    monkeypatch.setattr(step6_passphrase, "seal_all", boundaries.around(step6_passphrase.seal_all))
    with pytest.raises(Killed):
        token_of(company, target)
    token = SoftwareToken.objects.get()
    assert not Placement.objects.exists()
    assert token.certificates.exclude(private_key_wrapped=None).exists()


def test_two_workers_hand_one_key_over_once(
    target: KeyTarget, company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second one comes while the first one calls: the target is leased, and it goes home."""
    token = token_of(company, target)
    row, call, second = Target.objects.get(), calls.call, list[tuple[int, str]]()

    def interrupted(*given: Any) -> Any:
        serving.serve(target_id=row.pk)
        second.append((target.keys(), placement(token).state))
        return call(*given)

    monkeypatch.setattr(calls, "call", interrupted)
    serve()
    assert second == [(0, P.INTENDED)]
    arrived_once(target, token)
