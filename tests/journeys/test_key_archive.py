"""A type that archives: from Enable to a file that openssl and the recovery key alone open."""

import json
import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from django.core.management import call_command

from ca_bridge.keys import keys, recovery_keys
from identity_manager.models import ArchivedKey, Certificate, RecoveryCertificate
from identity_manager.workflow.archive import export, recovery_certificates
from tests.journeys.office import Office, delivered_files, later, mails_to
from tests.tools import recovery
from tests.tools.recovery import Officers

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.database,
    pytest.mark.long,
    pytest.mark.nightly_on_sqlite,
]


@pytest.fixture
def staff(office: Office) -> Officers:
    staff = recovery.officers()
    recovery.in_force(staff)
    recovery.archiving_type()
    return staff


@pytest.mark.needs_program("openssl")
def test_from_enable_to_openssl(office: Office, staff: Officers, tmp_path: Path) -> None:
    request = office.enable("ENCRYPTION")
    page = office.uma.open(f"/my/requests/{request.pk}/terms/").text
    assert "Your organisation will keep a copy of this key" in page
    assert "Keys that serve encryption alone are archived" in page
    office.accept(request)
    office.show_passphrase(request)
    office.note_passphrase()
    token = request.tokens.get()
    assert token.state == "active"
    assert any(
        "keeps a copy of its encryption key" in mail.body("plain") for mail in mails_to("uma@example.com")
    )
    assert "keeps a copy of its encryption key" in office.uma.open("/my/certificates/").text
    assert "keeps a copy of this key" in office.uma.open(f"/my/certificates/{token.pk}/").text
    page = office.ada.open(f"/requests/{request.pk}/").text
    assert "archived, sealed for the recovery keys" in page
    assert "a copy of 1 key is kept" in page

    asked = export.ask(actor=staff.rene, purpose="The product goes")
    export.confirm(actor=staff.ruth, export_id=asked.pk)
    call_command("export_archive", str(tmp_path / "out"))
    (each,) = json.loads((tmp_path / "out" / "index.json").read_text())
    document, circle = recovery.ceremony()
    certificate = x509.load_der_x509_certificate(document.certificate)
    private = recovery_keys.open_with_shares(document, circle.texts[:2]).private
    (tmp_path / "recovery.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (tmp_path / "recovery.key").write_bytes(keys.to_pkcs8(private))
    command = ["openssl", "cms", "-decrypt", "-inform", "DER", "-binary", "-out", "key.der"]
    command += ["-in", f"out/{each['public_key_sha256']}.cms"]
    command += ["-recip", "recovery.pem", "-inkey", "recovery.key", "-keyform", "DER"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    key = keys.from_pkcs8((tmp_path / "key.der").read_bytes())
    assert keys.public_key_sha256(key).hex() == Certificate.objects.get().public_key_sha256


def test_without_a_copy_the_pages_say_so(office: Office) -> None:
    request = office.enable("VPN")
    assert "No copy of this key will be kept." in office.uma.open(f"/my/requests/{request.pk}/terms/").text
    office.accept(request)
    token = request.tokens.get()
    assert "keeps a copy" not in mails_to("uma@example.com")[0].body("plain")
    assert "keeps a copy" not in office.uma.open("/my/certificates/").text
    assert "No copy of this key is kept." in office.uma.open(f"/my/certificates/{token.pk}/").text
    page = office.ada.open(f"/requests/{request.pk}/").text
    assert "none is kept" in page
    assert "no copy of a key is kept" in page


def test_it_waits_for_a_recovery_certificate_and_goes_on_by_itself(office: Office, staff: Officers) -> None:
    present = RecoveryCertificate.objects.get()
    recovery_certificates.retire(actor=staff.ruth, certificate_id=present.pk)
    request = office.enable("ENCRYPTION")
    office.accept(request)
    token = request.tokens.get()
    assert (token.state, delivered_files("uma@example.com")) == ("issuing", [])
    assert "no recovery certificate is in force" in office.ada.open(f"/requests/{request.pk}/").text
    page = office.uma.open(f"/my/requests/{request.pk}/progress/").text
    assert "The copy of your key cannot be kept yet" in page

    recovery.in_force(staff, 1)
    with later(seconds=10):
        token.refresh_from_db()
        assert (token.state, ArchivedKey.objects.count()) == ("sealed", 1)
        assert len(delivered_files("uma@example.com")) == 1
