"""Keys of the embedded CA in a PKCS#11 token: SoftHSM, with a token for each run of these tests."""

import multiprocessing
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pkcs11
import pytest
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509 import ocsp
from django.core.management import CommandError, call_command

from ca_bridge.connection import registry
from ca_bridge.connectors.embedded import authority, key_store
from ca_bridge.connectors.embedded.connector import EmbeddedConnector
from ca_bridge.connectors.embedded.options import EmbeddedOptions
from ca_bridge.contract import Issued, RevocationReason
from ca_bridge.errors import CaError
from ca_bridge.keys import hsm
from ca_bridge.keys.hsm import Token, TokenKey
from ca_bridge.x509 import verification

pytestmark = [pytest.mark.django_db, pytest.mark.needs_program("softhsm2-util"), pytest.mark.long]

MODULE = "/usr/lib/softhsm/libsofthsm2.so"
PIN = "a-pin-of-the-tests"
LABEL = "identity-manager"
LIB = pkcs11.lib


@pytest.fixture(scope="module")
def softhsm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a token and the file of its PIN. The module reads the environment when it is loaded."""
    folder = tmp_path_factory.mktemp("softhsm")
    (folder / "tokens").mkdir()
    configuration = folder / "softhsm2.conf"
    configuration.write_text(f"directories.tokendir = {folder}/tokens\nlog.level = ERROR\n", encoding="utf-8")
    (folder / "pin").write_text(f"{PIN}\n", encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOFTHSM2_CONF", str(configuration))
        command = ["softhsm2-util", "--init-token", "--free", "--label", LABEL, "--so-pin", "0000"]
        subprocess.run([*command, "--pin", PIN], check=True, capture_output=True)
        yield folder
        pkcs11.unload(MODULE)
        hsm._processes.clear()


@pytest.fixture
def token(softhsm: Path) -> Token:
    return Token(MODULE, LABEL, str(softhsm / "pin"))


@pytest.fixture(scope="module")
def in_hsm(softhsm: Path) -> dict[str, str]:
    return {"hsm_module": MODULE, "hsm_token": LABEL, "hsm_pin_file": str(softhsm / "pin")}


@pytest.fixture(scope="module")
def hsm_options(in_hsm: dict[str, str], ca_options: dict[str, str], softhsm: Path) -> dict[str, str]:
    """A CA both of whose keys were made in the token."""
    options = ca_options | in_hsm | {"directory": str(softhsm / "ca"), "name": "guarded"}
    assert authority.initialise(EmbeddedOptions(**options))
    return options


def configured(settings: Any, options: dict[str, str]) -> EmbeddedConnector:
    connector = "ca_bridge.connectors.embedded.connector.EmbeddedConnector"
    settings.CA_CONNECTORS = {"guarded": {"CONNECTOR": connector, "OPTIONS": options}}
    found = registry.connector("guarded")
    assert isinstance(found, EmbeddedConnector)
    return found


@pytest.fixture
def ca(settings: Any, hsm_options: dict[str, str]) -> EmbeddedConnector:
    return configured(settings, hsm_options)


def log_out() -> None:
    """Be as a process that has just been started."""
    hsm._processes.get(os.getpid(), hsm._Process()).sessions.clear()
    pkcs11.lib(MODULE).reinitialize()


def is_signed(key: TokenKey, signature: bytes, data: bytes = b"data") -> bool:
    key.public_key().verify(signature, data, padding.PKCS1v15(), hashes.SHA256())
    return True


def sign(key: TokenKey, data: bytes = b"data") -> bytes:
    return key.sign(data, padding.PKCS1v15(), hashes.SHA256())


# --- a CA with its keys in a token


def test_no_key_lies_in_the_directory(ca):
    assert sorted(path.name for path in Path(ca.options.directory).iterdir()) == ["issuing.crt", "root.crt"]


def test_it_does_all_that_a_ca_does(ca, ordered):
    order = ordered()
    answer = ca.issue(order)
    assert isinstance(answer, Issued)
    assert verification.faults(order, answer, ca.chain()) == ()
    ca.revoke(answer.certificate, RevocationReason.KEY_COMPROMISE)
    issuing, root = (x509.load_der_x509_certificate(each) for each in ca.chain())
    certificate = x509.load_der_x509_certificate(answer.certificate)
    for name, issuer, listed in (("guarded", issuing, [certificate]), ("guarded-root", root, [])):
        crl = x509.load_der_x509_crl(ca.published(f"{name}.crl")[1])
        assert crl.is_signature_valid(issuer.public_key())
        assert [each.serial_number for each in crl] == [each.serial_number for each in listed]
    request = ocsp.OCSPRequestBuilder().add_certificate(certificate, issuing, hashes.SHA256()).build()
    response = ocsp.load_der_ocsp_response(ca.ocsp(request))
    assert response.certificate_status == ocsp.OCSPCertStatus.REVOKED
    response.certificates[0].verify_directly_issued_by(issuing)
    assert ca.health().ok
    assert ca.due_maintenance() == []


def test_drafts_need_no_token(ca, ordered, monkeypatch):
    monkeypatch.setattr(Token, "run", lambda *_arguments: 1 / 0)
    assert ca.draft(ordered())


def test_the_keys_cannot_leave(ca):
    process = hsm._processes[os.getpid()]
    ca.renew_crl_if_due()
    session = process.sessions[MODULE, LABEL]
    for issuer in ("root", "issuing"):
        key = session.get_key(object_class=pkcs11.ObjectClass.PRIVATE_KEY, label=f"guarded-{issuer}")
        assert key[pkcs11.Attribute.SENSITIVE] is True
        assert key[pkcs11.Attribute.EXTRACTABLE] is False
        assert key[pkcs11.Attribute.DECRYPT] is False
    key = ca._authority.issuing.key
    for call in (
        key.private_numbers,
        lambda: key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()),
        lambda: key.decrypt(b"", padding.PKCS1v15()),
        lambda: key.sign(b"", padding.PKCS1v15(), hashes.SHA1()),  # noqa: S303 what the CA must not do
    ):
        with pytest.raises(UnsupportedAlgorithm):
            call()


def test_the_next_issuing_ca_moves_into_the_token(settings, tmp_path, ca_options, in_hsm, ordered):
    """The first one's key stays in its file, and goes on signing."""
    options = ca_options | {"directory": str(tmp_path / "moving"), "name": "moving"}
    authority.initialise(EmbeddedOptions(**options))
    old = configured(settings, options).issue(ordered()).certificate
    ca = configured(settings, options | in_hsm | {"hsm_key": "moved"})
    call_command("roll_issuing_ca")
    new = ca.issue(ordered()).certificate
    assert isinstance(ca._authority.issuing.key, TokenKey)
    assert not (tmp_path / "moving" / "issuing-2.key").exists()
    assert ca._authority.keys._token.holds("moved-issuing-2")
    for der, name in ((old, "moving.crl"), (new, "moving-g2.crl")):
        ca.revoke(der, RevocationReason.SUPERSEDED)
        (entry,) = x509.load_der_x509_crl(ca.published(name)[1])
        assert entry.serial_number == x509.load_der_x509_certificate(der).serial_number


