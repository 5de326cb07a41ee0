"""Recovery keys in a PKCS#11 token: SoftHSM, which does RSA-OAEP with SHA-1 alone."""

import subprocess
from collections.abc import Iterator
from typing import Any

import pkcs11
import pytest
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from ca_bridge.errors import KeyArchiveError
from ca_bridge.keys import envelopes, hsm, recovery_keys, recovery_token
from ca_bridge.keys.envelopes import Recipient
from ca_bridge.keys.recovery_keys import Document
from ca_bridge.keys.recovery_token import RecoveryTokenKey
from identity_manager.management.ceremony import Ceremony
from identity_manager.workflow.archive import recovery_certificates
from tests.tools import recovery

pytestmark = [pytest.mark.needs_program("softhsm2-util"), pytest.mark.long]

MODULE = "/usr/lib/softhsm/libsofthsm2.so"
TOKEN, NAME, PROVISIONAL = "recovery", "Recovery in the token", "before-the-ceremony"


@pytest.fixture(scope="module")
def softhsm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    folder = tmp_path_factory.mktemp("softhsm")
    (folder / "tokens").mkdir()
    configuration = folder / "softhsm2.conf"
    configuration.write_text(f"directories.tokendir = {folder}/tokens\nlog.level = ERROR\n", encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOFTHSM2_CONF", str(configuration))
        command = ["softhsm2-util", "--init-token", "--free", "--label", TOKEN, "--so-pin", "0000"]
        subprocess.run([*command, "--pin", PROVISIONAL], check=True, capture_output=True)
        yield
        pkcs11.unload(MODULE)
        hsm._processes.clear()


@pytest.fixture(autouse=True)
def module(settings: Any) -> None:
    settings.RECOVERY_HSM_MODULE = MODULE


class Room:
    """The screen of a ceremony, at which each officer types what was shown."""

    def __init__(self) -> None:
        self.shown: list[str] = []
        self.shares: list[str] = []

    def say(self, text: str) -> None:
        self.shown.append(text)

    def ask(self, prompt: str) -> str:
        if "PIN of the token" in prompt:
            return PROVISIONAL
        if "from your note" not in prompt:
            return ""
        table = next(each for each in reversed(self.shown) if "33  " in each).split()
        words = dict(zip(map(int, table[::2]), table[1::2], strict=True))
        self.shares.append(" ".join(words[number] for number in range(1, 34)))
        return self.shares[-1]


@pytest.fixture(scope="module")
def held(softhsm: None) -> tuple[Document, list[str]]:
    """One ceremony for all tests, for it changes the PIN."""
    room = Room()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recovery_token.settings, "RECOVERY_HSM_MODULE", MODULE)
        document = Ceremony(room.ask, room.say).make_in_token(
            name=NAME, token=TOKEN, days=3650, holders=recovery.HOLDERS, needed=2
        )
    assert not any(PROVISIONAL in each for each in room.shown)
    return document, room.shares


def test_a_ceremony_makes_it_and_officers_open_it(held: tuple[Document, list[str]]) -> None:
    document, shares = held
    assert (document.token, document.label, document.transport) == (TOKEN, NAME, "oaep-sha1")
    recovery_key = recovery_keys.open_with_shares(document, shares[:2])
    envelope = envelopes.seal(b"a key", [Recipient(document.certificate, document.transport)])
    assert envelopes.unseal(envelope, recovery_key) == b"a key"
    other = recovery.ceremony()[0].certificate
    moved = envelopes.readdress(envelope, recovery_key, [Recipient(other)])
    assert envelopes.recipients_of(moved) == {envelopes.key_id(other)}
    with pytest.raises(KeyArchiveError) as caught:
        envelopes.unseal(envelopes.seal(b"x", [Recipient(document.certificate)]), recovery_key)
    assert caught.value.code == "recovery-key-wrong", "SHA-256 is more than this token does"


