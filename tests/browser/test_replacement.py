"""A stolen laptop: from the sign-in to a new token and readable old mail, with every click counted."""

import base64
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
from allauth.mfa.models import Authenticator
from django.utils import timezone
from playwright.sync_api import expect

from ca_bridge.keys import keys
from ca_bridge.pkcs12 import reader
from ca_bridge.pkcs12.decryption import ContainerError
from identity_manager.models import ArchivedKey, SoftwareToken
from identity_manager.people.sign_in import second_factors
from tests.browser import road
from tests.browser.conftest import NEEDS, OpenDesk, in_looks
from tests.browser.desk import Desk
from tests.browser.usability import CLICKS, COUNT
from tests.journeys.office import PASSWORD, account_of, delivered_files
from tests.tools import recovery, totp
from tests.tools.cast import Company
from tests.tools.x509 import key_pem

pytestmark = [*NEEDS, pytest.mark.long, pytest.mark.needs_program("openssl")]
UMA = "uma@example.com"
SECRET = base64.b32encode(b"twenty octets of uma").decode()
MOST_CLICKS = 8
LETTER = b"The meeting is at nine."


def clicks(desk: Desk) -> int:
    return int(desk.page.evaluate(CLICKS))


def encrypted_letter(key: ArchivedKey, folder: Path) -> Path:
    """What somebody has sent to uma before."""
    assert key.certificate is not None
    (folder / "to.der").write_bytes(key.certificate.der)
    (folder / "letter.txt").write_bytes(LETTER)
    command = ["openssl", "cms", "-encrypt", "-binary", "-aes-256-cbc", "-in", "letter.txt"]
    subprocess.run([*command, "-out", "letter.cms", "-outform", "DER", "to.der"], cwd=folder, check=True)
    return folder / "letter.cms"


def decrypted(letter: Path, file: bytes, passphrase: str) -> bytes:
    """The letter, with the key in this file."""
    (der,) = [bag.der for bag in reader.read(file, passphrase) if bag.kind == "key"]
    key = key_pem(keys.from_pkcs8(der))
    (letter.parent / "key.pem").write_bytes(key)
    command = ["openssl", "cms", "-decrypt", "-inform", "DER", "-binary", "-in", letter, "-inkey", "key.pem"]
    return subprocess.run(command, cwd=letter.parent, check=True, capture_output=True).stdout


def sign_in_with_app(open_desk: OpenDesk, company: Company) -> Desk:
    """uma's new laptop: password and the app that she has had for eight days; then counting begins."""
    account_of(company.uma)
    row = second_factors.add_app(actor=company.uma, secret=SECRET)
    Authenticator.objects.filter(pk=row.pk).update(created_at=timezone.now() - timedelta(days=8))
    uma = open_desk()
    road.sign_in(uma, "uma", PASSWORD)
    uma.page.get_by_label("Code").fill(totp.code(SECRET))
    uma.press("Confirm")
    uma.page.context.add_init_script(COUNT)
    uma.open("/my/")
    assert clicks(uma) == 0
    return uma


def test_eight_clicks_from_the_sign_in(open_desk: OpenDesk, company: Company, tmp_path: Path) -> None:
    recovery.online_in_force(recovery.officers())
    letter = encrypted_letter(recovery.archived_key(company), tmp_path)
    uma = sign_in_with_app(open_desk, company)

    uma.follow("Replace softtoken")
    uma.page.locator("label", has_text="The device was stolen").click()
    uma.press("Replace")
    uma.sees("One step is left")
    uma.press("Recover")
    expect(uma.page.get_by_role("button", name="Show passphrase")).to_be_visible()
    new = road.show_passphrase(uma)
    road.note_passphrase(uma)
    old = road.show_passphrase(uma)

    assert 0 < clicks(uma) <= MOST_CLICKS
    assert SoftwareToken.objects.get(kind="replacement").state == "active"
    files = [content for _name, content in delivered_files(UMA)]
    recovered, issued, _first = files if _opens(files[0], old) else (files[1], files[0], files[2])
    assert _opens(issued, new)
    assert decrypted(letter, recovered, old) == LETTER


def _opens(file: bytes, passphrase: str) -> bool:
    try:
        reader.read(file, passphrase)
    except ContainerError:
        return False
    return True


@in_looks("390 px")
def test_the_page_in_each_look(open_desk: OpenDesk, company: Company, look: dict[str, object]) -> None:
    company.request_in("completed")
    uma = open_desk("uma", **look)
    uma.follow("Replace softtoken")
    uma.press("Replace", status=422)
    uma.sees("Choose what has happened.")
