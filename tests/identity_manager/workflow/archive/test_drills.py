"""Recovery drills: the canary, two officers, their shares, the proof, and who is late."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from ca_bridge.pkcs12 import writer as pkcs12
from ca_bridge.pkcs12.writer import ContainerFormat
from identity_manager.console.archive import open_tasks
from identity_manager.jobs import key_rotation
from identity_manager.models import (
    AuditEvent,
    RecoveryCanary,
    RecoveryCertificate,
    RecoveryDrill,
    Role,
    ShareRound,
    SubmittedShare,
)
from identity_manager.transactions.refusals import Refused
from identity_manager.vault.wrapping import Purpose
from identity_manager.workflow.archive import drills, share_rounds
from tests.tools import cast, recovery
from tests.tools.recovery import Officers

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.database,
    pytest.mark.nightly_on_postgresql,
    pytest.mark.long,
]
YEAR = timedelta(days=366)


@pytest.fixture
def staff() -> Officers:
    share_rounds.publish_keys()
    return recovery.officers()


@pytest.fixture
def split(staff: Officers) -> RecoveryCertificate:
    row = recovery.in_force(staff)
    drills.carry_out()  # makes the canary
    return row


def begun(staff: Officers, certificate: RecoveryCertificate) -> RecoveryDrill:
    drill = drills.begin(actor=staff.rene, certificate_id=certificate.pk)
    return drills.confirm(actor=staff.rosa, drill_id=drill.pk)


def give(staff: Officers, drill: RecoveryDrill) -> None:
    for number, officer in ((1, staff.rene), (2, staff.rosa)):
        text = recovery.ceremony()[1].texts[number - 1]
        drills.give_share(actor=officer, drill_id=drill.pk, share=text)


def refusal(call: Callable[[], object]) -> tuple[str, int]:
    before = AuditEvent.objects.count(), RecoveryDrill.objects.count()
    with pytest.raises(Refused) as caught:
        call()
    assert (AuditEvent.objects.count(), RecoveryDrill.objects.count()) == before
    return caught.value.reason.code, caught.value.status


def test_shares_open_the_canary_and_prove_it(staff: Officers, split: RecoveryCertificate) -> None:
    assert drills.carry_out() == 0, "the canary is there, and nothing is to be carried out"
    drill = begun(staff, split)
    assert drills.carry_out() == 0, "it waits for shares"
    give(staff, drill)
    assert drills.carry_out() == 1
    drill.refresh_from_db()
    assert (drill.proved_at is not None, drill.failure) == (True, "")
    assert ShareRound.objects.get().state == "used"
    assert not SubmittedShare.objects.exclude(share_wrapped=None).exists()
    assert AuditEvent.objects.filter(name="archive.drill-proved").count() == 1
    assert drills.carry_out() == 0


def test_an_online_key_needs_no_shares(staff: Officers) -> None:
    row = recovery.online_in_force(staff)
    drills.carry_out()
    begun(staff, row)
    assert drills.carry_out() == 1
    assert RecoveryDrill.objects.get().proved_at


@pytest.mark.parametrize("broken", ["another canary", "another owner's layer", "no canary"])
def test_what_does_not_open_is_told(staff: Officers, split: RecoveryCertificate, broken: str) -> None:
    drill = begun(staff, split)
    give(staff, drill)
    if broken == "no canary":
        RecoveryCanary.objects.all().delete()
        RecoveryCertificate.objects.update(not_after=timezone.now())  # so that none is made anew
    elif broken == "another canary":
        RecoveryCanary.objects.update(public_key_sha256="ab" * 32)
    else:
        RecoveryCanary.objects.update(envelope_wrapped=b"\x011" + bytes(200))
    drills.carry_out()
    drill.refresh_from_db()
    assert drill.failed_at
    known = ("key-of-another-certificate", "archive-layer-does-not-open", "drill-without-canary")
    assert drill.failure in known
    assert AuditEvent.objects.filter(name="archive.drill-failed").count() == 1
    assert not SubmittedShare.objects.exclude(share_wrapped=None).exists()


@pytest.mark.parametrize("format_", pkcs12.written_formats())
def test_a_container_that_does_not_open_is_told(
    staff: Officers, monkeypatch: pytest.MonkeyPatch, format_: ContainerFormat
) -> None:
    """The drill goes as far as the passphrase and the container of each format that is written."""
    row = recovery.online_in_force(staff)
    drills.carry_out()
    begun(staff, row)
    build = pkcs12.build

    def spoiled(**arguments: Any) -> bytes:
        if arguments["format"] is format_:
            arguments["passphrase"] = "another one"
        return build(**arguments)

    monkeypatch.setattr(pkcs12, "build", spoiled)
    drills.carry_out()
    assert RecoveryDrill.objects.get().failure == "drill-container"


def test_four_eyes(staff: Officers, split: RecoveryCertificate) -> None:
    drill = drills.begin(actor=staff.rene, certificate_id=split.pk)
    confirm = lambda actor: drills.confirm(actor=actor, drill_id=drill.pk)  # noqa: E731 short for the table below
    assert refusal(lambda: confirm(staff.rene)) == ("own-drill", 403)
    assert refusal(lambda: confirm(staff.sven)) == ("not-recovery-officer", 403)
    again = lambda: drills.begin(actor=staff.rosa, certificate_id=split.pk)  # noqa: E731 short for the table below
    assert refusal(again) == ("drill-under-way", 409)
    text = recovery.ceremony()[1].texts[0]
    early = lambda: drills.give_share(actor=staff.rene, drill_id=drill.pk, share=text)  # noqa: E731 as above
    assert refusal(early) == ("drill-not-waiting", 409)
    confirm(staff.rosa)
    assert refusal(lambda: confirm(staff.ruth)) == ("drill-not-waiting", 409)
    other = cast.person("other", sid="", roles=(Role.SYSTEM_ADMINISTRATOR,))
    assert refusal(lambda: drills.begin(actor=other, certificate_id=split.pk))[1] == 403


def test_open_tasks_ask_for_it_once_a_year(staff: Officers, split: RecoveryCertificate) -> None:
    now = timezone.now()

    def tasks(after: timedelta = timedelta()) -> tuple[int, int]:
        due = open_tasks.drills_due(staff.ruth, now + after).count()
        return due, open_tasks.drills_awaiting_share(staff.ruth, now + after).count()

    assert tasks() == (0, 0)
    assert tasks(timedelta(days=340)) == (1, 0)
    drill = begun(staff, split)
    assert tasks(timedelta(days=340)) == (0, 1)
    give(staff, drill)
    drills.carry_out()
    assert tasks(timedelta(days=330)) == (0, 0)
    assert tasks(YEAR) == (1, 0)
    assert not open_tasks.drills_due(staff.sven, now + YEAR).exists()


def test_start_says_the_last_proof_and_who_is_late(staff: Officers, split: RecoveryCertificate) -> None:
    (fresh,) = drills.drill_statuses(timezone.now())
    assert (fresh.proved_at, fresh.is_late, fresh.is_due, fresh.absent) == (None, False, False, [])
    with time_machine.travel(timezone.now() + YEAR):
        (late,) = drills.drill_statuses(timezone.now())
        assert (late.is_late, len(late.absent)) == (True, 3)
        give(staff, begun(staff, split))
        drills.carry_out()
        (proved,) = drills.drill_statuses(timezone.now())
        assert proved.proved_at
        assert (proved.is_late, proved.is_due, proved.absent) == (False, False, [staff.ruth])


def test_the_canary_moves_with_the_archive(staff: Officers, split: RecoveryCertificate) -> None:
    assert key_rotation.count(Purpose.ARCHIVE).total() == 1
