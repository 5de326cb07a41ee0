"""Recovery keys and the documents of their ceremonies: signed, opened by shares, changed by somebody."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from ca_bridge.errors import KeyArchiveError
from ca_bridge.keys import envelopes, recovery_keys
from ca_bridge.keys.envelopes import Recipient
from ca_bridge.keys.recovery_keys import Circle, Document
from tests.ca_bridge.keys.test_envelopes import certificate as plain_certificate
from tests.ca_bridge.keys.test_envelopes import private_key

NOW = datetime.now(UTC)
HOLDERS = ("P-1", "P-2", "P-3")


@cache
def made(number: int) -> tuple[rsa.RSAPrivateKey, bytes]:
    return recovery_keys.make(f"Recovery {number}", bits=3072, days=10)


@cache
def ceremony(number: int) -> tuple[Document, Circle]:
    circle = recovery_keys.new_circle(HOLDERS, needed=2)
    return recovery_keys.wrap(*made(number), circle), circle


def refusal(content: bytes, *, now: datetime = NOW) -> str:
    with pytest.raises(KeyArchiveError) as caught:
        recovery_keys.read(content, now=now)
    return caught.value.code


def changed(**values: object) -> bytes:
    return json.dumps(json.loads(ceremony(0)[0].to_json()) | values).encode()


def test_any_two_of_three_open_it() -> None:
    document, circle = ceremony(0)
    again = recovery_keys.read(document.to_json(), now=NOW)
    assert again == document
    envelope = envelopes.seal(b"a key", [Recipient(document.certificate, document.transport)])
    for chosen in ((0, 1), (0, 2), (1, 2)):
        opened = recovery_keys.open_with_shares(again, [circle.texts[each] for each in chosen])
        assert envelopes.unseal(envelope, opened) == b"a key"
        recovery_keys.probe(opened, Recipient(document.certificate))


def test_nothing_of_the_secret_stands_in_the_document_or_is_said() -> None:
    document, circle = ceremony(0)
    said = document.to_json() + repr(circle).encode() + repr(made(0)[0]).encode()
    assert circle.secret not in said
    assert circle.secret.hex().encode() not in said
    assert not any(text.encode() in said for text in circle.texts)


def test_shares_of_another_key_do_not_open_it() -> None:
    document, (_other, circle) = ceremony(0)[0], ceremony(1)
    with pytest.raises(KeyArchiveError) as caught:
        recovery_keys.open_with_shares(document, circle.texts[:2])
    assert caught.value.code == "recovery-key-not-opened"


@pytest.mark.parametrize(
    "values",
    [
        {"holders": ["P-1", "P-2", "P-9"]},
        {"needed": 3},
        {"number": 2},
        {"transport": "oaep-sha1"},
        {"wrapped": "AAAA"},
        {"signature": "AAAA"},
        {"identifier": 1},
    ],
)
def test_whoever_changes_it_is_found_out(values: dict[str, object]) -> None:
    assert refusal(changed(**values)) == "recovery-document-changed"


def test_another_key_cannot_sign_for_it() -> None:
    """A wrapping that nobody could open, for a certificate that is in force."""
    document, circle = ceremony(0)
    forged = recovery_keys.wrap(made(1)[0], document.certificate, circle)
    assert refusal(forged.to_json()) == "recovery-document-changed"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{}",
        b"\xff",
        b"[" * 100_000,
        b"{" + b" " * 70_000 + b"}",
        changed(needed=1),
        changed(needed=4),
        changed(needed="two"),
        changed(holders=[]),
        changed(holders=["P-1", "P-1", "P-2"]),
        changed(holders=[1, 2, 3]),
        changed(transport="pkcs1"),
        changed(number=0),
        changed(wrapped="?"),
    ],
)
def test_what_is_no_document(content: bytes) -> None:
    assert refusal(content) == "recovery-document-unreadable"


def test_certificates_that_are_none_of_a_recovery_key() -> None:
    document, _circle = ceremony(0)
    unfit = replace(document, certificate=plain_certificate(private_key(0)))
    assert refusal(unfit.to_json()) == "recovery-certificate-unfit"
    assert refusal(replace(document, certificate=b"x").to_json()) == "recovery-certificate-unfit"
    assert refusal(document.to_json(), now=NOW + timedelta(days=11)) == "recovery-certificate-ended"
    with pytest.raises(KeyArchiveError, match="3072 or 4096"):
        recovery_keys.make("Small", bits=2048, days=10)
