"""Intune imported PFX against a stub of Graph: what is checked before, and what each answer leads to."""

import base64
import json
import struct
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
)
from django.core.exceptions import ImproperlyConfigured

from identity_manager.targets.contract import (
    Doubtful,
    Item,
    NoPlace,
    Presence,
    Put,
    Refused,
    Unavailable,
)
from identity_manager.targets.intune.connector import IntuneTarget
from tests.tools import graph_stub
from tests.tools.graph_stub import Graph, connector_key
from tests.tools.key_files import PASSPHRASE, key_file
from tests.tools.x509 import issued, key_pem, named

pytestmark = pytest.mark.long

UMA, PLACE = "uma@corp.example.com", "user-of-uma"


@pytest.fixture
def graph() -> Iterator[Graph]:
    with graph_stub.running() as running:
        running.users = {UMA: PLACE, "o'hara@corp.example.com": "user-of-o"}
        yield running


@pytest.fixture
def target(graph: Graph, tmp_path: Path) -> IntuneTarget:
    return IntuneTarget(graph.target(tmp_path))


def item_of(target: IntuneTarget) -> Item:
    made = key_file()
    return Item(made.certificate, target.seal(made))


# --- put and look


@pytest.mark.parametrize("padding", ["oaepSha512", "oaepSha384", "oaepSha256"])
def test_it_is_imported_with_a_passphrase_that_the_connector_alone_opens(
    graph: Graph, tmp_path: Path, padding: str
) -> None:
    target = IntuneTarget(graph.target(tmp_path, padding=padding))
    item = item_of(target)
    assert PASSPHRASE.encode() not in item.parcel
    assert target.put(target.locate(UMA), item) == Put.ADDED
    (body,) = graph.held.values()
    assert (body["password"], body["userPrincipalName"]) == (PASSPHRASE, UMA)
    assert target.look(PLACE, item) == Presence.THERE
    assert target.look(PLACE, item_of(target)) == Presence.ABSENT
    assert graph.called("token") == 1


def test_a_name_with_an_apostrophe_is_found(graph: Graph, target: IntuneTarget) -> None:
    item = item_of(target)
    target.put(target.locate("o'hara@corp.example.com"), item)
    assert target.look("user-of-o", item) == Presence.THERE
    assert target.look(PLACE, item) == Presence.ABSENT


def test_the_same_again_was_there(target: IntuneTarget) -> None:
    item = item_of(target)
    target.put(PLACE, item)
    assert target.put(PLACE, item) == Put.WAS_THERE


def test_a_second_certificate_stands_beside_the_first(graph: Graph, target: IntuneTarget) -> None:
    first, second = item_of(target), item_of(target)
    target.put(PLACE, first)
    target.put(PLACE, second, instead_of=first)
    assert len(graph.held) == 2
    with pytest.raises(Refused, match="stay there"):
        target.take_back(PLACE, first)


def test_it_is_tested_without_a_change(graph: Graph, target: IntuneTarget) -> None:
    assert "Graph answers" in target.check()
    assert graph.called("import") == 0


def test_the_app_signs_in_with_its_certificate(graph: Graph, tmp_path: Path) -> None:
    key, name = connector_key(7), named("app")
    certificate = issued(name, key.public_key(), (name, key), since=0, until=1, serial=7)
    (tmp_path / "app.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    graph.certificate = certificate.public_bytes(Encoding.DER)
    secret = key_pem(key).decode()
    given = {"certificate_file": str(tmp_path / "app.pem")}
    assert "Graph answers" in IntuneTarget(graph.target(tmp_path, secret=secret, **given)).check()
    with pytest.raises(Unavailable, match="no private key"):
        IntuneTarget(graph.target(tmp_path, secret="a password", **given)).check()


# --- checked before, with reasons


def test_a_person_who_is_no_user_has_no_place(target: IntuneTarget) -> None:
    with pytest.raises(NoPlace):
        target.locate("nobody@corp.example.com")
    with pytest.raises(NoPlace, match="another principal name"):
        target.locate(PLACE)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"passphrase": "another"}, "does not open"),
        ({"certificate": key_file().certificate}, "of another certificate"),
        ({"container": b"no container"}, "does not open"),
    ],
)
def test_what_does_not_fit_is_not_sealed(target: IntuneTarget, changed: dict[str, Any], words: str) -> None:
    with pytest.raises(Refused, match=words):
        target.seal(replace(key_file(), **changed))


