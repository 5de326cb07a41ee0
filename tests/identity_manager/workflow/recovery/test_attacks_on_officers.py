"""Attacks on a recovery by officers: one person with two roles, a replayed share, files for somebody else."""

from collections.abc import Callable
from functools import partial
from itertools import combinations

import pytest
from django.utils import timezone

from identity_manager.models import (
    Approval,
    ArchivedKey,
    Person,
    Recovery,
    RecoveryDecision,
    Role,
    ShareRound,
    SoftwareToken,
    SubmittedShare,
    TokenRequest,
)
from identity_manager.transactions.refusals import Refused
from identity_manager.workflow import step2_approve
from identity_manager.workflow.recovery import decisions, sealed_decisions
from tests.identity_manager.workflow.recovery.test_decisions import (
    agreed,
    approve,
    asked,
    deputy,
    give,
    opened,
    refusal,
    split,
    staff,
    state,
)
from tests.tools import cast, recovery
from tests.tools.cast import Company
from tests.tools.recovery import Officers

__all__ = ["split", "staff"]
pytestmark = [pytest.mark.django_db, pytest.mark.long]


def tried(call: Callable[[], object]) -> bool:
    """Whether it was done; what else can happen is a refusal."""
    try:
        call()
    except Refused:
        return False
    return True


def test_no_two_roles_of_one_person_open_a_key(company: Company, staff: Officers, split: ArchivedKey) -> None:
    """Also with roles that go together only where the installation allows it; the keys are for themselves."""
    theirs = asked(company, split, beneficiary=deputy())
    for number, pair in enumerate(combinations(Role, 2)):
        mallory = cast.person(f"mallory-{number}", sid="", roles=tuple({*pair, Role.SELF_SERVICE_USER}))
        row = theirs
        if Role.TOKEN_ADMINISTRATOR in pair:
            company.ada = mallory
            row = asked(company, split, beneficiary=mallory)
        request = TokenRequest.objects.get(pk=row.request_id)
        acts = [
            partial(approve, row, mallory),
            partial(approve, row, mallory),
            partial(give, row, mallory, 1),
            partial(
                step2_approve.approve,
                actor=mallory,
                request_id=request.pk,
                snapshot_hash=request.snapshot_hash,
            ),
        ]
        done = [tried(act) for act in acts]
        assert done[1:] == [False, False, False], pair
        assert sealed_decisions.obstacle(Recovery.objects.get(pk=row.pk)) is not None
        assert state(row)[0] == "requested"
        RecoveryDecision.objects.all().delete()  # the next one begins anew
        Approval.objects.filter(request=request).delete()


def test_a_share_that_is_given_twice_counts_once(
    company: Company, staff: Officers, split: ArchivedKey
) -> None:
    row = asked(company, split)
    agreed(staff, row)
    give(row, staff.rene, 1)
    assert refusal(lambda: give(row, staff.rene, 1)) == ("share-given-already", 409)
    assert refusal(lambda: give(row, staff.rosa, 1)) == ("share-of-another-officer", 422)
    assert state(row)[0] == "requested"


def test_a_share_that_is_replayed_for_another_officer(
    company: Company, staff: Officers, split: ArchivedKey
) -> None:
    """A database writer copies the share of one officer into the row of another, so that there are enough."""
    row = asked(company, split)
    agreed(staff, row)
    present = give(row, staff.rene, 1)
    share = SubmittedShare.objects.get()
    SubmittedShare.objects.create(
        round=present,
        officer=staff.rosa,
        number=2,
        share_wrapped=share.share_wrapped,
        given_at=timezone.now(),
    )
    _begin(row, present)
    opened(row)
    assert state(row) == ("failed", "recovery-shares-not-for-this")


def test_shares_that_are_kept_and_put_back_open_no_later_recovery(
    company: Company, staff: Officers, split: ArchivedKey
) -> None:
    """A database writer keeps what is erased with the act, and puts it into a round of the next recovery."""
    row = asked(company, split)
    agreed(staff, row)
    give(row, staff.rene, 1)
    used = give(row, staff.rosa, 2)
    kept = list(SubmittedShare.objects.values("officer", "number", "share_wrapped"))
    assert opened(row).state == "sealed"

    later = asked(company, split, beneficiary=deputy())
    agreed(staff, later)
    present = ShareRound.objects.create(
        purpose=used.purpose,
        subject=later.request_id,
        number=used.number,
        digest=sealed_decisions.digest(Recovery.objects.get(pk=later.pk)),
        wrapping=used.wrapping,
        begun_at=used.begun_at,
        ends_at=used.ends_at,
    )
    SubmittedShare.objects.bulk_create(
        SubmittedShare(
            round=present,
            officer_id=each["officer"],
            number=each["number"],
            share_wrapped=each["share_wrapped"],
            given_at=timezone.now(),
        )
        for each in kept
    )
    _begin(later, present)
    opened(later)
    assert state(later) == ("failed", "recovery-shares-not-for-this")


def _begin(row: Recovery, present: ShareRound) -> None:
    """As a database writer starts the act."""
    ShareRound.objects.filter(pk=present.pk).update(state="complete")
    TokenRequest.objects.filter(pk=row.request_id).update(state="issuing")
    SoftwareToken.objects.filter(request=row.request_id).update(
        state="issuing", next_attempt_at=timezone.now()
    )


def test_the_files_go_to_nobody_else(company: Company, staff: Officers, split: ArchivedKey) -> None:
    """A database writer puts their name on the token, with the address of who was to get the keys."""
    row = asked(company, split, beneficiary=deputy())
    agreed(staff, row)
    give(row, staff.rene, 1)
    give(row, staff.rosa, 2)
    thief = deputy("thea")
    address = row.request.delivery_address
    Person.objects.filter(email=address).update(email="elsewhere@example.com")
    Person.objects.filter(pk=thief.pk).update(email=address)
    SoftwareToken.objects.filter(request=row.request_id).update(person=thief)
    opened(row)
    assert state(row) == ("failed", "recovery-changed")
    assert not SoftwareToken.objects.get(request=row.request_id).containers.exists()


def test_a_decision_on_another_recovery_is_none_on_this(
    company: Company, staff: Officers, split: ArchivedKey
) -> None:
    """A page that shows one recovery is sent for another."""
    row, other = asked(company, split), asked(company, split, beneficiary=deputy())
    seen = sealed_decisions.digest(row)
    wrong = partial(decisions.approve, actor=staff.rene, recovery_id=other.pk, seen=seen)
    assert refusal(wrong) == ("recovery-seen-differs", 409)
    agreed(staff, other)
    text = recovery.ceremony()[1].texts[0]
    misled = partial(decisions.give_share, actor=staff.rene, recovery_id=other.pk, seen=seen, share=text)
    assert refusal(misled) == ("recovery-seen-differs", 409)
