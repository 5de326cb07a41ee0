"""What waits for a key service: pages say it, nothing is parked, and it is due once the service is back."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from identity_manager.jobs import key_service_waits
from identity_manager.models import (
    Certificate,
    HoldBack,
    JobRun,
    Person,
    Placement,
    PlacementState,
    Role,
    SoftwareToken,
    Target,
    Webhook,
)
from identity_manager.models.lease import KEY_CLOSED, NO_KEY_SERVICE
from identity_manager.vault.key_encryption import KeyServiceDown, KeyVersionClosed
from identity_manager.vault.key_ring import KeyRing
from identity_manager.vault.wrapping import Purpose
from identity_manager.workflow import step5_issue, step6_passphrase
from identity_manager.workflow.targets import handover, serving, uses
from tests.identity_manager.events import webhook_acts
from tests.identity_manager.vault.transit_stub import Service, moved_to
from tests.tools import cast, gateways, one_step
from tests.tools.cast import Company
from tests.tools.gateways import leaving_type
from tests.tools.sign_in import signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.long]
KINDS = (Certificate, SoftwareToken, Placement, Webhook)


def waiting() -> list[Any]:
    return [row for kind in KINDS for row in kind.objects.waiting_for_keys()]


@pytest.fixture
def company(service: Service, rings: Any) -> Company:
    company = Company()
    moved_to("transit:im-private:1", Purpose.PRIVATE_KEYS)
    moved_to("transit:im-passphrases:1", Purpose.PASSPHRASES)
    moved_to("transit:im-other:1")
    return company


@pytest.fixture
def all_wait(company: Company, service: Service, settings: Any, tmp_path: Path) -> list[Any]:
    """One row of each kind, whose last attempt did not find the service."""
    gateway = gateways.gateway(tmp_path)
    settings.TARGETS = {gateways.NAME: gateway.target()}
    leaving_type()
    one, other = webhook_acts.administrators()
    use = uses.ask(actor=one, target=gateways.NAME, type_code="mail", hold_back=HoldBack.ISSUED)
    uses.confirm(actor=other, use_id=use.pk)
    cast.issued(cast.accepted(cast.enabled(company.ada, company.uma, leaving_type())))
    to_be_issued = company.request_in("issuing")
    to_be_sealed = cast.accepted(cast.enabled(company.ada, cast.person("vera"), company.vpn))
    for certificate in Certificate.objects.filter(token__request=to_be_sealed):
        one_step.issue(certificate.pk)
    webhook, _secret = webhook_acts.made("https://tickets.example/hooks")

    service.fault = 503
    with pytest.raises(KeyServiceDown):
        step5_issue.issue(certificate_id=Certificate.objects.get(token__request=to_be_issued).pk)
    with pytest.raises(KeyServiceDown):
        step6_passphrase.seal(token_id=to_be_sealed.tokens.get().pk)
    serving.serve(target_id=Target.objects.get().pk)
    Webhook.objects.update(next_attempt_at=timezone.now())
    webhook_acts.delivering.deliver(webhook_id=webhook.pk)
    return waiting()


def test_each_kind_waits_and_a_key_for_a_target_is_not_parked(all_wait: list[Any]) -> None:
    assert [type(row) for row in all_wait] == list(KINDS)
    assert {row.last_error for row in all_wait} == {NO_KEY_SERVICE}
    placement = Placement.objects.get()
    assert (placement.state, placement.parcel_wrapped is None) == (PlacementState.WAITING, False)


def test_it_is_due_as_soon_as_the_service_answers(all_wait: list[Any], service: Service) -> None:
    for kind in KINDS:
        kind.objects.waiting_for_keys().update(next_attempt_at=timezone.now() + timedelta(minutes=50))
    assert key_service_waits.wake() == 0
    service.fault = 0
    service.asked.clear()
    assert key_service_waits.wake() == 4
    assert {path.rsplit("/", 1)[1] for path, _body in service.asked} == {
        "im-private",
        "im-passphrases",
        "im-other",
    }
    assert all(row.next_attempt_at <= timezone.now() for row in waiting())
    assert key_service_waits.wake() == 0

    step5_issue.issue(certificate_id=all_wait[0].pk)
    step6_passphrase.seal(token_id=all_wait[1].pk)
    serving.serve(target_id=all_wait[2].target_id)
    assert not [row for row in waiting() if not isinstance(row, Webhook)]
    assert Placement.objects.get().state == PlacementState.THERE


def test_nothing_is_woken_while_one_of_the_keys_does_not_work(
    all_wait: list[Any], service: Service, settings: Any
) -> None:
    Certificate.objects.waiting_for_keys().update(next_attempt_at=timezone.now() + timedelta(minutes=50))
    service.fault = 0
    settings.VAULT_KEYS = {**settings.VAULT_KEYS, "archive": KeyRing.fixed("9:transit:im-archive:7")}
    assert key_service_waits.wake() == 0  # the service has no version 7
    of_files = {name: KeyRing.fixed("1:" + "A" * 43 + "=") for name in settings.VAULT_KEYS}
    settings.VAULT_KEYS = of_files
    assert key_service_waits.wake() == 0  # this process cannot tell


def later() -> None:
    """Each waits for its own next attempt, which comes within the hour."""
    for kind in KINDS:
        kind.objects.filter(next_attempt_at__isnull=False).update(
            next_attempt_at=timezone.now() + timedelta(minutes=50)
        )


def test_what_needs_a_version_that_is_closed_is_woken_once_and_then_left_alone(
    all_wait: list[Any], service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each minute it would fail again. START says what it waits for, and it is not lost."""
    monkeypatch.setattr(key_service_waits, "LONGEST_ATTEMPT", timedelta(0))
    service.fault = 0
    moved_to("transit:im-passphrases:2", Purpose.PASSPHRASES)
    moved_to("transit:im-private:2", Purpose.PRIVATE_KEYS)
    moved_to("transit:im-other:2")
    service.closed = {"1"}
    later()
    Webhook.objects.update(next_attempt_at=None)
    key_service_waits.wake()
    certificate, token, placement = all_wait[:3]
    step5_issue.issue(certificate_id=certificate.pk)
    with pytest.raises(KeyVersionClosed):
        step6_passphrase.seal(token_id=token.pk)
    serving.serve(target_id=placement.target_id)
    left = [*SoftwareToken.objects.waiting_for_key_versions(), *Placement.objects.waiting_for_key_versions()]
    assert left == [token, placement]
    later()
    assert [key_service_waits.wake() for _minute in range(3)] == [0, 0, 0]
    start = signed_in(Person.objects.get(personnel_number="P-sven")).get(reverse("console:start"))
    assert "Key versions" in start.content.decode()
    assert "waiting: 1 software token, 1 key for a target" in start.content.decode()

    service.closed = set()
    SoftwareToken.objects.waiting_for_key_versions().update(next_attempt_at=timezone.now())
    step6_passphrase.seal(token_id=token.pk)
    token.refresh_from_db()
    assert token.last_error == ""


