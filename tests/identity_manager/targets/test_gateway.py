"""The gateway drop: what lies in the folder, and what is said and kept where something is in the way."""

import errno
import io
import json
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import paramiko
import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from django.core.exceptions import ImproperlyConfigured

from ca_bridge.keys import envelopes
from identity_manager.targets.contract import Doubtful, Item, KeyFile, Presence, Put, Refused, Unavailable
from identity_manager.targets.gateway.connector import GatewayTarget
from identity_manager.targets.gateway.drop import Folder
from tests.tools import gateways, sftp_server
from tests.tools.gateways import Gateway
from tests.tools.running import free_port
from tests.tools.sftp_server import SftpServer

pytestmark = pytest.mark.long


@cache
def item() -> Item:
    """A key that is sealed for the gateway."""
    recipient = envelopes.Recipient(gateways.certificate().public_bytes(Encoding.DER))
    return Item(b"certificate", envelopes.seal(b"package", [recipient]))


@pytest.fixture
def gateway(tmp_path: Path) -> Gateway:
    return gateways.gateway(tmp_path)


@pytest.fixture
def server(gateway: Gateway) -> Iterator[SftpServer]:
    with sftp_server.running(gateway.drop) as running:
        yield running


@pytest.fixture(params=["folder", "sftp"])
def target(request: pytest.FixtureRequest, gateway: Gateway) -> Iterator[GatewayTarget]:
    if request.param == "folder":
        yield GatewayTarget(gateway.target())
        return
    made = over(gateway, request.getfixturevalue("server"))
    yield made
    made.close()


def over(gateway: Gateway, server: SftpServer, secret: str = "", **more: Any) -> GatewayTarget:
    options = server.options(timeout=5) | more
    return GatewayTarget(gateway.target(secret=secret or sftp_server.PASSWORD, **options))


def refusal(target: GatewayTarget) -> str:
    with pytest.raises(Unavailable) as caught:
        target.put("drop", item())
    target.close()
    return caught.value.words


# --- both ways


def test_it_is_written_aside_then_renamed_and_a_second_time_is_the_same_file(
    target: GatewayTarget, gateway: Gateway
) -> None:
    assert target.put(target.locate("uma@example.com"), item()) == Put.ADDED
    (name,) = gateway.files()
    assert name.endswith(".p7m")
    assert "uma" not in name
    assert (gateway.drop / name).read_bytes() == item().parcel
    assert target.look("drop", item()) == Presence.THERE
    assert target.put("drop", item()) == Put.ADDED
    assert gateway.files() == [name]
    assert "Mail gateway" in target.check()


def test_a_file_that_the_gateway_took_may_have_arrived(target: GatewayTarget, gateway: Gateway) -> None:
    target.put("drop", item())
    (name,) = gateway.files()
    (gateway.drop / name).unlink()
    assert target.look("drop", item()) == Presence.UNKNOWN


def test_what_lies_aside_was_not_renamed(target: GatewayTarget, gateway: Gateway) -> None:
    target.put("drop", item())
    (name,) = gateway.files()
    (gateway.drop / name).rename(gateway.drop / f"{name}.part")
    assert target.look("drop", item()) == Presence.ABSENT
    assert target.put("drop", item()) == Put.ADDED
    assert gateway.files() == [name]


def test_a_strangers_file_of_the_same_name_stays(target: GatewayTarget, gateway: Gateway) -> None:
    target.put("drop", item())
    (name,) = gateway.files()
    (gateway.drop / name).write_bytes(b"of a stranger")
    with pytest.raises(Refused, match="same name"):
        target.put("drop", item())
    assert target.look("drop", item()) == Presence.UNKNOWN
    assert (gateway.drop / name).read_bytes() == b"of a stranger"


def test_a_folder_that_is_gone_waits_and_nothing_is_taken_for_taken(
    target: GatewayTarget, gateway: Gateway
) -> None:
    gateway.drop.rmdir()
    assert refusal(target) == "The folder is not there."
    with pytest.raises(Unavailable):
        target.look("drop", item())


def test_nothing_is_taken_back_and_a_certificate_alone_is_refused(target: GatewayTarget) -> None:
    with pytest.raises(Refused, match="stay there"):
        target.take_back("drop", item())
    with pytest.raises(Refused, match="none was sealed"):
        target.put("drop", Item(b"certificate"))
    with pytest.raises(Unavailable, match="not compared"):
        target.survey()


