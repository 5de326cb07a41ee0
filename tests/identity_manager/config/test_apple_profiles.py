"""Settings of configuration profiles: what does not fit together is refused, never with the key in words."""

from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from django.core.exceptions import ImproperlyConfigured

from ca_bridge.pkcs12.apple_profile import MailServer
from identity_manager.config import apple_profiles
from tests.ca_bridge.pkcs12.test_apple_profile import certificate

CERTIFICATE, KEY = certificate("my.example.com")
DER = CERTIFICATE.public_bytes(Encoding.DER)


def pem(key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey, passphrase: str = "") -> str:
    encryption = BestAvailableEncryption(passphrase.encode()) if passphrase else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption).decode()


@pytest.mark.parametrize("passphrase", ["", "open sesame"])
def test_who_signs(passphrase: str) -> None:
    signer = apple_profiles.signer([DER], key=pem(KEY, passphrase), passphrase=passphrase)
    assert signer is not None
    assert signer.name == "my.example.com"
    assert "PRIVATE" not in repr(signer)
    assert apple_profiles.signer([], key="", passphrase="") is None


WRONG: dict[str, Callable[[], object]] = {
    "go together": lambda: apple_profiles.signer([DER], key="", passphrase=""),
    "is missing": lambda: apple_profiles.signer([], key=pem(KEY), passphrase=""),
    "that PROFILE_SIGNING_KEY_PASSPHRASE opens": lambda: apple_profiles.signer(
        [DER], key=pem(KEY, "right"), passphrase="wrong"
    ),
    "no private key in PEM": lambda: apple_profiles.signer([DER], key="no key", passphrase=""),
    "must be an RSA or EC key": lambda: apple_profiles.signer(
        [DER], key=pem(ed25519.Ed25519PrivateKey.generate()), passphrase=""
    ),
    "is not the key of the first certificate": lambda: apple_profiles.signer(
        [DER], key=pem(ec.generate_private_key(ec.SECP256R1())), passphrase=""
    ),
    "APPLE_MAIL_SMTP must be": lambda: apple_profiles.mail_servers(incoming="a.example.com:993", outgoing=""),
    "APPLE_MAIL_IMAP must be": lambda: apple_profiles.mail_servers(
        incoming="uma@a.example.com:993", outgoing="b:1"
    ),
}


@pytest.mark.parametrize("words", WRONG)
def test_what_does_not_fit(words: str) -> None:
    with pytest.raises(ImproperlyConfigured) as caught:
        WRONG[words]()
    assert words in str(caught.value)
    assert "PRIVATE KEY" not in str(caught.value)


@pytest.mark.parametrize(
    "value", ["mail.example.com", "mail.example.com:no", "mail.example.com:99999", "a:1/x"]
)
def test_a_server_is_a_host_and_a_port(value: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="APPLE_MAIL_IMAP must be a host and a port"):
        apple_profiles.mail_servers(incoming=value, outgoing="smtp.example.com:587")


def test_mail_servers() -> None:
    assert apple_profiles.mail_servers(incoming="", outgoing="") is None
    assert apple_profiles.mail_servers(incoming="a.example.com:993", outgoing="b.example.com:587") == (
        MailServer("a.example.com", 993),
        MailServer("b.example.com", 587),
    )