def test_what_fails_while_all_keys_in_use_answer_is_not_woken_again(
    all_wait: list[Any], service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The service may say of an older key as it does of an expired token: 403. A new outage begins anew."""
    monkeypatch.setattr(key_service_waits, "LONGEST_ATTEMPT", timedelta(0))
    later()
    service.fault = 0
    assert key_service_waits.wake() == 4
    later()
    assert key_service_waits.wake() == 4, "none was tried since"
    for kind in KINDS:
        kind.objects.waiting_for_keys().update(last_error_at=timezone.now())
    later()
    assert [key_service_waits.wake() for _minute in range(3)] == [0, 0, 0]
    service.fault = 503
    assert key_service_waits.wake() == 0
    service.fault = 0
    assert key_service_waits.wake() == 4


def test_nobody_is_asked_where_nothing_waits(company: Company, service: Service) -> None:
    service.asked.clear()
    assert key_service_waits.wake() == 0
    assert service.asked == []


def test_start_and_the_pages_say_what_waits(all_wait: list[Any], service: Service) -> None:
    JobRun.objects.create(
        name="archive.readdress",
        next_attempt_at=timezone.now(),
        last_error=f"{NO_KEY_SERVICE}: The key service answers 503 for im-archive.",
    )
    officer = Person.objects.get(personnel_number="P-sven")
    browser = signed_in(officer)
    start = browser.get(reverse("console:start")).content.decode()
    for said in (
        "waiting: 1 certificate, 1 software token, 1 key for a target, 1 webhook, the job “Seals",
        "Nothing is lost, and all is tried again as soon as it answers",
    ):
        assert said in start
    told = "The key service does not answer. As soon as it does, this is tried again."
    request = Certificate.objects.get(pk=all_wait[0].pk).token.request
    officer_of_requests = cast.person("olga", roles=(Role.TOKEN_ADMINISTRATOR,))
    for reader, address in (
        (officer_of_requests, reverse("console:request", args=[request.pk])),
        (officer, reverse("console:other-systems")),
        (officer, reverse("console:target", args=[gateways.NAME])),
    ):
        page = signed_in(reader).get(address).content.decode()
        assert told in page, address
        assert NO_KEY_SERVICE not in page


# --- Keys for one target, under two versions -------------------------------------------------------
@pytest.fixture
def two_keys(company: Company, settings: Any, tmp_path: Path) -> tuple[Placement, Placement]:
    """uma's key for the gateway under version 1, sam's under version 2."""
    settings.TARGETS = {gateways.NAME: gateways.gateway(tmp_path).target()}
    leaving_type()
    one, other = webhook_acts.administrators()
    use = uses.ask(actor=one, target=gateways.NAME, type_code="mail", hold_back=HoldBack.ISSUED)
    uses.confirm(actor=other, use_id=use.pk)
    for person, version in ((company.uma, 1), (company.sam, 2)):
        moved_to(f"transit:im-private:{version}", Purpose.PRIVATE_KEYS)
        cast.issued(cast.accepted(cast.enabled(company.ada, person, leaving_type())))
    return of_person("uma"), of_person("sam")


def of_person(name: str) -> Placement:
    return Placement.objects.select_related("target").get(
        certificate__token__person__personnel_number=f"P-{name}"
    )


def test_a_key_under_a_closed_version_waits_alone(
    two_keys: tuple[Placement, Placement], service: Service
) -> None:
    service.closed = {"1"}
    serving.serve(target_id=two_keys[0].target_id)
    uma, sam = of_person("uma"), of_person("sam")
    assert (uma.state, uma.last_error) == (PlacementState.WAITING, KEY_CLOSED)
    assert uma.parcel_wrapped is not None
    assert (sam.state, sam.last_error) == (PlacementState.THERE, "")
    assert (uma.target.last_error, uma.target.claim_id) == ("", None), "the target does not wait"
    officer = Person.objects.get(personnel_number="P-sven")
    page = signed_in(officer).get(reverse("console:target", args=[gateways.NAME])).content.decode()
    assert "The key service does not open the key version that this needs." in page
    assert KEY_CLOSED not in page
    assert "waiting: 1 key for a target" in signed_in(officer).get(reverse("console:start")).content.decode()

    service.closed = set()
    Placement.objects.waiting_for_key_versions().update(next_attempt_at=timezone.now())
    serving.serve(target_id=two_keys[0].target_id)
    assert of_person("uma").state == PlacementState.THERE


def test_a_version_that_does_not_open_is_asked_for_once_in_a_group(
    two_keys: tuple[Placement, Placement], service: Service
) -> None:
    """A service that is away takes seconds to say so, and the lease of the target is short."""
    service.fault = 503
    row = two_keys[0]
    opener = handover.ParcelOpener()
    service.asked.clear()
    for _each in range(3):
        with pytest.raises(handover.ParcelClosed):
            opener.open(row)
    assert len(service.asked) == 1
    service.fault = 0
    assert opener.open(two_keys[1])


def test_what_a_dead_worker_had_intended_is_not_taken_for_undone(
    two_keys: tuple[Placement, Placement], service: Service
) -> None:
    """It may be at the target: nobody can look without the key. So it stays *intended* until somebody can."""
    uma = two_keys[0]
    Placement.objects.filter(pk=uma.pk).update(state=PlacementState.INTENDED, place="uma@example.com")
    service.closed = {"1"}
    serving.serve(target_id=uma.target_id)
    row = of_person("uma")
    assert (row.state, row.last_error) == (PlacementState.INTENDED, KEY_CLOSED)