def test_a_certificate_that_has_ended_is_not_sealed(target: IntuneTarget) -> None:
    with pytest.raises(Refused, match="has ended"):
        target.seal(key_file(days=-1))


def test_a_passphrase_that_the_connector_cannot_read(target: IntuneTarget) -> None:
    with pytest.raises(Refused, match="does not fit"):
        target.seal(key_file(passphrase="x" * 127))


def test_what_was_sealed_for_another_certificate_is_not_sent(graph: Graph, target: IntuneTarget) -> None:
    with pytest.raises(Refused, match="another certificate"):
        target.put(PLACE, Item(key_file().certificate, item_of(target).parcel))
    assert graph.called("import") == 0


def test_what_was_sealed_for_the_former_key_of_the_connector_is_not_sent(
    graph: Graph, target: IntuneTarget, tmp_path: Path
) -> None:
    """The connector of today could not open it, and Graph could not tell us."""
    item = item_of(target)
    other = connector_key(1).public_key()
    (tmp_path / "other.pem").write_bytes(other.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    changed = IntuneTarget(graph.target(tmp_path, public_key_file=str(tmp_path / "other.pem")))
    with pytest.raises(Refused) as caught:
        changed.put(PLACE, item)
    assert "another key of the connector" in caught.value.words
    assert graph.called("import") == 0
    assert target.put(PLACE, item) == Put.ADDED


def test_a_parcel_from_before_that_says_no_key_is_sent(graph: Graph, target: IntuneTarget) -> None:
    item = item_of(target)
    before = json.dumps(json.loads(item.parcel)["body"]).encode()
    assert target.put(PLACE, Item(item.certificate, before)) == Put.ADDED
    (body,) = graph.held.values()
    assert body["password"] == PASSPHRASE


@pytest.mark.parametrize("parcel", [b"0\x82\x01\x00", b"[]", b'{"certificate": "", "body": {}}'])
def test_what_was_sealed_for_another_kind_is_not_sent(
    graph: Graph, target: IntuneTarget, parcel: bytes
) -> None:
    with pytest.raises(Refused) as caught:
        target.put(PLACE, Item(item_of(target).certificate, parcel))
    assert "of another kind" in caught.value.words
    assert graph.called("import") == 0


def test_the_key_of_another_connector_is_400_without_a_reason(graph: Graph, target: IntuneTarget) -> None:
    graph.key = connector_key(1)
    with pytest.raises(Refused) as caught:
        target.put(PLACE, item_of(target))
    assert "every connector server" in caught.value.words
    assert UMA not in str(caught.value)


# --- answers, and none


@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [
        (400, Refused, "says no reason"),
        (401, Unavailable, "withdrawn"),
        (403, Unavailable, "lacks"),
        (404, NoPlace, "no such user"),
        (429, Unavailable, "fewer calls"),
        (500, Doubtful, "how far it came"),
        (503, Doubtful, "how far it came"),
    ],
)
def test_what_each_answer_means(
    graph: Graph, target: IntuneTarget, status: int, kind: type[Exception], words: str
) -> None:
    graph.planned["import"] = [status]
    with pytest.raises(kind) as caught:
        target.put(PLACE, item_of(target))
    assert words in caught.value.words  # type: ignore[attr-defined]  # of a TargetError
    assert UMA not in str(caught.value)
    assert graph.held == {}


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [({"Retry-After": "7"}, 7.0), ({"x-ms-retry-after-ms": "1500"}, 1.5), ({"Retry-After": "soon"}, None)],
)
def test_how_long_to_wait(
    graph: Graph, target: IntuneTarget, headers: dict[str, str], seconds: float | None
) -> None:
    graph.planned["import"], graph.retry_after = [429], headers
    with pytest.raises(Unavailable) as caught:
        target.put(PLACE, item_of(target))
    assert caught.value.retry_after == seconds


def test_a_conflict_that_is_not_shown(graph: Graph, target: IntuneTarget) -> None:
    graph.planned["import"] = [409]
    with pytest.raises(Refused, match="already"):
        target.put(PLACE, item_of(target))


