"""Keys that only targets get: no single person can lose one, and no doubt about one lasts for ever."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from ca_bridge.contract import RevocationReason
from identity_manager.catalogue import types
from identity_manager.console.targets import open_tasks, page
from identity_manager.models import (
    AuditEvent,
    OutgoingMail,
    Person,
    Placement,
    PlacementState,
    SoftwareToken,
    Target,
    TermsVersion,
    TokenState,
    TokenType,
)
from identity_manager.transactions.refusals import NotPossible, Stale
from identity_manager.workflow.revocation import revoke
from identity_manager.workflow.targets import actions, planning, sole_delivery
from selfservice.terms import certificate_content
from tests.identity_manager.workflow.targets.test_sole_delivery import draft
from tests.tools import cast, gateways, key_targets
from tests.tools.cast import Company, accepted, enabled, issued
from tests.tools.key_targets import KeyTarget, sole_type, token_of
from tests.tools.targets import administrator, in_use, placement, serve

pytestmark = pytest.mark.long

P, T = PlacementState, TokenState


@pytest.fixture(params=["intune", "gateway"])
def target(request: Any, tmp_path: Path, settings: Any, company: Company) -> Iterator[KeyTarget]:
    with key_targets.KINDS[request.param](settings, tmp_path, company) as found:
        sole_type(found.holder)
        in_use(found.name)
        yield found


@pytest.fixture
def both(tmp_path: Path, settings: Any, company: Company) -> Iterator[tuple[KeyTarget, KeyTarget]]:
    """A gateway and a device management, for one type."""
    with (
        key_targets.KINDS["gateway"](settings, tmp_path, company) as gate,
        key_targets.KINDS["intune"](settings, tmp_path, company) as intune,
    ):
        settings.TARGETS |= {gate.name: gateways.gateway(tmp_path).target()}
        sole_type(gate.holder)
        TermsVersion.objects.update(names_key_holders=[gate.holder, intune.holder])
        for each in (gate, intune):
            in_use(each.name)
        yield gate, intune


def state(token: SoftwareToken) -> str:
    return SoftwareToken.objects.get(pk=token.pk).state


def parked(token: SoftwareToken) -> Placement:
    Placement.objects.update(state=P.PARKED, place="user-of-uma")
    return placement(token)


def test_nobodys_word_erases_a_key_without_another_copy(target: KeyTarget, company: Company) -> None:
    token = token_of(company, target)
    row, events = parked(token), AuditEvent.objects.count()
    assert [each.words for each in sole_delivery.troubles(token.request)] == [str(sole_delivery.IS_PARKED)]
    for name in ("sven", "nora"):  # nor do two of them, one after the other
        with pytest.raises(NotPossible) as caught:
            actions.settle_parked(actor=administrator(name), placement_id=row.pk, is_there=True)
        assert caught.value.reason == actions.ONLY_COPY
    after = placement(token)
    assert (after.state, after.parcel_wrapped) == (P.PARKED, row.parcel_wrapped)
    assert (state(token), AuditEvent.objects.count()) == (T.SEALED, events)

    actions.repeat(actor=administrator("sven"), placement_id=row.pk)
    serve()
    assert (state(token), target.keys()) == (T.ACTIVE, 1), "the target itself has answered"
    assert placement(token).parcel_wrapped is None


def test_that_it_is_not_there_has_it_put_there_again(target: KeyTarget, company: Company) -> None:
    token = token_of(company, target)
    actions.settle_parked(actor=administrator("sven"), placement_id=parked(token).pk, is_there=False)
    serve()
    assert (state(token), target.keys()) == (T.ACTIVE, 1)


def test_once_the_token_has_ended_there_is_nothing_to_lose(target: KeyTarget, company: Company) -> None:
    token = token_of(company, target)
    row = parked(token)
    revoked(company, token)
    actions.settle_parked(actor=administrator("sven"), placement_id=row.pk, is_there=True)
    assert placement(token).parcel_wrapped is None


def revoked(company: Company, token: SoftwareToken) -> None:
    ids = list(token.certificates.values_list("pk", flat=True))
    why = RevocationReason.KEY_COMPROMISE
    revoke.revoke_token(actor=company.ada, token_id=token.pk, reason=why, encryption=ids)


# --- a target that left the settings, while it may have the key


def in_doubt_at(name: str, token: SoftwareToken, settings: Any) -> Placement:
    """Its worker died between the call and the settling, and the settings have it no more."""
    row = Placement.objects.get(target__name=name, certificate__token=token)
    Placement.objects.filter(pk=row.pk).update(state=P.INTENDED, place="user-of-uma")
    settings.TARGETS = {each: found for each, found in settings.TARGETS.items() if each != name}
    return row


def test_in_doubt_at_a_target_that_left_the_settings_an_officer_decides(
    both: tuple[KeyTarget, KeyTarget], company: Company, settings: Any
) -> None:
    gate, intune = both
    token_type = TokenType.objects.active().get(code="mail")
    token = issued(accepted(enabled(company.ada, company.uma, token_type))).tokens.get()
    row = in_doubt_at(intune.name, token, settings)
    serve()
    assert (gate.keys(), state(token)) == (1, T.SEALED), "the other one may have it, too"
    words = [each.words for each in sole_delivery.troubles(token.request)]
    assert words == [str(sole_delivery.IS_LEFT_IN_DOUBT)]
    sven = administrator("sven")
    assert list(open_tasks.needing_an_officer(sven, timezone.now())) == [row.target]

    actions.settle_parked(actor=sven, placement_id=row.pk, is_there=False)
    assert state(token) == T.ACTIVE
    assert not open_tasks.needing_an_officer(sven, timezone.now()).exists()
    with pytest.raises(Stale):
        actions.settle_parked(actor=sven, placement_id=row.pk, is_there=False)


def test_what_a_target_of_the_settings_has_to_answer_no_officer_decides(
    target: KeyTarget, company: Company
) -> None:
    token = token_of(company, target)
    Placement.objects.update(state=P.INTENDED, place="user-of-uma")
    with pytest.raises(Stale):
        actions.settle_parked(actor=administrator("sven"), placement_id=placement(token).pk, is_there=False)


@pytest.mark.parametrize("is_left", [True, False])
def test_revoked_in_doubt_the_key_is_kept_only_for_a_look(
    target: KeyTarget,
    company: Company,
    settings: Any,
    is_left: bool,  # noqa: FBT001 a parameter of the test
) -> None:
    token = token_of(company, target)
    if is_left:
        in_doubt_at(target.name, token, settings)
    else:
        Placement.objects.update(state=P.INTENDED, place="user-of-uma")
    revoked(company, token)
    planning.review_token(token_id=token.pk)
    assert (placement(token).parcel_wrapped is None) == is_left


# --- what pages and mails say of it


def test_what_switching_off_ends_is_said_of_only_copies_too(target: KeyTarget, company: Company) -> None:
    assert "new tokens are not sealed" in str(page.what_ends(target.name, "mail"))
    token_of(company, target)
    made = draft(targets_alone=False)
    types.activate_type(actor=administrator("nora"), type_id=made.pk, four_eyes=False)
    assert "Keys without another copy" in str(page.what_ends(target.name, "mail"))
    serve()
    assert "those that wait are erased" in str(page.what_ends(target.name, "mail"))


def test_the_terms_speak_of_a_file_once_a_later_version_mails_it(target: KeyTarget, company: Company) -> None:
    token = enabled(company.ada, company.uma, sole_type(target.holder)).tokens.get()
    (before,) = certificate_content.of_tokens([token])
    assert before.is_sole
    made = draft(targets_alone=False)
    types.activate_type(actor=administrator("nora"), type_id=made.pk, four_eyes=False)
    (after,) = certificate_content.of_tokens([token])
    assert not after.is_sole


def test_what_arrives_together_is_told_together(target: KeyTarget, company: Company) -> None:
    def arrive(*names: str) -> int:
        persons: list[Person] = [cast.person(name, sid="", roles=()) for name in names]
        for each in persons:
            target.know(each)
        made = [accepted(enabled(company.ada, each, sole_type(target.holder))) for each in persons]
        tokens = [issued(each).tokens.get() for each in made]
        rows = Placement.objects.filter(certificate__token__in=tokens)
        rows.update(state=P.THERE, place="x", parcel_wrapped=None)
        locked = sole_delivery.lock_parents(list(rows.values_list("pk", flat=True)))
        with CaptureQueriesContext(
            connection,
        ) as queries:
            sole_delivery.arrive(locked)
        assert {state(token) for token in tokens} == {T.ACTIVE}
        mails = OutgoingMail.objects.filter(token__in=tokens, message="at_targets")
        assert mails.count() == len(names)
        return len(queries)

    one, four = arrive("p1"), arrive("p2", "p3", "p4", "p5")
    assert (four - one) / 3 <= 6
    assert Target.objects.count() == 1
