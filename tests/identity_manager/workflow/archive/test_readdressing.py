"""A retired recovery certificate: what was sealed for it is sealed for those in force."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone
from pytest_django import Settings

from ca_bridge.keys import recovery_keys
from identity_manager.jobs import schedule
from identity_manager.models import (
    ArchivedKey,
    ArchivedKeyRecipient,
    AuditEvent,
    ImportedCertificate,
    RecoveryCertificate,
    RecoveryKeyKind,
    RecoveryKeyWrapping,
    ShareRound,
    TermsAcceptance,
)
from identity_manager.transactions.refusals import NotAllowed, NotPossible, Reason, Stale
from identity_manager.vault.key_ring import KeyRing
from identity_manager.workflow.archive import (
    intake,
    key_opening,
    readdressing,
    recovery_certificates,
    share_rounds,
)
from identity_manager.workflow.token_imports import dry_run
from tests.tools import cast, recovery
from tests.tools.cast import Company
from tests.tools.recovery import Officers
from tests.tools.sign_in import signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.long]


@pytest.fixture
def staff(db: None) -> Officers:
    return recovery.officers()


def archived(company: Company) -> list[ArchivedKey]:
    """Keys of uma and sam, sealed for what is in force now."""
    for person in (company.uma, company.sam):
        cast.issued(cast.accepted(cast.enabled(company.ada, person, recovery.archiving_type())))
    return list(ArchivedKey.objects.order_by("pk"))


def retire(staff: Officers, row: RecoveryCertificate) -> RecoveryCertificate:
    return recovery_certificates.retire(actor=staff.ruth, certificate_id=row.pk)


def opens(number: int) -> bool:
    """Whether the officers of that ceremony open every archived key."""
    document, circle = recovery.ceremony(number)
    recovery_key = recovery_keys.open_with_shares(document, circle.texts[:2])
    found = [key_opening.open_key(row, recovery_key) for row in ArchivedKey.objects.all()]
    return not any(isinstance(each, Reason) for each in found)


def test_an_imported_key_stays_with_officers_until_its_person_has_accepted_that(
    company: Company, staff: Officers
) -> None:
    """An online recovery key opens alone; imported keys are not sealed for one without the person's word."""
    first = recovery.online_in_force(staff)
    rows = archived(company)
    imported = dry_run.begin(name="old", types=["encryption"])
    ImportedCertificate.objects.create(
        certificate=rows[0].certificate, token_import=imported, public_key_sha256="ab" * 32, ca="corporate"
    )
    TermsAcceptance.objects.filter(person=rows[0].owner).delete()
    recovery.in_force(staff)
    recovery.online_in_force(staff, "Second")
    retire(staff, first)
    assert run() == 2
    kinds = [
        set(ArchivedKeyRecipient.objects.filter(key=row).values_list("certificate__kind", flat=True))
        for row in rows
    ]
    assert [RecoveryKeyKind.ONLINE in each for each in kinds] == [False, True]
    assert opens(0)


def run() -> int | str:
    job = schedule.named("archive.readdress")
    assert job is not None
    return job.run()


def share(staff_number: int, number: int = 0) -> str:
    return recovery.ceremony(number)[1].texts[staff_number]


def test_a_worker_does_it_with_an_online_key_and_destroys_it(company: Company, staff: Officers) -> None:
    online = recovery.online_in_force(staff)
    rows = archived(company)
    assert run() == 0, "nothing is retired"
    officers = recovery.in_force(staff)
    assert not opens(0)
    retire(staff, online)
    page = signed_in(staff.rene, 0).get(f"/recovery-certificates/{online.pk}/").text
    assert "0 of 2 keys are sealed for the certificates in force" in page
    assert "A worker does it in the background" in page

    assert run() == 2
    assert opens(0)
    assert set(officers.keys.values_list("key", flat=True)) == {row.pk for row in rows}
    assert not online.keys.exists()
    assert RecoveryKeyWrapping.objects.get(certificate=online).content is None
    names = list(AuditEvent.objects.order_by("pk").values_list("name", flat=True))
    assert names[-2:] == ["archive.keys-readdressed", "archive.recovery-key-destroyed"]
    assert AuditEvent.objects.get(name="archive.keys-readdressed").facts["rows"] == 2
    assert run() == 0
    page = signed_in(staff.rene, 0).get(f"/recovery-certificates/{online.pk}/").text
    assert "2 of 2 keys are sealed" in page
    assert "Nothing is sealed for it any more" in page


def test_without_another_one_in_force_nothing_moves_and_nothing_is_destroyed(
    company: Company, staff: Officers
) -> None:
    online = recovery.online_in_force(staff)
    archived(company)
    retire(staff, online)
    assert run() == str(intake.NONE_IN_FORCE)
    assert RecoveryKeyWrapping.objects.get(certificate=online).content
    page = signed_in(staff.rene, 0).get(f"/recovery-certificates/{online.pk}/").text
    assert "it goes on once one is" in page
    recovery.in_force(staff)
    assert run() == 2


def test_a_row_that_does_not_open_stops_no_other_and_keeps_the_key(company: Company, staff: Officers) -> None:
    online = recovery.online_in_force(staff)
    first, _second = archived(company)
    ArchivedKey.objects.filter(pk=first.pk).update(envelope_wrapped=b"\1x")
    recovery.in_force(staff)
    retire(staff, online)
    assert run() == 1
    assert online.keys.get().key == first
    assert RecoveryKeyWrapping.objects.get(certificate=online).content


