"""ADMIN, Targets: what each officer sees, switches on, tests and decides; no secret on any page."""

from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from identity_manager.models import (
    AuditEvent,
    DeliveryState,
    HoldBack,
    Placement,
    PlacementState,
    Role,
    RoleAssignment,
    SoftwareToken,
    Target,
    TargetUse,
)
from identity_manager.targets.contract import Doubtful, Refused, Unavailable
from identity_manager.workflow.targets import drift
from tests.tools import key_targets, targets
from tests.tools.cast import Company, person
from tests.tools.sign_in import signed_in
from tests.tools.targets import FakeTarget, administrator, placement, serve, switched_on, token_of

pytestmark = [pytest.mark.django_db]
LIST = reverse("console:targets")
PAGE = reverse("console:target", args=["corp"])
USE = reverse("console:target-use", args=["corp"])


@pytest.fixture
def corp(monkeypatch: pytest.MonkeyPatch, settings: Any) -> FakeTarget:
    return targets.install(monkeypatch, settings)


@pytest.fixture
def company(db: None) -> Company:
    return Company()


def text(client: Client, address: str) -> str:
    return client.get(address).content.decode()


def act(client: Client, name: str, pk: Any, **data: str) -> str:
    answer = client.post(reverse(f"console:{name}", args=[pk]), data, follow=True)
    return answer.content.decode()


def test_two_system_administrators_switch_a_target_on(corp: FakeTarget) -> None:
    targets.mail_type()
    sven, nora = signed_in(administrator("sven")), signed_in(administrator("nora"))
    assert "nothing is published" in text(sven, PAGE)
    asked = sven.post(USE, {"type_code": "mail", "hold_back": "noted"}, follow=True).content.decode()
    assert "Another System Administrator has to confirm it." in asked
    use = TargetUse.objects.get()
    answer = sven.post(reverse("console:target-use-confirm", args=[use.pk]))
    assert answer.status_code == 403
    assert "Switched on." in act(nora, "target-use-confirm", use.pk)
    assert TargetUse.objects.get().is_in_force
    assert "taken back" in act(sven, "target-use-end", use.pk)
    assert not TargetUse.objects.get().is_in_force


def test_a_second_officer_refuses_with_a_reason(corp: FakeTarget) -> None:
    targets.mail_type()
    signed_in(administrator("sven")).post(USE, {"type_code": "mail", "hold_back": "issued"})
    use, nora = TargetUse.objects.get(), signed_in(administrator("nora"))
    assert nora.post(reverse("console:target-use-refuse", args=[use.pk])).status_code == 422
    act(nora, "target-use-refuse", use.pk, reason="Not yet.")
    assert TargetUse.objects.get().reason == "Not yet."
    assert "Not yet." in text(nora, PAGE)


def test_a_type_that_encrypts_nothing_cannot_be_chosen_and_none_twice(
    corp: FakeTarget, company: Company
) -> None:
    switched_on()
    sven = signed_in(administrator("sven"))
    assert sven.post(USE, {"type_code": "vpn", "hold_back": "noted"}).status_code == 422
    twice = sven.post(USE, {"type_code": "mail", "hold_back": "noted"})
    assert twice.status_code == 409
    assert "used for this type already" in twice.content.decode()


def test_the_test_says_what_is_wrong_and_ends_the_waiting(corp: FakeTarget, company: Company) -> None:
    switched_on()
    token_of(company)
    corp.before["locate"] = corp.before["check"] = Unavailable("The password of the bind has expired.")
    serve()
    sven = signed_in(administrator("sven"))
    assert "The password of the bind has expired." in text(sven, PAGE)
    assert "All certificates wait" in text(sven, LIST)
    act(sven, "target-test", "corp")
    assert Target.objects.get().last_error
    corp.before.clear()
    assert "It answers." in act(sven, "target-test", "corp")
    assert Target.objects.get().last_error == ""
    assert "All certificates wait" not in text(sven, PAGE)


def test_refused_ones_are_published_again_by_button(corp: FakeTarget, company: Company) -> None:
    switched_on()
    corp.before["put"] = Refused("The directory protects this entry.")
    token = token_of(company)
    serve()
    sven = signed_in(administrator("sven"))
    page = text(sven, PAGE)
    assert "The directory protects this entry." in page
    assert placement(token).certificate.serial in page
    corp.before.clear()
    assert "published again" in act(sven, "target-repeat", "corp", state="refused")
    serve()
    assert placement(token).state == PlacementState.THERE
    again = sven.post(reverse("console:placement-repeat", args=[placement(token).pk]))
    assert again.status_code == 409  # a stale page


def test_an_officer_decides_what_is_parked(corp: FakeTarget, company: Company) -> None:
    switched_on()
    corp.after["put"], corp.can_look = Doubtful("No answer came."), False
    token = token_of(company)
    serve()
    serve()
    sven = signed_in(administrator("sven"))
    assert "Look at the target" in text(sven, PAGE)
    act(sven, "placement-settle", placement(token).pk, is_there="yes")
    assert placement(token).state == PlacementState.THERE


