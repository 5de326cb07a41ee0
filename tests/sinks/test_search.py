"""The search itself: it finds each secret in each form, and nothing where there is nothing."""

import base64
import os

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    PublicFormat,
)

from ca_bridge.contract import KeyAlgorithm
from ca_bridge.keys import keys
from ca_bridge.pkcs12 import passphrase
from tests.sinks.forms import ENCODINGS, KEY_WRITINGS, writings
from tests.sinks.search import KEY_FORMS, Search, Secret

pytestmark = pytest.mark.nightly

BEFORE, AFTER = b"2026-11-24 INFO the secret is ", b" and here the text goes on.\n"


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_finds_each_writing_in_this_encoding(encoding: str) -> None:
    planted = writings()
    search = Search(each.secret for each in planted)
    for each in planted:
        content = BEFORE + ENCODINGS[encoding](each.written) + AFTER
        names = {finding.secret for finding in search.findings("text", content)} - KEY_FORMS.keys()
        assert names == {each.secret.name}


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_finds_keys_of_which_it_knows_nothing(encoding: str) -> None:
    for each in writings():
        if each.secret.name in KEY_WRITINGS:
            found = Search(()).findings("text", BEFORE + ENCODINGS[encoding](each.written) + AFTER)
            assert found, each.secret.name


@pytest.mark.parametrize("kept", [slice(0, 11), slice(9, 23), slice(18, 29)])
def test_finds_half_a_passphrase(kept: slice) -> None:
    text = passphrase.generate()
    assert Search([Secret.passphrase(text)]).findings("text", text[kept].encode())


def test_finds_a_key_that_was_cut_off() -> None:
    key = keys.generate(KeyAlgorithm.RSA_2048)
    half = keys.to_pkcs8(key)[300:500]
    assert Search([Secret.key(key)]).findings("text", repr(half).encode())


def test_finds_numbers_in_decimal_and_in_the_other_order() -> None:
    key = keys.generate(KeyAlgorithm.EC_P256)
    number = key.private_numbers().private_value  # type: ignore[union-attr]  # an EC key
    for content in (str(number).encode(), number.to_bytes(32, "little")):
        assert Search([Secret.key(key)]).findings("text", content)


def test_a_secret_on_the_page_is_found_between_its_tags() -> None:
    text = passphrase.generate()
    html = "".join(f'<span class="secret-group">{group}</span><wbr>' for group in text.split("-"))
    assert Search([Secret.passphrase(text)]).findings("page", html.encode())


def test_finds_nothing_where_nothing_is() -> None:
    search = Search(each.secret for each in writings())
    key = keys.generate(KeyAlgorithm.RSA_2048)
    encrypted = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret" * 3))
    public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    for content in (os.urandom(50_000), base64.b64encode(os.urandom(50_000)), encrypted, public):
        assert search.findings("text", content) == []


def test_a_finding_never_tells_the_secret() -> None:
    text = passphrase.generate()
    (finding,) = Search([Secret.passphrase(text)]).findings("text", text.encode())
    assert text not in str(finding) + repr(finding)
