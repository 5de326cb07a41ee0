"""A team comes from another system: files, two officers, the command, and the first renewal here."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.management import call_command
from django.utils import timezone

from identity_manager.jobs import schedule, sweep
from identity_manager.models import ArchivedKey, SoftwareToken, TokenRequest
from tests.identity_manager.workflow.archive.test_intake import opened
from tests.journeys.office import Office, links_in, mails_to
from tests.tools import recovery, token_imports
from tests.tools.foreign_files import SIGNS, certificate, rsa_key
from tests.tools.token_imports import OldSystem

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.database,
    pytest.mark.needs_program("openssl"),
    pytest.mark.long_on_postgresql,
]


@pytest.fixture
def old(tmp_path: Path) -> OldSystem:
    return OldSystem(tmp_path)


def test_from_the_old_files_to_the_first_token_from_here(
    office: Office, old: OldSystem, capsys: pytest.CaptureFixture[str]
) -> None:
    staff = token_imports.office(ada=office.company.ada)
    recovery.in_force(recovery.officers())
    anton = office.browser_of(staff.anton)
    soon = timezone.now() + timedelta(days=20)
    decrypts, signs = rsa_key(), rsa_key(1)
    old.gives("uma-old-mail.p12", decrypts, certificate(decrypts, email="uma@example.com"))
    old.gives("uma-sign.p12", signs, certificate(signs, email="uma@example.com", usage=SIGNS, ends=soon))
    command = ("import_tokens", str(old.folder), "--passwords", str(old.password_file))
    call_command(*command, "--type", staff.encryption.code, "--type", staff.signature.code)
    said = capsys.readouterr().out
    assert "2 new" in said
    (path,) = re.findall(r"(/token-imports/\S+/)\n", said)

    page = office.ada.open("/open-tasks/")
    assert "Imports of tokens to look at" in page.text
    assert "uma-old-mail.p12" in office.ada.open(path).text
    office.ada.press("Ask a second officer")
    assert "Another Software Token Administrator decides on this" in office.ada.page.text
    assert "Imports of tokens to confirm" in anton.open("/open-tasks/").text
    anton.open(path)
    anton.press("Confirm the matching")
    (import_id,) = re.findall(r"--confirmed ([0-9a-f-]{36})", anton.page.text)
    call_command(*command, "--confirmed", import_id)
    assert "Imported" in anton.open(path).text

    assert opened(ArchivedKey.objects.get()).private_numbers() == decrypts.private_numbers()  # type: ignore[union-attr]  # RSA
    token = SoftwareToken.objects.get(type_code=staff.signature.code)
    page = office.ada.open(f"/requests/{token.request_id}/")
    assert "From another system." in page.text
    assert "The seven steps" not in page.text
    assert str(staff.signature) in office.uma.open("/my/certificates/").text
    assert not mails_to("uma@example.com"), "nothing is sent"
    assert "2 certificates were imported" in " ".join(office.ada.open("/migration/").text.split())

    job = schedule.named("renewals.expiry_check")
    assert job is not None
    job.run()
    sweep.sweep()
    (mail,) = mails_to("uma@example.com")
    assert any(link.endswith(f"/my/tokens/{token.pk}/renew/") for link in links_in(mail))
    office.uma.open(f"/my/tokens/{token.pk}/renew/")
    office.uma.press("Renew")
    request = TokenRequest.objects.get(kind="renewal")
    office.accept(request)
    office.show_passphrase(request)
    office.note_passphrase()
    assert SoftwareToken.objects.get(predecessor=token).state == "active"
    assert "1 are in use" in " ".join(office.ada.open("/migration/").text.split())