def test_a_root_in_a_token_is_no_file_to_take_away(ca, tmp_path):
    with pytest.raises(CommandError, match="in no file here"):
        call_command("sign_root_crl", "--take-away", tmp_path / "safe.key")


def test_a_key_of_a_ceremony_is_taken(token):
    first = token.make("ceremony", 2048)
    assert token.make("ceremony", 2048).public_key() == first.public_key()
    assert first.key_size == 2048


# --- sessions


def test_children_of_a_fork_have_sessions_of_their_own(token):
    """As in a web server or a worker that was loaded before it forked."""
    key = token.make("forked", 2048)
    assert is_signed(key, sign(key))
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)

    def child() -> None:
        sender.send([sign(key) for _each in range(3)])

    children = [context.Process(target=child) for _each in range(2)]
    for process in children:
        process.start()
    signatures = [sign(key) for _each in range(3)]
    for process in children:
        assert receiver.poll(30)
        signatures += receiver.recv()
        process.join(30)
    assert [process.exitcode for process in children] == [0, 0]
    assert all(is_signed(key, each) for each in signatures)
    assert len(signatures) == 9
    assert is_signed(key, sign(key))


class Asked:
    """The module, with a list of who initialised it anew."""

    def __init__(self) -> None:
        self.anew: list[int] = []

    def __call__(self, module: str) -> "Asked":
        self.library = LIB(module)
        return self

    def get_token(self, **arguments: str) -> Any:
        return self.library.get_token(**arguments)

    def reinitialize(self) -> None:
        self.anew.append(os.getpid())
        self.library.reinitialize()


