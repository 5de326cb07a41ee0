"""Keys in a real OpenBao, and in a PKCS#11 token of SoftHSM."""

import re
import subprocess
import uuid
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pkcs11
import pytest
from django.utils import timezone
from pkcs11 import Attribute, KeyType

from ca_bridge.keys import hsm
from identity_manager.jobs import key_service_waits
from identity_manager.models import Certificate
from identity_manager.vault import hsm_key, transit_key
from identity_manager.vault import wrapping as vault
from identity_manager.vault.hsm_key import HsmOptions
from identity_manager.vault.key_encryption import KeyServiceDown, KeyVersionClosed
from identity_manager.vault.key_ring import KeyRing
from identity_manager.vault.transit_key import KeyService
from identity_manager.vault.wrapping import Purpose, VaultError
from identity_manager.workflow import step5_issue
from tests.ca_bridge.connectors.servers.openbao import Bao, openbao
from tests.tools import cast
from tests.tools.cast import Company

pytestmark = pytest.mark.long
MODULE, PIN = "/usr/lib/softhsm/libsofthsm2.so", "one-two-three"
RECORD = uuid.uuid4()
# As docs/how-to/key-service.md says: use, and nothing else.
POLICY = """
path "transit/encrypt/im-other" { capabilities = ["update"] }
path "transit/decrypt/im-other" { capabilities = ["update"] }
path "transit/encrypt/im-unmade" { capabilities = ["update"] }
"""


def wrapped(secret: bytes = b"secret") -> bytes:
    return vault.wrap(secret, purpose=Purpose.OTHER, record=RECORD)


def opened(content: bytes, record: uuid.UUID = RECORD) -> bytes:
    return vault.unwrap(content, purpose=Purpose.OTHER, record=record)


def ring(settings: Any, *lines: str) -> None:
    settings.VAULT_KEYS = {**settings.VAULT_KEYS, "other": KeyRing.fixed("\n".join(lines))}


@pytest.fixture
def bao(settings: Any, tmp_path: Path) -> Iterator[Bao]:
    with openbao(tmp_path) as (server, _neighbour):
        server.ask("sys/mounts/transit", {"type": "transit"})
        server.ask("transit/keys/im-other", {"type": "aes256-gcm96"})
        server.ask("sys/policies/acl/passes", {"policy": POLICY})
        token = server.ask("auth/token/create", {"policies": ["passes"]})["auth"]["client_token"]
        settings.KEY_SERVICE = KeyService(server.url, server.file("token", token))
        yield server
        transit_key._sessions.clear()


def test_in_openbao(bao: Bao, settings: Any) -> None:
    ring(settings, "1:transit:im-other:1")
    first = wrapped()
    assert opened(first) == b"secret"
    with pytest.raises(VaultError, match="does not belong"):
        opened(first, uuid.uuid4())
    bao.ask("transit/keys/im-other/rotate", {})
    assert b"vault:v1:" in wrapped()  # the version of the ring, not the newest
    ring(settings, "1:transit:im-other:1", "2:transit:im-other:2")
    second = wrapped()
    assert b"vault:v2:" in second
    assert opened(first) == opened(second) == b"secret"
    moved = vault.rewrap(first, purpose=Purpose.OTHER, record=RECORD)
    bao.ask("transit/keys/im-other/config", {"min_decryption_version": 2})
    assert opened(moved) == b"secret"
    with pytest.raises(KeyVersionClosed):  # closed in the service, where it can be opened again
        opened(first)

    ring(settings, "1:transit:im-unmade:1")
    with pytest.raises(KeyServiceDown):  # the token makes no key
        wrapped()
    ring(settings, "2:transit:im-other:2")
    bao.ask("sys/seal", {}, method="PUT")
    with pytest.raises(KeyServiceDown, match="503"):
        opened(second)


