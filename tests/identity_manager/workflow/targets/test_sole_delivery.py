"""Tokens that targets alone deliver: no file and no passphrase, and a way out of each fault."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import pytest
from celery.exceptions import SoftTimeLimitExceeded
from django.urls import reverse
from django.utils import timezone

from ca_bridge.contract import RevocationReason
from identity_manager import audit
from identity_manager.catalogue import types
from identity_manager.console.delivery import open_tasks
from identity_manager.jobs import placement_scans, secret_stores
from identity_manager.mail.messages import token_messages
from identity_manager.models import (
    AuditEvent,
    Container,
    DeliveryState,
    HoldBack,
    KeyHolder,
    OutgoingMail,
    PersonSource,
    Placement,
    PlacementState,
    SoftwareToken,
    Target,
    TargetUse,
    TermsVersion,
    TokenState,
    TokenType,
)
from identity_manager.models.requests.software_token import SoftwareToken as Token
from identity_manager.people.identity import identity_changes
from identity_manager.targets import connectors
from identity_manager.targets.contract import Doubtful, NoPlace
from identity_manager.targets.intune.connector import IntuneTarget
from identity_manager.transactions.refusals import NotPossible, Stale
from identity_manager.vault import wrapping as vault
from identity_manager.workflow import step1_renew, step6_passphrase
from identity_manager.workflow.delivery import mail_relevance, resending
from identity_manager.workflow.policy import devices
from identity_manager.workflow.renewal import supersession
from identity_manager.workflow.revocation import hold, revoke
from identity_manager.workflow.targets import (
    actions,
    calls,
    handover,
    planning,
    serving,
    sole_delivery,
    uses,
)
from selfservice.recovery import passphrase_help
from tests.tools import cast, gateways, key_targets
from tests.tools import targets as directories
from tests.tools.cast import Company, accepted, enabled, issued
from tests.tools.gateways import leaving_type
from tests.tools.key_targets import KeyTarget, sole_type, token_of
from tests.tools.sign_in import signed_in
from tests.tools.targets import administrator, in_use, placement, review, serve

pytestmark = pytest.mark.long

P, T = PlacementState, TokenState


@pytest.fixture
def devices_target(tmp_path: Path, settings: Any, company: Company) -> Iterator[KeyTarget]:
    with key_targets.KINDS["intune"](settings, tmp_path, company) as target:
        yield target


@pytest.fixture
def target(devices_target: KeyTarget) -> KeyTarget:
    sole_type(devices_target.holder)
    in_use(devices_target.name)
    return devices_target


def fresh(token: SoftwareToken) -> SoftwareToken:
    return SoftwareToken.objects.select_related("request", "token_type").get(pk=token.pk)


def mails_of(token: SoftwareToken) -> list[str]:
    return [mail.message for mail in OutgoingMail.objects.filter(token=token).order_by("created_at")]


def fresh_mail(mail: OutgoingMail) -> OutgoingMail:
    return OutgoingMail.objects.select_related("token__person", "token__request", "request").get(pk=mail.pk)


def revoked(company: Company, token: SoftwareToken) -> None:
    why, row = RevocationReason.KEY_COMPROMISE, placement(token).certificate_id
    revoke.revoke_token(actor=company.ada, token_id=token.pk, reason=why, encryption=[row])


def seal_again(token: SoftwareToken) -> SoftwareToken:
    """As the sweep does when it is due again."""
    SoftwareToken.objects.filter(pk=token.pk).update(next_attempt_at=timezone.now())
    step6_passphrase.seal(token_id=token.pk)
    return fresh(token)


def a_year_on(token: SoftwareToken) -> None:
    """Its certificate ends soon."""
    row = placement(token).certificate
    row.not_after = timezone.now() + timedelta(days=20)
    row.save()


# --- the way


@pytest.mark.parametrize("kind", list(key_targets.KINDS))
def test_neither_file_nor_passphrase_is_made_and_one_mail_says_where_the_key_is(
    kind: str, tmp_path: Path, settings: Any, company: Company
) -> None:
    with key_targets.KINDS[kind](settings, tmp_path, company) as target:
        sole_type(target.holder)
        in_use(target.name)
        token = token_of(company, target)
        assert (token.state, token.delivery) == (T.SEALED, DeliveryState.TO_TARGETS)
        assert (token.passphrase_wrapped, token.passphrase_destroy_at) == (None, None)
        assert not Container.objects.exists()
        assert [row.private_key_wrapped for row in token.certificates.all()] == [None]
        assert mails_of(token) == []
        serve()
        token = fresh(token)
        assert (token.state, token.delivery) == (T.ACTIVE, DeliveryState.AT_TARGETS)
        assert (token.acknowledged_at, token.request.state) == (None, "completed")
        assert (mails_of(token), target.keys()) == (["at_targets"], 1)
    assert placement(token).parcel_wrapped is None
    names = list(AuditEvent.objects.filter(token=token).values_list("name", flat=True))
    assert audit.Event.TOKEN_SEALED not in names
    assert [names.count(each) for each in ("token.sealed-for-targets", "token.at-targets")] == [1, 1]


def test_the_mail_names_every_kind_of_target(target: KeyTarget, company: Company) -> None:
    assert set(token_messages.HOLDERS) == set(KeyHolder.values)
    token = token_of(company, target)
    serve()
    (mail,) = OutgoingMail.objects.filter(token=token)
    assert "Microsoft Intune" in mail.body_text
    assert not mail.delivers


def test_of_a_token_that_was_revoked_meanwhile_nobody_is_told(target: KeyTarget, company: Company) -> None:
    token = token_of(company, target)
    serve()
    (mail,) = OutgoingMail.objects.filter(token=token)
    revoked(company, token)
    assert isinstance(mail_relevance.obstacle(fresh_mail(mail)), mail_relevance.NoLongerRelevant)


def test_nothing_of_it_can_be_shown_sent_or_noted(target: KeyTarget, company: Company) -> None:
    token = token_of(company, target)
    with pytest.raises(Stale):
        step6_passphrase.show(actor=company.uma, token_id=token.pk, signed_in_at=timezone.now())
    with pytest.raises(Stale):
        step6_passphrase.acknowledge(actor=company.uma, token_id=token.pk)
    with pytest.raises(NotPossible) as caught:
        resending.send_again(actor=company.ada, token_id=token.pk, container_format="standard")
    assert caught.value.reason.code == "by-targets-alone"
    assert resending.sending_obstacle(token) == caught.value.reason
    assert not Token.objects.overdue(timezone.now() + timedelta(days=400)).exists()


def test_for_which_devices_the_file_is_nobody_asks(target: KeyTarget, company: Company) -> None:
    TokenType.objects.update(device_rule="must")
    request = enabled(company.ada, company.uma, sole_type(target.holder))
    assert devices.rule(request.lines) == "never"


def test_the_renewed_one_ends_only_after_the_new_one_is_there(target: KeyTarget, company: Company) -> None:
    old = token_of(company, target)
    serve()
    a_year_on(old)
    new = issued(accepted(step1_renew.renew(actor=company.uma, token_id=old.pk))).tokens.get()
    TokenType.objects.update(replaced_after_days=0)
    assert supersession.replace_superseded() == 0
    assert fresh(old).state == T.ACTIVE
    target.refuse()
    serve()
    assert (fresh(new).state, supersession.replace_superseded()) == (T.SEALED, 0)
    actions.repeat(actor=administrator("sven"), placement_id=placement(new).pk)
    serve()
    assert (fresh(new).state, supersession.replace_superseded()) == (T.ACTIVE, 1)
    assert (fresh(old).state, target.keys()) == (T.REPLACED, 2)
    assert placement(old).certificate.state == "valid"  # it opens mail from before


def test_what_was_on_hold_arrives_when_it_is_reinstated(target: KeyTarget, company: Company) -> None:
    token = token_of(company, target)
    hold.put_on_hold(actor=company.ada, token_id=token.pk, reason="lost, perhaps")
    review(token)
    serve()
    assert (placement(token).state, target.keys()) == (P.WAITING, 0)
    assert placement(token).parcel_wrapped is not None
    hold.reinstate(actor=company.ada, token_id=token.pk)
    review(token)
    serve()
    assert fresh(token).state == T.ACTIVE


def test_what_is_published_is_held_back_until_the_key_is_there(target: KeyTarget, company: Company) -> None:
    token = token_of(company, target)
    row = placement(token)
    TargetUse.objects.update(hold_back=HoldBack.NOTED)  # as of a directory
    assert not Placement.objects.filter(pk=row.pk).to_be_published(timezone.now()).exists()
    SoftwareToken.objects.update(delivery=DeliveryState.AT_TARGETS)
    assert Placement.objects.filter(pk=row.pk).to_be_published(timezone.now()).exists()


def test_a_revoked_one_keeps_its_encryption_certificate_only_if_somebody_has_the_key(
    target: KeyTarget, company: Company
) -> None:
    token = token_of(company, target)
    row = placement(token).certificate
    assert not row.may_outlive_token
    assert not token.certificates.may_outlive_token().exists()
    serve()
    row = token.certificates.select_related("token", "profile").get()
    assert row.may_outlive_token
    assert token.certificates.may_outlive_token().exists()


# --- what the type, the officers and the terms have to say


def draft(**values: Any) -> TokenType:
    active = TokenType.objects.active().get(code="mail")
    fields = ("name", "description", "kinds", "terms", "keys_leave", "key_algorithm")
    given = {field: getattr(active, field) for field in fields} | values
    return types.add_type_version(
        actor=administrator("sven"), code="mail", values=given, profiles=active.ordered_profiles()
    )


@pytest.mark.parametrize(
    ("fields", "values", "code"),
    [
        ({"profiles": ("mailkey",)}, {"keys_leave": False}, "targets-alone-without-keys"),
        ({"profiles": ("mailkey", "client")}, {}, "targets-alone-not-all-leave"),
    ],
)
def test_what_a_type_needs(
    devices_target: KeyTarget, fields: dict[str, Any], values: dict[str, Any], code: str
) -> None:
    leaving_type(devices_target.holder, **fields)
    with pytest.raises(NotPossible) as caught:
        draft(targets_alone=True, **values)
    assert (caught.value.reason.code, caught.value.field) == (code, "targets_alone")


def test_a_version_needs_a_target_that_is_on_and_a_second_officer(devices_target: KeyTarget) -> None:
    leaving_type(devices_target.holder, profiles=("mailkey",))
    made = draft(targets_alone=True)
    sven, nora = administrator("sven"), administrator("nora")
    for verb in (types.ask_activation, types.activate_type):
        more = {"four_eyes": True} if verb is types.activate_type else {}
        with pytest.raises(NotPossible) as caught:
            verb(actor=sven, type_id=made.pk, revision=None, **more)
        assert caught.value.reason.code == "targets-alone-none-on"
    use = in_use(devices_target.name)
    types.ask_activation(actor=sven, type_id=made.pk, revision=None)
    with pytest.raises(Exception, match=r"another|Another|second"):
        types.activate_type(actor=sven, type_id=made.pk, four_eyes=True)
    uses.end(actor=sven, use_id=use.pk)  # meanwhile
    with pytest.raises(NotPossible):
        types.activate_type(actor=nora, type_id=made.pk, four_eyes=True)
    in_use(devices_target.name)
    types.activate_type(actor=nora, type_id=made.pk, four_eyes=True)
    assert TokenType.objects.active().get(code="mail").targets_alone


def test_what_was_asked_for_before_is_delivered_as_it_was_approved(
    devices_target: KeyTarget, company: Company
) -> None:
    token_type = leaving_type(devices_target.holder, profiles=("mailkey",))
    in_use(devices_target.name)
    request = accepted(enabled(company.ada, company.uma, token_type))
    TokenType.objects.filter(pk=token_type.pk).update(state="retired")
    sole = TokenType.objects.get(pk=token_type.pk)
    sole.pk, sole.number, sole.targets_alone, sole._state.adding = None, 2, True, True
    sole.id = TokenType._meta.pk.get_default()
    sole.activate()
    sole.save()
    token = issued(request).tokens.get()
    assert (token.delivery, token.has_unacknowledged_passphrase) == (DeliveryState.QUEUED, True)


# --- faults


def test_a_token_waits_unsealed_while_no_target_is_on(target: KeyTarget, company: Company) -> None:
    request = accepted(enabled(company.ada, company.uma, sole_type(target.holder)))
    use = TargetUse.objects.get()
    uses.end(actor=administrator("sven"), use_id=use.pk)
    token = seal_again(issued(request).tokens.get())
    assert (token.state, token.last_error) == (T.ISSUING, str(sole_delivery.NO_TARGET))
    assert token.certificates.get().private_key_wrapped is not None
    assert list(open_tasks.keys_not_at_targets(company.ada, timezone.now())) == [token]
    in_use(target.name)
    token = seal_again(token)
    assert (token.state, token.delivery, token.last_error) == (T.SEALED, DeliveryState.TO_TARGETS, "")


def test_a_version_that_mails_again_is_the_way_out(target: KeyTarget, company: Company) -> None:
    request = accepted(enabled(company.ada, company.uma, sole_type(target.holder)))
    uses.end(actor=administrator("sven"), use_id=TargetUse.objects.get().pk)
    token = seal_again(issued(request).tokens.get())
    made = draft(targets_alone=False)
    types.activate_type(actor=administrator("nora"), type_id=made.pk, four_eyes=False)
    token = seal_again(token)
    assert (token.state, token.delivery, mails_of(token)) == (T.SEALED, DeliveryState.QUEUED, ["delivery"])


def test_the_only_copy_waits_while_its_target_is_off(target: KeyTarget, company: Company) -> None:
    token = token_of(company, target)
    uses.end(actor=administrator("sven"), use_id=TargetUse.objects.get().pk)
    placement_scans.review()
    serve()
    row = placement(token)
    assert (row.state, row.wanted, row.parcel_wrapped is not None) == (P.WAITING, False, True)
    (trouble,) = sole_delivery.troubles(fresh(token).request)
    assert "switched off" in trouble.words
    assert list(open_tasks.keys_not_at_targets(company.ada, timezone.now())) == [token]
    in_use(target.name)
    placement_scans.review()
    serve()
    assert (fresh(token).state, target.keys()) == (T.ACTIVE, 1)
    assert not open_tasks.keys_not_at_targets(company.ada, timezone.now()).exists()


def test_revoked_it_is_erased_and_goes_nowhere(target: KeyTarget, company: Company) -> None:
    token = token_of(company, target)
    uses.end(actor=administrator("sven"), use_id=TargetUse.objects.get().pk)
    revoked(company, token)
    review(token)
    assert placement(token).parcel_wrapped is None
    in_use(target.name)
    placement_scans.review()
    serve()
    assert (target.keys(), fresh(token).state) == (0, T.REVOKED)


def test_switched_off_while_it_was_sealed_the_key_is_kept(
    target: KeyTarget, company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the check and the saving of what was sealed: nothing else has the key."""
    token_type = sole_type(target.holder)
    checked = sole_delivery.obstacle

    def then_off(*given: Any) -> Any:
        found = checked(*given)
        uses.end(actor=administrator("sven"), use_id=TargetUse.objects.get().pk)
        return found

    request = accepted(enabled(company.ada, company.uma, token_type))
    monkeypatch.setattr(sole_delivery, "obstacle", then_off)
    token = issued(request).tokens.get()
    assert placement(token).parcel_wrapped is not None
    assert token.delivery == DeliveryState.TO_TARGETS
    serve()
    assert (target.keys(), placement(token).wanted) == (0, False)
    monkeypatch.undo()
    in_use(target.name)
    placement_scans.review()
    serve()
    assert (target.keys(), fresh(token).state) == (1, T.ACTIVE)