def test_what_was_sealed_for_the_former_certificate_is_not_written(gateway: Gateway, tmp_path: Path) -> None:
    """The gateway of today could not open it."""
    target = GatewayTarget(gateways.gateway(tmp_path, number=1).target())
    with pytest.raises(Refused, match="another certificate of the gateway"):
        target.put("drop", item())
    assert gateway.files() == []
    renewed = GatewayTarget(gateways.gateway(tmp_path, days=400).target())
    assert renewed.put("drop", item()) == Put.ADDED  # of the same key


def test_what_was_sealed_for_another_kind_is_not_written(target: GatewayTarget, gateway: Gateway) -> None:
    """A parcel of Gmail has the passphrase in clear."""
    gmail = json.dumps({"certificate": "", "body": {"pkcs12": "UEZY", "encryptedKeyPassword": "ABCDE"}})
    with pytest.raises(Refused, match="of another kind") as caught:
        target.put("drop", Item(b"certificate", gmail.encode()))
    assert gateway.files() == []
    assert "ABCDE" not in str(caught.value)


# --- a folder


def test_a_full_disk_leaves_nothing_behind(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("identity_manager.targets.gateway.drop.os.fsync", full)
    assert refusal(GatewayTarget(gateway.target())) == "The disk of the folder is full."
    assert gateway.files() == []


def test_a_folder_that_may_not_be_written_to(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(_folder: Folder, _name: str, _content: bytes) -> None:
        raise PermissionError(errno.EACCES, "denied")

    monkeypatch.setattr(Folder, "write", denied)
    assert refusal(GatewayTarget(gateway.target())) == "The folder may not be read or written to."


def test_an_error_of_the_renaming_is_in_doubt(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(_folder: Folder, _old: str, _new: str) -> None:
        raise OSError(errno.EIO, "disk")

    monkeypatch.setattr(Folder, "rename", failing)
    with pytest.raises(Doubtful) as caught:
        GatewayTarget(gateway.target()).put("drop", item())
    assert caught.value.words == "Nobody knows whether the file got its name."


def test_a_link_in_the_folder_is_not_followed(gateway: Gateway, tmp_path: Path) -> None:
    target = GatewayTarget(gateway.target())
    target.put("drop", item())
    (name,) = gateway.files()
    (gateway.drop / name).unlink()
    victim = tmp_path / "victim"
    victim.write_text("kept")
    (gateway.drop / f"{name}.part").symlink_to(victim)
    refusal(target)
    assert victim.read_text() == "kept"


# --- SFTP


def test_another_host_key_is_told_nothing(gateway: Gateway, server: SftpServer) -> None:
    stranger = paramiko.ECDSAKey.generate()
    line = f"{stranger.get_name()} {stranger.get_base64()}"
    target = over(gateway, server, host_key=line)
    assert "host key" in refusal(target)
    assert (server.users, gateway.files()) == ([], [])


def test_a_host_key_of_another_type_is_told_nothing(gateway: Gateway, server: SftpServer) -> None:
    stranger = paramiko.RSAKey.generate(2048)
    line = f"{stranger.get_name()} {stranger.get_base64()}"
    target = over(gateway, server, host_key=line)
    assert "host key" in refusal(target)
    assert server.users == []


def test_an_rsa_host_key_signs_with_sha2(gateway: Gateway, server: SftpServer) -> None:
    server.host_key = paramiko.RSAKey.generate(2048)
    target = over(gateway, server)
    assert target.put("drop", item()) == Put.ADDED
    target.close()


def test_a_withdrawn_password(gateway: Gateway, server: SftpServer) -> None:
    words = refusal(over(gateway, server, "former-password"))
    assert words == "The server does not accept the password or key of the settings."
    assert "former-password" not in words


def test_a_private_key_signs_in(gateway: Gateway, server: SftpServer) -> None:
    server.client_key = paramiko.ECDSAKey.generate()
    text = io.StringIO()
    server.client_key.write_private_key(text)
    target = over(gateway, server, text.getvalue())
    assert target.put("drop", item()) == Put.ADDED
    target.close()
    assert "password or key" in refusal(over(gateway, server, "-----BEGIN NOTHING-----"))


@pytest.mark.parametrize("way", ["loud", "silent"])
def test_a_full_disk_of_the_server(gateway: Gateway, server: SftpServer, way: str) -> None:
    server.full = way
    assert "disk" in refusal(over(gateway, server))
    assert [name for name in gateway.files() if not name.endswith(".part")] == []


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_line_that_is_cut_at_the_renaming_is_in_doubt(
    gateway: Gateway, server: SftpServer, moment: str
) -> None:
    server.dies_at_rename = moment
    target = over(gateway, server)
    with pytest.raises(Doubtful):
        target.put("drop", item())
    server.dies_at_rename = ""
    assert target.look("drop", item()) == (Presence.THERE if moment == "after" else Presence.ABSENT)
    target.close()


def test_a_server_that_is_not_there(gateway: Gateway, server: SftpServer) -> None:
    options = server.options() | {"url": f"sftp://im@127.0.0.1:{free_port()}/drop"}
    assert refusal(GatewayTarget(gateway.target(secret="x", **options))) == (
        "The server cannot be reached, or has gone."
    )


# --- the envelope


def key_file(**fields: Any) -> KeyFile:
    given = {"certificate": b"DER", "chain": (), "address": "uma@example.com", "container": b"PFX"}
    return KeyFile(**(given | {"passphrase": "ABCDE-FGHIJ"} | fields))


def test_the_envelope_has_a_flat_zip_one_passphrase_and_digests(gateway: Gateway, tmp_path: Path) -> None:
    sealed = GatewayTarget(gateway.target()).seal(key_file())
    assert b"uma@example.com" not in sealed
    (tmp_path / "drop.p7m").write_bytes(sealed)
    found = gateways.unzipped(gateway.decrypted(tmp_path / "drop.p7m"))
    assert sorted(found) == ["keys.zip", "manifest.json", "passphrase.txt"]
    assert found["passphrase.txt"] == b"ABCDE-FGHIJ"
    assert gateways.unzipped(found["keys.zip"]) == {"uma@example.com.p12": b"PFX"}
    said = gateways.manifest(found)
    assert said["address"] == "uma@example.com"
    assert set(said["sha256"]) == {"keys.zip", "uma@example.com.p12"}


@pytest.mark.parametrize("address", ["../../x@example.com", "a/b@example.com", "..@example.com", "ü@x.de"])
def test_an_address_is_never_a_path(gateway: Gateway, tmp_path: Path, address: str) -> None:
    (tmp_path / "drop.p7m").write_bytes(GatewayTarget(gateway.target()).seal(key_file(address=address)))
    found = gateways.unzipped(gateway.decrypted(tmp_path / "drop.p7m"))
    (name,) = gateways.unzipped(found["keys.zip"])
    assert "/" not in name
    assert not name.startswith(".")


def test_nothing_is_sealed_for_a_certificate_that_is_over(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="not valid now"):
        GatewayTarget(gateways.gateway(tmp_path, days=0).target()).seal(key_file())


def test_a_key_without_an_address_is_refused(gateway: Gateway) -> None:
    with pytest.raises(Refused, match="names no mail address"):
        GatewayTarget(gateway.target()).seal(key_file(address=""))


# --- settings

GOOD_HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIO6m0Xc5bbjCOLBbnuT1xJx7zE7xCYlDpmwvWl0hN0Vd"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"url": "ftp://host/drop"}, "file:///folder, or sftp://"),
        ({"url": "file://host/drop"}, "file:///folder, or sftp://"),
        ({"url": "sftp://host/drop", "host_key": GOOD_HOST_KEY}, "file:///folder, or sftp://"),
        ({"url": "sftp://im:secret@host/drop", "host_key": GOOD_HOST_KEY}, "password in options url"),
        ({"url": "sftp://im@host:99999/drop"}, "cannot be read"),
        ({"url": "sftp://im@host/drop"}, "host_key"),
        ({"url": "sftp://im@host/drop", "host_key": "ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAA"}, "host_key"),
        ({"url": "sftp://im@host/drop", "host_key": "ssh-dss x"}, "host_key"),
        ({"certificate_file": "/nowhere.pem"}, "certificate_file"),
        ({"format": "fips"}, "format"),
        ({"timeout": 0}, "timeout"),
        ({"folder": "/x"}, "does not know"),
        ({"url": 7}, "as text"),
    ],
)
def test_settings_that_make_no_gateway(gateway: Gateway, options: dict[str, Any], words: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=words) as caught:
        gateway.target(**options)
    assert "secret@" not in str(caught.value)


def test_the_container_of_the_format_that_the_settings_say(gateway: Gateway) -> None:
    assert GatewayTarget(gateway.target()).container_format.value == "standard"
    assert GatewayTarget(gateway.target(format="compatible")).container_format.value == "compatible"