def test_the_document_is_signed_and_tells_nothing_secret(held: tuple[Document, list[str]]) -> None:
    document, shares = held
    private = recovery_keys.open_with_shares(document, shares[1:]).private
    assert isinstance(private, RecoveryTokenKey)
    content = document.to_json()
    assert private.pin.encode() not in content
    assert recovery_keys.read(content, now=None) == document
    with pytest.raises(KeyArchiveError) as caught:
        recovery_keys.read(content.replace(b'"recovery"', b'"elsewhere"'), now=None)
    assert caught.value.code == "recovery-document-changed"
    with pytest.raises(UnsupportedAlgorithm):
        private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


def test_what_goes_wrong_is_named(held: tuple[Document, list[str]], settings: Any) -> None:
    document, shares = held
    with pytest.raises(KeyArchiveError) as caught:
        recovery_token.open_key(TOKEN, NAME, pin=PROVISIONAL)
    assert caught.value.code == "recovery-hsm-pin", "the ceremony has changed it"
    pin = recovery_keys.open_with_shares(document, shares[:2]).private.pin  # type: ignore[attr-defined]  # in a token
    for call, code in (
        (lambda: recovery_token.open_key(TOKEN, "another", pin=pin), "recovery-hsm-without-key"),
        (lambda: recovery_token.open_key("nowhere", NAME, pin=pin), "recovery-hsm-fails"),
        (lambda: recovery_token.make(TOKEN, NAME, pin=pin, bits=3072), "recovery-hsm-key-there"),
    ):
        with pytest.raises(KeyArchiveError) as caught:
            call()
        assert caught.value.code == code
    settings.RECOVERY_HSM_MODULE = ""
    with pytest.raises(KeyArchiveError) as caught:
        recovery_keys.open_with_shares(document, shares[:2])
    assert caught.value.code == "recovery-hsm-not-configured"


def test_other_officers_take_it_over(held: tuple[Document, list[str]]) -> None:
    former, shares = held
    room = Room()
    typed = iter(shares[:2])

    def ask(prompt: str) -> str:
        return next(typed) if "type your share" in prompt else room.ask(prompt)

    written: list[Document] = []
    Ceremony(ask, room.say).hand_over(former, holders=recovery.HOLDERS, needed=2, write=written.append)
    (document,) = written
    assert (document.number, document.token) == (2, TOKEN)
    recovery_key = recovery_keys.open_with_shares(document, room.shares[:2])
    recovery_keys.probe(recovery_key, Recipient(document.certificate, document.transport))
    with pytest.raises(KeyArchiveError):
        recovery_keys.open_with_shares(document, shares[:2])
    with pytest.raises(KeyArchiveError) as caught:
        recovery_keys.open_with_shares(former, shares[:2])
    assert caught.value.code == "recovery-hsm-pin", "copies of the former document open nothing any more"
    assert "Bring the new document in now" in room.shown[-1]
    _stays_with_the_former_officers_where_the_pin_is_not_changed(document, room.shares)


def _stays_with_the_former_officers_where_the_pin_is_not_changed(former: Document, shares: list[str]) -> None:
    room, typed, written = Room(), iter(shares[:2]), list[Document]()

    def ask(prompt: str) -> str:
        return next(typed) if "type your share" in prompt else room.ask(prompt)

    def refused(key: RecoveryTokenKey, fresh: str) -> None:
        assert len(written) == 1, "before the PIN is changed"
        raise KeyArchiveError(recovery_token.NO_HSM)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recovery_token, "change_pin", refused)
        with pytest.raises(KeyArchiveError):
            Ceremony(ask, room.say).hand_over(
                former, holders=recovery.HOLDERS, needed=2, write=written.append
            )
    assert "was not changed" in room.shown[-1]
    recovery_keys.open_with_shares(former, shares[:2])


@pytest.mark.django_db
def test_it_is_brought_in_as_one_of_an_hsm(held: tuple[Document, list[str]]) -> None:
    staff = recovery.officers()
    row = recovery_certificates.bring_in(actor=staff.sven, content=held[0].to_json())
    for officer in (staff.rene, staff.rosa):
        row = recovery_certificates.confirm(actor=officer, certificate_id=row.pk, fingerprint=row.fingerprint)
    assert (row.kind, row.state, row.recipient.transport) == ("hsm", "in_force", "oaep-sha1")