def test_of_a_key_without_another_copy_nobody_is_asked_whether_it_is_there(
    tmp_path: Path, settings: Any, company: Company
) -> None:
    with key_targets.KINDS["gateway"](settings, tmp_path, company) as target:
        key_targets.sole_type(target.holder)
        targets.in_use(target.name)
        token = key_targets.token_of(company, target)
        Placement.objects.update(state=PlacementState.PARKED)
        page = reverse("console:target", args=[target.name])
        sven = signed_in(administrator("sven"))
        shown = text(sven, page)
        assert "There is no other copy of this key" in shown
        assert 'name="is_there"' not in shown
        settle = reverse("console:placement-settle", args=[placement(token).pk])
        assert sven.post(settle, {"is_there": "yes"}).status_code == 422
        assert placement(token).state == PlacementState.PARKED
        SoftwareToken.objects.filter(pk=token.pk).update(delivery=DeliveryState.SENT)
        assert 'name="is_there"' in text(sven, page)
        SoftwareToken.objects.filter(pk=token.pk).update(delivery=DeliveryState.TO_TARGETS)
        act(sven, "placement-repeat", placement(token).pk)
        serve()
        assert (placement(token).state, target.keys()) == (PlacementState.THERE, 1)


def test_a_target_that_is_down_stands_in_open_tasks_of_who_can_mend_it(
    corp: FakeTarget, company: Company
) -> None:
    switched_on()
    corp.before["locate"] = Unavailable("The directory does not take the account.")
    token_of(company)
    serve()
    title, tasks = "Targets that need somebody", "/open-tasks/"
    limited, nora = person("nils", roles=(), sid=""), administrator("nora")
    RoleAssignment.objects.create(person=limited, role=Role.SYSTEM_ADMINISTRATOR, organisational_unit="Nord")
    assert title not in text(signed_in(limited), tasks), "a target has persons of any unit"
    shown = text(signed_in(nora), tasks)
    assert title in shown
    assert "The directory does not take the account." in shown
    corp.before.clear()
    serve()
    assert title not in text(signed_in(nora), tasks)


def test_nothing_waits_for_a_target_that_has_left_the_settings(
    corp: FakeTarget, company: Company, settings: Any
) -> None:
    switched_on()
    corp.before["locate"] = Unavailable("The directory does not take the account.")
    token_of(company)
    serve()
    sven = signed_in(administrator("sven"))
    assert "All certificates wait" in text(sven, LIST)
    settings.TARGETS = {}
    shown = text(sven, LIST)
    assert "No longer in the settings" in shown
    assert "All certificates wait" not in shown


def test_what_is_parked_stands_there_too(corp: FakeTarget, company: Company) -> None:
    switched_on()
    token_of(company)
    Placement.objects.update(state=PlacementState.PARKED)
    shown = text(signed_in(administrator("nora")), "/open-tasks/")
    assert "Nobody knows whether something is there." in shown


def test_drift_is_told(corp: FakeTarget, company: Company) -> None:
    switched_on()
    token = token_of(company)
    serve()
    corp.holder("uma").clear()
    corp.holder("sam").append(b"of sam")
    drift.survey(Target.objects.get())
    page = text(signed_in(administrator("sven")), PAGE)
    assert "Ours, and not there any more: 1" in page
    assert "Put there by others: 1" in page
    assert "entry-of-sam" in page
    assert placement(token).certificate.serial in page


def test_an_auditor_reads_and_changes_nothing(corp: FakeTarget) -> None:
    auditor = signed_in(person("aude", roles=(Role.AUDITOR,), sid=""))
    page = text(auditor, PAGE)
    assert "ldaps://ldap.example.test" in page
    assert USE not in page
    assert auditor.post(USE, {"type_code": "mail", "hold_back": "noted"}).status_code == 403


def test_a_target_that_left_the_settings_is_still_shown(
    corp: FakeTarget, company: Company, settings: Any
) -> None:
    switched_on(HoldBack.ISSUED)
    settings.TARGETS = {}
    sven = signed_in(administrator("sven"))
    assert "No longer in the settings" in text(sven, PAGE)
    assert sven.post(reverse("console:target-test", args=["corp"])).status_code == 422


def test_the_secret_is_on_no_page_in_no_log_and_in_no_event(
    corp: FakeTarget, company: Company, caplog: pytest.LogCaptureFixture
) -> None:
    switched_on()
    corp.before["put"] = Doubtful("No answer came.", detail="LDAPSocketReceiveError")
    token_of(company)
    serve()
    sven = signed_in(administrator("sven"))
    act(sven, "target-test", "corp")
    pages = [text(sven, address) for address in (LIST, PAGE, USE)]
    facts = [str(row) for row in AuditEvent.objects.values_list("facts", flat=True)]
    assert targets.SECRET not in "".join([*pages, *facts, caplog.text, repr(targets.configured())])