@pytest.mark.django_db
def test_what_waits_for_a_sealed_openbao_is_due_once_it_is_unsealed(bao: Bao, settings: Any) -> None:
    request = Company().request_in("issuing")
    certificate = Certificate.objects.get(token__request=request)
    token = Path(settings.KEY_SERVICE.token_file)
    token.write_text("root", encoding="utf-8")
    bao.ask("transit/keys/im-private", {"type": "aes256-gcm96"})
    settings.VAULT_KEYS = {**settings.VAULT_KEYS, "private-keys": KeyRing.fixed("1:transit:im-private:1")}
    bao.ask("sys/seal", {}, method="PUT")
    with pytest.raises(KeyServiceDown):
        step5_issue.issue(certificate_id=certificate.pk)
    Certificate.objects.update(next_attempt_at=timezone.now() + timedelta(minutes=50))
    assert key_service_waits.wake() == 0
    log = (bao.folder / "log.txt").read_text(encoding="utf-8")
    (key,) = re.findall(r"Unseal Key: (\S+)", log)
    bao.ask("sys/unseal", {"key": key})
    assert key_service_waits.wake() == 1
    cast.issued(request)
    assert Certificate.objects.get(pk=certificate.pk).last_error == ""


@pytest.fixture
def token(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    (tmp_path / "tokens").mkdir()
    configuration = tmp_path / "softhsm2.conf"
    configuration.write_text(
        f"directories.tokendir = {tmp_path}/tokens\nlog.level = ERROR\n", encoding="utf-8"
    )
    monkeypatch.setenv("SOFTHSM2_CONF", str(configuration))
    command = ["softhsm2-util", "--init-token", "--free", "--label", "keys", "--so-pin", "0000"]
    subprocess.run([*command, "--pin", PIN], check=True, capture_output=True)
    (tmp_path / "pin").write_text(PIN, encoding="utf-8")
    settings.KEYS_HSM = HsmOptions(MODULE, "keys", str(tmp_path / "pin"))
    kept = {Attribute.SENSITIVE: True, Attribute.EXTRACTABLE: False}
    with (
        hsm.in_module(MODULE) as library,
        library.get_token(token_label="keys").open(user_pin=PIN, rw=True) as room,
    ):
        for label in ("im-other-1", "im-other-2"):
            room.generate_key(KeyType.AES, 256, label=label, store=True, template=kept)
    yield
    pkcs11.unload(MODULE)
    hsm._processes.clear()


@pytest.mark.needs_program("softhsm2-util")
def test_in_an_hsm(token: None, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    ring(settings, "1:pkcs11:im-other-1", "2:pkcs11:im-other-2")
    by_gcm = wrapped()
    monkeypatch.setattr(hsm_key, "_offers_gcm", lambda _key: False)
    by_key_wrap = wrapped()
    for content in (by_gcm, by_key_wrap):
        assert opened(content) == b"secret"
        with pytest.raises(VaultError, match="does not belong"):
            opened(content, uuid.uuid4())
        at = content.index(b"e:2") + 20  # within the wrapped data key
        with pytest.raises(VaultError, match="does not belong"):
            opened(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
    ring(settings, "1:pkcs11:im-other-1", "2:pkcs11:im-other-1")
    with pytest.raises(VaultError, match="does not belong"):  # wrapped by the other key
        opened(by_gcm)
    ring(settings, "2:pkcs11:im-gone")
    with pytest.raises(KeyVersionClosed, match="no key im-gone"):
        opened(by_gcm)
    ring(settings, "2:pkcs11:im-other-2")
    assert opened(by_gcm) == b"secret"
    present = settings.KEYS_HSM
    settings.KEYS_HSM = HsmOptions("/nowhere/module.so", "keys", present.pin_file)
    with pytest.raises(KeyServiceDown):
        opened(by_gcm)
    assert not key_service_waits.keys_answer()
    settings.KEYS_HSM = present
    assert key_service_waits.keys_answer()