def test_what_came_to_a_hold_a_moment_ago_does_not_leave(target: KeyTarget, company: Company) -> None:
    """The message that looks at its placements again is still on its way."""
    token = token_of(company, target)
    hold.put_on_hold(actor=company.ada, token_id=token.pk, reason="lost, perhaps")
    serve()
    assert (target.keys(), placement(token).parcel_wrapped is not None) == (0, True)


def test_what_is_revoked_while_its_group_is_served_does_not_leave(
    target: KeyTarget, company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keys are never taken back, and the last one of a group leaves minutes after the first."""
    tokens = [token_of(company, target), token_of(company, target, "sam")]
    put, left = calls._put, list[object]()

    def first_then_revoke(connector: Any, work: Any, place: str) -> Any:
        left.append(work.row.certificate.token_id)
        (other,) = [token for token in tokens if token.pk != left[0]]
        if len(left) == 1:
            revoked(company, other)
        return put(connector, work, place)

    monkeypatch.setattr(calls, "_put", first_then_revoke)
    serve()
    assert (target.keys(), len(left)) == (1, 1)


def test_a_group_of_calls_ends_before_its_lease(
    target: KeyTarget, company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The target hangs: what came of one call is written down before the next one is begun."""
    token = token_of(company, target)
    token_of(company, target, "sam")
    clock, written = [0.0], list[int]()

    def hangs(_connector: Any, _work: Any, _place: str) -> Any:
        written.append(Placement.objects.exclude(last_error="").count())
        clock[0] += calls.SECONDS + 1
        raise Doubtful("no answer")

    monkeypatch.setattr(calls, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    monkeypatch.setattr(calls, "_put", hangs)
    serving.serve(target_id=placement(token).target_id)
    assert written == [0, 1]


def test_the_time_limit_of_a_task_is_no_fault_of_the_target(
    target: KeyTarget, company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = token_of(company, target)
    monkeypatch.setattr(calls, "_put", mock.Mock(side_effect=SoftTimeLimitExceeded))
    with pytest.raises(SoftTimeLimitExceeded):
        serving.serve(target_id=placement(token).target_id)
    assert placement(token).state == P.INTENDED  # the next worker looks it up


def test_no_key_leaves_while_a_change_of_identity_waits(target: KeyTarget, company: Company) -> None:
    """By the old name the target may know somebody else by now."""
    token, rita = token_of(company, target), company.rita
    change = identity_changes.ask(
        company.uma, new={"upn": "new@corp.example.com"}, source=PersonSource.MANUAL, actor=rita
    )
    serve()
    assert (target.keys(), placement(token).parcel_wrapped is not None) == (0, True)
    identity_changes.withdraw(actor=rita, change_id=change.pk)
    placement_scans.review()
    serve()
    assert (target.keys(), fresh(token).state) == (1, T.ACTIVE)


def test_a_person_without_an_account_there_is_told_to_officers(
    target: KeyTarget, company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nobody(_target: IntuneTarget, _identity: str) -> str:
        raise NoPlace("Nobody of this name.")

    monkeypatch.setattr(IntuneTarget, "locate", nobody)
    token = token_of(company, target)
    assert not open_tasks.keys_not_at_targets(company.ada, timezone.now()).exists()
    serve()
    assert list(open_tasks.keys_not_at_targets(company.ada, timezone.now())) == [token]
    (trouble,) = sole_delivery.troubles(fresh(token).request)
    assert trouble.words == "Nobody of this name."


def test_a_target_that_left_the_settings_is_told_to_officers(
    target: KeyTarget, company: Company, settings: Any
) -> None:
    token = token_of(company, target)
    settings.TARGETS = {}
    placement_scans.review()
    serve()
    assert list(open_tasks.keys_not_at_targets(company.ada, timezone.now())) == [token]
    (trouble,) = sole_delivery.troubles(fresh(token).request)
    assert "settings have no such target any more" in trouble.words
    assert placement(token).parcel_wrapped is not None


def test_the_gateways_certificate_changes_while_the_only_copy_waits(
    tmp_path: Path, settings: Any, company: Company
) -> None:
    with key_targets.KINDS["gateway"](settings, tmp_path, company) as target:
        sole_type(target.holder)
        in_use(target.name)
        token = token_of(company, target)
        settings.TARGETS = {target.name: gateways.gateway(tmp_path, number=1).target()}
        serve()
        assert (target.keys(), placement(token).state, fresh(token).state) == (0, P.REFUSED, T.SEALED)
        (trouble,) = sole_delivery.troubles(fresh(token).request)
        assert "another certificate of the gateway" in trouble.words
        settings.TARGETS = {target.name: gateways.gateway(tmp_path).target()}
        actions.repeat(actor=administrator("sven"), placement_id=placement(token).pk)
        serve()
        assert (target.keys(), fresh(token).state) == (1, T.ACTIVE)


@pytest.mark.parametrize("kind", ["gateway", "ldap"])
def test_the_kind_of_the_target_changes_while_the_only_copy_waits(
    kind: str, tmp_path: Path, settings: Any, company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither is a key written in clear, nor does it count as arrived where no key goes."""
    with key_targets.KINDS["gmail"](settings, tmp_path, company) as target:
        sole_type(target.holder)
        in_use(target.name)
        token, former = token_of(company, target), settings.TARGETS[target.name]
        gate = gateways.gateway(tmp_path)
        others = {"gateway": gate.target(), "ldap": directories.configured()}
        settings.TARGETS = {target.name: replace(others[kind], id=target.name)}
        if kind == "ldap":
            directory = directories.FakeTarget({"entry": []}, {company.uma.email: "entry"})
            monkeypatch.setitem(connectors.CONNECTORS, "ldap", lambda _configuration: directory)
        serve()
        assert (gate.files(), target.keys()) == ([], 0)
        row = placement(token)
        assert (row.state, row.parcel_wrapped is not None) == (P.REFUSED, True)
        (trouble,) = sole_delivery.troubles(fresh(token).request)
        assert "of another kind" in trouble.words
        settings.TARGETS = {target.name: former}
        actions.repeat(actor=administrator("sven"), placement_id=row.pk)
        serve()
        assert (target.keys(), fresh(token).state) == (1, T.ACTIVE)


def test_terms_that_name_no_target_keep_it_unsealed(target: KeyTarget, company: Company) -> None:
    request = accepted(enabled(company.ada, company.uma, sole_type(target.holder)))
    TermsVersion.objects.update(names_key_holders=[])
    token = seal_again(issued(request).tokens.get())
    assert (token.state, token.last_error) == (T.ISSUING, str(sole_delivery.TERMS_NAME_NONE))
    assert not Placement.objects.exists()


def test_a_target_that_cannot_take_the_key_keeps_it_unsealed(
    tmp_path: Path, settings: Any, company: Company
) -> None:
    with key_targets.KINDS["gateway"](settings, tmp_path, company) as target:
        sole_type(target.holder)
        in_use(target.name)
        settings.TARGETS = {target.name: gateways.gateway(tmp_path, days=0).target()}
        request = accepted(enabled(company.ada, company.uma, sole_type(target.holder)))
        token = seal_again(issued(request).tokens.get())
        assert token.state == T.ISSUING
        assert "certificate of the gateway is not valid now" in token.last_error
        settings.TARGETS = {target.name: gateways.gateway(tmp_path).target()}
        assert seal_again(token).state == T.SEALED
        serve()
        assert fresh(token).state == T.ACTIVE


def test_what_is_refused_waits_for_an_officer(target: KeyTarget, company: Company) -> None:
    token = token_of(company, target)
    target.refuse()
    serve()
    assert (placement(token).state, fresh(token).state) == (P.REFUSED, T.SEALED)
    assert placement(token).parcel_wrapped is not None
    (trouble,) = sole_delivery.troubles(fresh(token).request)
    assert "says no reason" in trouble.words
    assert list(open_tasks.keys_not_at_targets(company.ada, timezone.now())) == [token]
    assert not open_tasks.keys_not_at_targets(cast.person("otto"), timezone.now()).exists()
    actions.repeat(actor=administrator("sven"), placement_id=placement(token).pk)
    serve()
    assert (fresh(token).state, target.keys()) == (T.ACTIVE, 1)


def test_of_two_targets_both_are_waited_for_unless_one_is_switched_off(
    tmp_path: Path, settings: Any, company: Company
) -> None:
    with (
        key_targets.KINDS["gateway"](settings, tmp_path, company) as gate,
        key_targets.KINDS["intune"](settings, tmp_path, company) as intune,
    ):
        settings.TARGETS |= {gate.name: gateways.gateway(tmp_path).target()}
        token_type = sole_type(gate.holder)
        TermsVersion.objects.update(names_key_holders=[gate.holder, intune.holder])
        in_use(gate.name)
        use = in_use(intune.name)
        token = issued(accepted(enabled(company.ada, company.uma, token_type))).tokens.get()
        intune.refuse()
        serve()
        assert (gate.keys(), intune.keys(), fresh(token).state) == (1, 0, T.SEALED)
        uses.end(actor=administrator("sven"), use_id=use.pk)
        placement_scans.review()
        assert fresh(token).state == T.ACTIVE
        planning.review_token(token_id=token.pk)
        assert not Placement.objects.exclude(parcel_wrapped=None).exists()


def test_of_two_keys_the_one_that_is_nowhere_keeps_its_token_from_being_delivered(
    devices_target: KeyTarget, company: Company
) -> None:
    """Its target is switched off, so it is not on its way; another key of the token has arrived there."""
    cast.profile("second", **gateways.MAIL_KEY)
    token_type = sole_type(devices_target.holder, profiles=("mailkey", "second"))
    use = in_use(devices_target.name)
    token = issued(accepted(enabled(company.ada, company.uma, token_type))).tokens.get()
    devices_target.refuse()
    serve()
    assert sorted(Placement.objects.values_list("state", flat=True)) == [P.REFUSED, P.THERE]
    uses.end(actor=administrator("sven"), use_id=use.pk)
    placement_scans.review()
    assert sole_delivery.arrive_late() == 0
    assert (fresh(token).state, fresh(token).delivery) == (T.SEALED, DeliveryState.TO_TARGETS)


def test_of_two_targets_one_that_left_the_settings_is_not_waited_for(
    tmp_path: Path, settings: Any, company: Company
) -> None:
    with key_targets.KINDS["gateway"](settings, tmp_path, company) as gate:
        others = [replace(gate, name=name) for name in ("second", "third")]
        for other in others:
            folder = tmp_path / other.name
            folder.mkdir()
            settings.TARGETS |= {other.name: replace(gateways.gateway(folder).target(), id=other.name)}
        token_type = sole_type(gate.holder)
        for each in (gate, *others):
            in_use(each.name)
        token = issued(accepted(enabled(company.ada, company.uma, token_type))).tokens.get()
        del settings.TARGETS["third"]
        serve()
        assert fresh(token).state == T.ACTIVE
        (mail,) = OutgoingMail.objects.filter(token=token)
        assert mail.body_text.count("the mail gateway of your organisation") == 1


def test_nothing_is_published_before_the_key_is_there_whatever_the_hold_says(
    target: KeyTarget, company: Company, settings: Any
) -> None:
    settings.TARGETS |= {directories.NAME: directories.configured()}
    in_use(directories.NAME)
    token = token_of(company, target)
    published = Placement.objects.get(certificate__token=token, carries_key=False)
    assert (published.wanted, published.next_attempt_at) == (False, None)
    placement_scans.review()
    assert not Placement.objects.get(pk=published.pk).wanted
    serving.serve(target_id=Target.objects.get(name=target.name).pk)
    assert fresh(token).state == T.ACTIVE
    placement_scans.review()
    assert Placement.objects.get(pk=published.pk).wanted


def test_the_page_of_the_passphrase_says_when_it_has_ended(target: KeyTarget, company: Company) -> None:
    token = token_of(company, target)
    address = reverse("selfservice:passphrase", args=[token.pk])
    client = signed_in(company.uma, 5)
    told = "Your organisation brings the keys to where they are used"
    assert told in client.get(address).text
    revoked(company, token)
    ended = client.get(address).text
    assert "There is no passphrase" in ended
    assert told not in ended
    assert "ask again" in ended


def test_no_page_says_that_no_copy_is_kept_of_a_key_that_waits(target: KeyTarget, company: Company) -> None:
    token = token_of(company, target)
    page = signed_in(company.uma, 5).get(reverse("selfservice:token", args=[token.pk])).text
    assert "No copy of this key is kept" not in page


def test_neither_the_renewal_nor_the_help_with_passphrases_tells_of_a_file(
    target: KeyTarget, company: Company
) -> None:
    token = token_of(company, target)
    serve()
    a_year_on(token)
    page = signed_in(company.uma, 5).get(reverse("selfservice:renew", args=[token.pk])).text
    assert "there is no file to install" in page
    due = token_messages.renewal_due(fresh(token), days=14, ends_at=timezone.now(), losses=[])
    assert "brings the new keys to where they are used" in due.body_text
    assert "new file" not in page + due.body_text
    assert passphrase_help.advice(company.uma) == []


def test_a_rotation_of_keys_during_the_look_up_is_not_undone(
    target: KeyTarget, company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the only copy would be under a key-encryption key that nothing seems to need any more."""
    row, _other = (placement(token_of(company, target, name)) for name in ("uma", "sam"))
    column = secret_stores.WrappedColumn(
        Placement, "parcel_wrapped", vault.Purpose.PRIVATE_KEYS, "certificate__token__person"
    )
    assert column in secret_stores.SECRET_STORES
    located, rewrapped = calls.locate, list[bytes]()

    def rotated(*given: Any, **how: Any) -> Any:
        found = located(*given, **how)
        old = next(each for each in column.secrets() if each.pk == row.pk)
        content, owner = handover.open_parcel(row), row.certificate.token.person_id
        rewrapped.append(vault.wrap(content, purpose=vault.Purpose.PRIVATE_KEYS, record=row.pk, owner=owner))
        assert column.replace(old, rewrapped[0])
        return found

    monkeypatch.setattr(calls, "locate", rotated)
    target.lose_answer()
    serve()
    row.refresh_from_db()
    assert (row.state, row.parcel_wrapped) == (P.INTENDED, rewrapped[0])