@pytest.mark.parametrize(
    ("way", "presence"),
    [("lost-before", Presence.ABSENT), ("lost-after", Presence.THERE), ("cut", Presence.THERE)],
)
def test_a_lost_answer_is_looked_for_by_thumbprint(
    graph: Graph, target: IntuneTarget, way: str, presence: Presence
) -> None:
    graph.planned["import"], item = [way], item_of(target)
    with pytest.raises(Doubtful):
        target.put(PLACE, item)
    assert target.look(PLACE, item) == presence
    assert graph.called("import") == 1


@pytest.mark.parametrize("reads", [401, 403, 429, 500, "cut"])
def test_a_look_that_fails_says_nothing(graph: Graph, target: IntuneTarget, reads: int | str) -> None:
    target.put(PLACE, item := item_of(target))
    graph.planned["read"] = [reads]
    with pytest.raises(Unavailable):
        target.look(PLACE, item)
    assert target.look(PLACE, item) == Presence.THERE


def test_an_expired_credential(graph: Graph, target: IntuneTarget) -> None:
    graph.app_works = False
    with pytest.raises(Unavailable) as caught:
        target.check()
    assert "expired" in caught.value.words
    assert graph_stub.SECRET not in f"{caught.value} {caught.value.words}"


def test_a_token_that_was_withdrawn_is_fetched_anew(graph: Graph, target: IntuneTarget) -> None:
    item = item_of(target)
    target.locate(UMA)
    graph.tokens.clear()
    with pytest.raises(Unavailable):
        target.put(PLACE, item)
    assert target.put(PLACE, item) == Put.ADDED


def test_a_service_that_is_not_there(graph: Graph, tmp_path: Path) -> None:
    made = graph.target(tmp_path, login_url="http://127.0.0.1:1")
    with pytest.raises(Unavailable) as caught:
        IntuneTarget(made).check()
    assert caught.value.words == "The sign-in service cannot be reached."
    half = IntuneTarget(graph.target(tmp_path, graph_url="http://127.0.0.1:1"))
    with pytest.raises(Unavailable) as caught:
        half.put(PLACE, item_of(half))
    assert caught.value.words == "Graph cannot be reached."


# --- settings


def test_the_connectors_key_as_a_cng_blob(graph: Graph, tmp_path: Path) -> None:
    numbers = connector_key().public_key().public_numbers()
    exponent = numbers.e.to_bytes(3, "big")
    blob = b"RSA1" + struct.pack("<IIIII", 2048, 3, 256, 0, 0) + exponent + numbers.n.to_bytes(256, "big")
    (tmp_path / "connector.blob").write_bytes(blob)
    target = IntuneTarget(graph.target(tmp_path, public_key_file=str(tmp_path / "connector.blob")))
    assert target.put(PLACE, item_of(target)) == Put.ADDED
    (tmp_path / "connector.blob").write_bytes(blob[:-1])
    with pytest.raises(ImproperlyConfigured, match="public_key_file"):
        graph.target(tmp_path, public_key_file=str(tmp_path / "connector.blob"))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"padding": "pkcs1"}, "padding"),
        ({"padding": "oaepSha1"}, "padding"),
        ({"purpose": "vpn"}, "purpose"),
        ({"format": "fips"}, "format"),
        ({"graph_url": "http://graph.example.com"}, "graph_url"),
        ({"login_url": "https://user:pw@login.example.com"}, "login_url"),
        ({"tenant": "../other"}, "tenant"),
        ({"tenant": ""}, "tenant"),
        ({"timeout": 0}, "timeout"),
        ({"public_key_file": "/nowhere"}, "public_key_file"),
        ({"certificate_file": "/nowhere"}, "certificate_file"),
        ({"client_secret": "x"}, "does not know"),
        ({"key_name": 7}, "as text"),
    ],
)
def test_settings_that_make_no_target(
    graph: Graph, tmp_path: Path, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(ImproperlyConfigured, match=words):
        graph.target(tmp_path, **options)


def test_the_body_is_as_graph_wants_it(target: IntuneTarget) -> None:
    file = key_file()
    body = json.loads(target.seal(file))["body"]
    assert set(body) == graph_stub.FIELDS - {"userPrincipalName"}
    assert base64.b64decode(body["encryptedPfxBlob"]) == file.container
    assert body["startDateTime"].endswith("Z")