def test_a_child_initialises_the_module_anew_and_once(token, monkeypatch):
    """SoftHSM would forgive it; modules that speak to a device over a connection do not."""
    asked = Asked()
    monkeypatch.setattr(hsm.pkcs11, "lib", asked)
    key = token.make("anew", 2048)
    sign(key)
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)

    def child() -> None:
        sign(key)
        sign(key)
        sender.send(asked.anew)

    process = context.Process(target=child)
    process.start()
    assert receiver.poll(30)
    assert receiver.recv() == [process.pid]
    process.join(30)
    assert asked.anew == []


def test_threads_take_turns(token):
    key = token.make("threads", 2048)
    with ThreadPoolExecutor(8) as pool:
        data = [str(number).encode() for number in range(40)]
        signatures = list(pool.map(lambda each: sign(key, each), data))
    assert all(is_signed(key, signature, each) for each, signature in zip(data, signatures, strict=True))


# That the search of the closed session cannot be ended is said by the package, and harmless.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_session_that_the_token_forgot_is_opened_anew(token):
    key = token.make("forgotten", 2048)
    hsm._processes[os.getpid()].sessions[MODULE, LABEL].close()
    assert is_signed(key, sign(key))


# --- what is wrong


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"label": "another"}, "does not do what"),
        ({"module": "/nowhere/module.so"}, "does not do what"),
        ({"pin_file": "/nowhere/pin"}, "PIN of the HSM cannot be read"),
    ],
    ids=["token", "module", "pin"],
)
def test_trouble_passes(softhsm, changes, sentence):
    log_out()
    values = {"module": MODULE, "label": LABEL, "pin_file": str(softhsm / "pin")} | changes
    with pytest.raises(CaError, match=sentence) as caught:
        Token(**values).holds("any")
    assert not caught.value.permanent


def test_a_key_that_is_not_there(token):
    assert token.holds("nobody's") is False
    with pytest.raises(CaError, match="does not hold"):
        token.open("nobody's")
    with pytest.raises(CaError, match="does not hold"):
        token.sign("nobody's", b"data")


def test_a_refused_pin_is_tried_once(softhsm, tmp_path):
    """Else the job that comes every five minutes would lock the token."""
    (tmp_path / "pin").write_text("not-the-pin", encoding="utf-8")
    log_out()
    token = Token(MODULE, LABEL, str(tmp_path / "pin"))
    with pytest.raises(CaError, match="refuses the PIN") as caught:
        token.holds("any")
    assert "not-the-pin" not in f"{caught.value!r} {caught.value.detail}"

    class Watching:
        def open(self, **_arguments: Any) -> None:
            raise AssertionError("it is tried again")

    with pytest.raises(pkcs11.PinIncorrect):
        token._log_in(Watching())
    (tmp_path / "pin").write_text(PIN, encoding="utf-8")
    assert token.holds("any") is False


def test_a_ca_whose_token_is_away_says_so(settings, hsm_options, ordered):
    ca = configured(settings, hsm_options | {"hsm_token": "away"})
    assert not ca.health().ok
    assert "token away" in ca.health().detail
    with pytest.raises(CaError) as caught:
        ca.issue(ordered())
    assert not caught.value.permanent


def test_without_the_package_it_is_said(hsm_options, monkeypatch):
    monkeypatch.setitem(sys.modules, "ca_bridge.keys.hsm", None)
    with pytest.raises(CaError, match="python-pkcs11, for the HSM, is not installed"):
        key_store.KeyStore(EmbeddedOptions(**hsm_options))
