"""Two Recovery Officers have a leaver's key recovered for a deputy; and the yearly drill."""

import pytest
from django.utils import timezone

from ca_bridge.keys import keys
from ca_bridge.pkcs12 import reader
from ca_bridge.x509 import public_smime
from identity_manager.console.recovery.forms import words_of
from identity_manager.demo.visitor import Visitor
from identity_manager.jobs import schedule
from identity_manager.models import (
    ArchivedKey,
    AuditEvent,
    CertificateProfile,
    Recovery,
    RecoveryDrill,
    Role,
    SubmittedShare,
)
from identity_manager.workflow import step1_recover
from identity_manager.workflow.archive import drills, share_rounds
from tests.journeys.office import Office, delivered_files, mails_to
from tests.tools import cast, recovery
from tests.tools.recovery import Officers

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.database,
    pytest.mark.long,
    pytest.mark.nightly_on_sqlite,
]


@pytest.fixture
def staff(office: Office) -> Officers:
    share_rounds.publish_keys()
    staff = recovery.officers()
    recovery.in_force(staff)
    return staff


@pytest.fixture
def key(office: Office, staff: Officers) -> ArchivedKey:
    return recovery.archived_key(office.company)


def text(number: int) -> str:
    return recovery.ceremony()[1].texts[number - 1]


def label_of(office: Office) -> str:
    (choice,) = step1_recover.choices(office.company.uma)
    return words_of(choice)


def give(browser: Visitor, share: str) -> Visitor:
    browser.follow("Give your share")
    browser.press("Give the share", share=share)
    return browser


def test_a_leavers_key_for_a_deputy(office: Office, staff: Officers, key: ArchivedKey) -> None:
    dora = cast.person("dora", sid="", email="dora@example.com", roles=(Role.SELF_SERVICE_USER,))
    ada, rene, rosa = office.ada, office.browser_of(staff.rene), office.browser_of(staff.rosa)
    ada.open(f"/persons/{office.company.uma.pk}/")
    ada.follow("Recover archived keys")
    order = {"purpose": "She has left.", "beneficiary": dora.personnel_number}
    page = ada.press("Ask for the recovery", label_of(office), **order)
    assert page.status == 422
    assert "a reference number is needed" in page.text
    assert "She has left." in page.text, "nothing is lost"
    terms = {"reference": "AZ 17/26", "until": timezone.localdate().isoformat()}
    ada.press("Ask for the recovery", "Ask the owner whether they agree", **terms)
    row = Recovery.objects.get()
    assert "Two Recovery Officers decide." in ada.page.text
    assert "public certificate authority" not in ada.page.text
    profiles = CertificateProfile.objects.filter(code="encrypting")
    profiles.update(policies=[public_smime.SPONSOR_MULTIPURPOSE])
    page = ada.open(f"/recoveries/{row.pk}/")
    assert "have to be revoked as soon as the keys are handed out" in page.text
    assert key.certificate is not None
    assert f"/tokens/{key.certificate.token_id}/revoke/" in page.html
    assert "asked, no answer yet" in page.text

    uma = office.uma
    uma.open("/my/open-tasks/")
    assert "Say whether you agree that" in uma.page.text
    assert "AZ 17/26" in uma.open(f"/my/recoveries/{row.pk}/consent/").text
    uma.press("I agree")
    assert "Your answer is noted." in uma.page.text
    page = ada.open(f"/recoveries/{row.pk}/")
    assert "have to be revoked" not in page.text
    assert "agreed" in page.text

    for browser in (rene, rosa):
        assert "waits for your decision" in browser.open("/").text
        browser.open("/open-tasks/")
        browser.open(f"/recoveries/{row.pk}/")
        assert "AZ 17/26" in browser.page.text
        browser.press("Approve", keep_silent="")
    assert "Now the holders of shares give theirs." in rosa.page.text
    assert any("share" in str(mail.message["Subject"]) for mail in mails_to("rene@example.com"))
    rene.open(f"/recoveries/{row.pk}/")
    rene.follow("Give your share")
    assert "academic" not in rene.press("Give the share", share=text(2)).text.split("Your share: 33 words")[0]
    assert "This is the share of another officer." in rene.page.text
    rene.press("Give the share", share=text(1))
    assert "Your share is there." in rene.page.text
    rosa.open(f"/recoveries/{row.pk}/")
    give(rosa, text(2))
    assert "Your share was the last one." in rosa.page.text

    request = row.request
    request.refresh_from_db()
    assert request.state == "issued"
    ((_name, content), *_compatible) = delivered_files("dora@example.com")
    assert not any(mail for mail in mails_to("uma@example.com") if "She has left" in mail.body("plain"))
    subjects = [str(mail.message["Subject"]) for mail in mails_to("uma@example.com")]
    assert "Archived keys of yours are being recovered" in subjects
    office.uma = office.browser_of(dora)
    secret = office.show_passphrase(request)
    (bag,) = [each for each in reader.read(content, secret) if each.kind == "key"]
    assert keys.public_key_sha256(keys.from_pkcs8(bag.der)).hex() == key.public_key_sha256
    assert "AZ 17/26" in (bag.friendly_name or "")
    assert not SubmittedShare.objects.exclude(share_wrapped=None).exists()
    told = str(list(AuditEvent.objects.values_list("facts", flat=True)))
    assert not any(" ".join(text(number).split()[4:8]) in told for number in (1, 2, 3))
    assert "The archived keys are being opened" in ada.open(f"/requests/{request.pk}/").text


def test_a_rejection_is_told(office: Office, staff: Officers, key: ArchivedKey) -> None:
    ada, rene = office.ada, office.browser_of(staff.rene)
    ada.open(f"/persons/{office.company.uma.pk}/recover/")
    ada.press("Ask for the recovery", label_of(office), purpose="Her files are gone.")
    row = Recovery.objects.get()
    rene.open(f"/recoveries/{row.pk}/")
    assert rene.press("Reject", reason="").status == 422
    rene.press("Reject", reason="She has them.")
    row.request.refresh_from_db()
    assert row.request.state == "rejected"
    assert "She has them." in ada.open(f"/recoveries/{row.pk}/").text


def test_the_yearly_drill(office: Office, staff: Officers) -> None:
    drills.carry_out()
    certificate = recovery.RecoveryCertificate.objects.get()
    rene, rosa = office.browser_of(staff.rene), office.browser_of(staff.rosa)
    rene.open(f"/recovery-certificates/{certificate.pk}/")
    rene.follow("Begin the drill")
    rene.press("Begin the drill")
    drill = RecoveryDrill.objects.get()
    assert "recovery drill waits for your confirmation" in rosa.open("/").text
    rosa.open(f"/recovery-drills/{drill.pk}/confirm/")
    rosa.press("Confirm the drill")
    give(rosa, text(2))
    rene.open(f"/recovery-certificates/{certificate.pk}/")
    give(rene, text(1))
    job = schedule.named("archive.carry_out_drills")
    assert job is not None
    assert job.run() == 1
    drill.refresh_from_db()
    assert drill.proved_at
    assert "Proof that archived keys open" in rene.open("/").text
    assert "not proved yet" not in rene.page.text
