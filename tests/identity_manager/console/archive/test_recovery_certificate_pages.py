"""The pages of recovery certificates: brought in, confirmed by two, retired."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone
from pytest_django import Settings

from identity_manager.models import RecoveryCertificate, Role
from tests.identity_manager.console.visitors import officer, tasks
from tests.tools import recovery
from tests.tools.recovery import Officers
from tests.tools.sign_in import signed_in


@pytest.fixture
def staff(db: None) -> Officers:
    return recovery.officers()


def document(content: bytes | None = None) -> dict[str, SimpleUploadedFile]:
    content = recovery.ceremony()[0].to_json() if content is None else content
    return {"document": SimpleUploadedFile("recovery.json", content)}


def test_brought_in_confirmed_by_two_and_retired(staff: Officers) -> None:
    sven, rene, rosa = (signed_in(each, 0) for each in (staff.sven, staff.rene, staff.rosa))
    fingerprint = recovery.ceremony()[0].fingerprint
    assert "No recovery certificate is in force" in sven.get("/recovery-certificates/").text
    page = sven.post("/recovery-certificates/", document(), follow=True)
    row = RecoveryCertificate.objects.get()
    assert page.request["PATH_INFO"] == f"/recovery-certificates/{row.pk}/"
    for client in (rene, rosa):
        assert [each.pk for each in tasks(client.get("/open-tasks/"), "recovery-certificates")] == [row.pk]
        before = client.get(f"/recovery-certificates/{row.pk}/").text
        assert row.spaced_fingerprint not in before
        client.post(f"/recovery-certificates/{row.pk}/confirm/", {"fingerprint": fingerprint})
        assert tasks(client.get("/open-tasks/"), "recovery-certificates") == []
    row.refresh_from_db()
    assert row.state == "in_force"
    assert row.spaced_fingerprint in rene.get(f"/recovery-certificates/{row.pk}/").text
    assert "Ruth Muster" in rene.get(f"/recovery-certificates/{row.pk}/").text
    assert "No recovery certificate is in force" not in sven.get("/recovery-certificates/").text
    rosa.post(f"/recovery-certificates/{row.pk}/retire/")
    row.refresh_from_db()
    assert row.state == "retired"
    assert rosa.post(f"/recovery-certificates/{row.pk}/retire/").status_code == 409


def test_a_drill_begins_where_the_certificate_is_in_force_still(staff: Officers) -> None:
    row, rene = recovery.in_force(staff), signed_in(staff.rene, 0)
    drill = f"/recovery-certificates/{row.pk}/drill/"
    assert drill in rene.get(f"/recovery-certificates/{row.pk}/").text
    RecoveryCertificate.objects.update(not_after=timezone.now())
    assert drill not in rene.get(f"/recovery-certificates/{row.pk}/").text


def test_what_is_wrong_is_said_beside_the_field(staff: Officers) -> None:
    sven, rene = signed_in(staff.sven, 0), signed_in(staff.rene, 0)
    for content in (
        b"",
        b"{}",
        b"x" * 100_000,
        recovery.ceremony()[0].to_json().replace(b"P-rene", b"P-none"),
    ):
        response = sven.post("/recovery-certificates/", document(content))
        assert response.status_code == 422
        assert response.context["form"].errors["document"]
    assert sven.post("/recovery-certificates/", {}).status_code == 422
    assert not RecoveryCertificate.objects.exists()

    sven.post("/recovery-certificates/", document())
    address = f"/recovery-certificates/{RecoveryCertificate.objects.get().pk}/confirm/"
    wrong = rene.post(address, {"fingerprint": "00" * 32})
    assert (wrong.status_code, list(wrong.context["form"].errors)) == (422, ["fingerprint"])
    assert rene.post(address, {"fingerprint": ""}).status_code == 422
    assert RecoveryCertificate.objects.get().first_by is None


def test_who_brought_it_in_is_told_that_two_others_confirm(staff: Officers) -> None:
    ruth = signed_in(staff.ruth, 0)
    page = ruth.post("/recovery-certificates/", document(), follow=True).text
    assert "two others confirm it" in page
    assert "/confirm/" not in page
    assert tasks(ruth.get("/open-tasks/"), "recovery-certificates") == []


def test_a_changed_record_is_shown_as_such(staff: Officers) -> None:
    row = recovery.in_force(staff)
    RecoveryCertificate.objects.update(certificate=recovery.ceremony(1)[0].certificate)
    assert (
        "This is not what was confirmed"
        in signed_in(staff.rene).get(f"/recovery-certificates/{row.pk}/").text
    )


def test_one_whose_seal_does_not_open_is_confirmed_anew(staff: Officers, settings: Settings) -> None:
    row, held = recovery.in_force(staff), settings.VAULT_KEYS
    settings.VAULT_KEYS = {**held, "other": {"9": held["passphrases"]["1"]}}
    rene, ruth = signed_in(staff.rene, 0), signed_in(staff.ruth, 0)
    page = rene.get(f"/recovery-certificates/{row.pk}/").text
    assert "Its confirmation does not open" in page
    assert "sealed with the key 1 of the ring KEYS_OTHER" in page
    assert row.spaced_fingerprint not in page
    assert "This is not what was confirmed" not in page
    for client in (rene, ruth):
        assert f"/recovery-certificates/{row.pk}/confirm/" in page
        client.post(f"/recovery-certificates/{row.pk}/confirm/", {"fingerprint": row.fingerprint})
        page = ruth.get(f"/recovery-certificates/{row.pk}/").text
        assert "Its confirmation does not open" not in page
    row.refresh_from_db()
    assert (row.state, row.second_by) == ("in_force", staff.ruth)


def test_a_sign_in_that_is_not_recent_confirms_and_retires_nothing(staff: Officers) -> None:
    row = recovery.in_force(staff)
    response = signed_in(staff.ruth).post(f"/recovery-certificates/{row.pk}/retire/")
    assert response.status_code == 302
    row.refresh_from_db()
    assert row.state == "in_force"


def test_an_officer_of_one_unit_sees_none(staff: Officers) -> None:
    row = recovery.in_force(staff)
    far = signed_in(officer("far", Role.RECOVERY_OFFICER, unit="Nord", sid=""), 0)
    for address in ("/recovery-certificates/", f"/recovery-certificates/{row.pk}/"):
        assert far.get(address).status_code == 403
    assert far.post(f"/recovery-certificates/{row.pk}/retire/").status_code == 403