def test_a_certificate_that_a_database_writer_put_in_force_gets_nothing(
    company: Company, staff: Officers
) -> None:
    online = recovery.online_in_force(staff)
    archived(company)
    theirs = recovery_certificates.make_online(name="Theirs", bits=3072, days=10)
    retire(staff, online)
    RecoveryCertificate.objects.filter(pk=theirs.pk).update(
        state="in_force", first_by=staff.rene, second_by=staff.rosa, seal=online.seal
    )
    assert run() == str(intake.NOT_AS_CONFIRMED)
    assert online.keys.count() == 2


def test_what_comes_into_force_meanwhile_is_taken_by_the_next_run(
    company: Company, staff: Officers, monkeypatch: pytest.MonkeyPatch
) -> None:
    online = recovery.online_in_force(staff)
    archived(company)
    recovery.in_force(staff)
    retire(staff, online)
    readdressed = readdressing._readdressed

    def slowly(*given: object) -> bytes | None:
        if not RecoveryCertificate.objects.filter(name="Recovery 1").exists():
            recovery.in_force(staff, 1)
        return readdressed(*given)  # type: ignore[arg-type]  # as it was called

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(readdressing, "_readdressed", slowly)
        assert run() == 0
    assert run() == 2
    assert opens(0)
    assert opens(1)


def test_a_process_without_the_ring_does_nothing(
    company: Company, staff: Officers, settings: Settings
) -> None:
    online = recovery.online_in_force(staff)
    archived(company)
    recovery.in_force(staff)
    retire(staff, online)
    settings.VAULT_KEYS = {**settings.VAULT_KEYS, "archive": KeyRing.fixed("")}
    assert run() == ""
    assert RecoveryKeyWrapping.objects.get(certificate=online).content


def test_a_worker_destroys_no_key_of_officers(staff: Officers) -> None:
    former = recovery.in_force(staff)
    recovery.in_force(staff, 1)
    retire(staff, former)
    assert run() == 0
    assert former.wrappings.get(erased_at=None).content


def test_officers_give_their_shares_and_a_worker_goes_on(
    company: Company, staff: Officers, monkeypatch: pytest.MonkeyPatch
) -> None:
    former = recovery.in_force(staff)
    archived(company)
    recovery.in_force(staff, 1)
    retire(staff, former)
    share_rounds.publish_keys()
    assert run() == 0, "it waits for shares"
    rene, rosa = signed_in(staff.rene, 0), signed_in(staff.rosa, 0)
    address = f"/recovery-certificates/{former.pk}/"
    assert "(0 of 2 are there)" in rene.get(address).text
    assert rene.post(f"{address}share/", {"share": "academic"}).status_code == 422
    response = rene.post(f"{address}share/", {"share": share(0)}, follow=True)
    assert "(1 of 2 are there)" in response.text
    assert share(0) not in response.text
    assert "You have given your share already" in response.text
    assert run() == 0
    rosa.post(f"{address}share/", {"share": share(1)})

    monkeypatch.setattr(readdressing, "PORTION", 1)
    clock = iter([0.0, 0.0, 61.0, 61.0, 61.0, 61.0])
    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(readdressing.time, "monotonic", lambda: next(clock))
        assert run() == 1, "its time is over; the round still waits"
    assert ShareRound.objects.get().state == "complete"
    assert run() == 1
    assert opens(1)
    assert not former.keys.exists()
    present = ShareRound.objects.get()
    assert (present.state, present.submitted.exclude(share_wrapped=None).count()) == ("used", 0)
    assert "Nothing is sealed for it any more" in rene.get(address).text
    with pytest.raises(Stale) as caught:
        readdressing.give_share(actor=staff.ruth, certificate_id=former.pk, share=share(2))
    assert caught.value.reason == readdressing.NOTHING_LEFT


def test_shares_open_for_those_in_force_alone_and_for_half_an_hour(company: Company, staff: Officers) -> None:
    former = recovery.in_force(staff)
    archived(company)
    recovery.in_force(staff, 1)
    retire(staff, former)
    share_rounds.publish_keys()
    for number, officer in enumerate((staff.rene, staff.rosa)):
        readdressing.give_share(actor=officer, certificate_id=former.pk, share=share(number))
    with time_machine.travel(timezone.now() + timedelta(minutes=31)):
        assert run() == 0
    recovery.online_in_force(staff)
    assert run() == 0, "others are in force than those that the officers saw"
    assert former.keys.count() == 2


def test_who_may_give_one(company: Company, staff: Officers) -> None:
    former = recovery.in_force(staff)
    archived(company)
    recovery.in_force(staff, 1)
    share_rounds.publish_keys()
    with pytest.raises(Stale):
        readdressing.give_share(actor=staff.rene, certificate_id=former.pk, share=share(0))
    retire(staff, former)
    with pytest.raises(NotAllowed):
        readdressing.give_share(actor=staff.sven, certificate_id=former.pk, share=share(0))
    with pytest.raises(NotPossible) as caught:
        readdressing.give_share(actor=staff.rene, certificate_id=former.pk, share=share(1))
    assert caught.value.reason == share_rounds.OTHER_OFFICERS_SHARE
    with pytest.raises(NotPossible) as caught:
        readdressing.give_share(actor=staff.rene, certificate_id=former.pk, share=share(0, 1))
    assert caught.value.reason == share_rounds.OTHER_KEYS_SHARE
    with time_machine.travel(timezone.now() + timedelta(days=4000)):  # both have ended: none is in force
        with pytest.raises(Stale) as stale:
            readdressing.give_share(actor=staff.rene, certificate_id=former.pk, share=share(0))
        assert stale.value.reason == intake.NONE_IN_FORCE
