"""Configuration profiles: what Apple's published schema says of them, and OpenSSL of their signature."""

import plistlib
import subprocess
import uuid
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from ca_bridge.pkcs12 import apple_profile
from ca_bridge.pkcs12.apple_profile import Identity, MailAccount, MailServer, Profile, Signer
from tests.ca_bridge.pkcs12.apple_schema import findings
from tests.tools.x509 import constraints, issued, named

FIRST, SECOND = uuid.UUID(int=1), uuid.UUID(int=2)


def certificate(
    name: str, *, issuer: "tuple[x509.Certificate, ec.EllipticCurvePrivateKey] | None" = None
) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    key, subject = ec.generate_private_key(ec.SECP256R1()), named(name)
    by = (issuer[0].subject, issuer[1]) if issuer else (subject, key)
    return issued(subject, key.public_key(), by, until=9, extensions=[constraints(ca=True)]), key


@pytest.fixture(scope="module")
def root() -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    return certificate("Example Root")


@pytest.fixture(scope="module")
def profile(root: tuple[x509.Certificate, ec.EllipticCurvePrivateKey]) -> Profile:
    issuing, _key = certificate("Example Issuing CA", issuer=root)
    servers = MailServer("imap.example.com", 993), MailServer("smtp.example.com", 587)
    return Profile(
        identifier="com.example.my.token.1",
        uuid=uuid.UUID(int=9),
        name="Mail & <VPN>",
        description="The device asks for the passphrase.",
        issuers=[each.public_bytes(Encoding.DER) for each in (root[0], issuing, issuing)],
        identities=[
            Identity(FIRST, "Signature", "sign-1.p12", b"first"),
            Identity(SECOND, "Encryption", "encrypt-1.p12", b"second"),
        ],
        mail_account=MailAccount("uma@example.com", "Uma", *servers, signing=FIRST, encryption=SECOND),
    )


def test_apples_schema_finds_nothing(profile: Profile) -> None:
    content = plistlib.loads(apple_profile.build(profile))
    assert findings(content) == []
    assert [each["PayloadType"] for each in content["PayloadContent"]] == [
        "com.apple.security.root",
        "com.apple.security.pkcs1",
        "com.apple.security.pkcs12",
        "com.apple.security.pkcs12",
        "com.apple.mail.managed",
    ]


FAULTS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "PayloadIdentifier is missing": lambda content: content.pop("PayloadIdentifier"),
    "PayloadVersion must not be 2": lambda content: content.update(PayloadVersion=2),
    "PayloadContent is no data": lambda content: content["PayloadContent"][2].update(PayloadContent="x"),
    "Colour is unknown": lambda content: content["PayloadContent"][0].update(Colour="red"),
    "SMIMESigningCertificateUUID is no UUID": lambda content: content["PayloadContent"][4].update(
        SMIMESigningCertificateUUID="1"
    ),
    "is not unique": lambda content: content["PayloadContent"].append(content["PayloadContent"][0]),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_the_checker_finds_what_is_wrong(profile: Profile, fault: str) -> None:
    content = plistlib.loads(apple_profile.build(profile))
    FAULTS[fault](content)
    assert any(fault in each for each in findings(content))


def test_no_password_stands_in_it_and_no_key_leaves_the_keychain(profile: Profile) -> None:
    content = plistlib.loads(apple_profile.build(profile))
    payloads = content["PayloadContent"]
    assert not any("Password" in each or "IncomingPassword" in each for each in payloads)
    assert [each["KeyIsExtractable"] for each in payloads if "KeyIsExtractable" in each] == [False, False]
    assert not any(each.get("AllowAllAppsAccess") for each in payloads)


def test_a_name_that_xml_cannot_hold_is_made_plain(profile: Profile) -> None:
    odd = replace(profile, name="Mail\x00\x0b\ud800 & \u202eVPN")
    content = plistlib.loads(apple_profile.build(odd))
    assert content["PayloadDisplayName"] == "Mail & VPN"


def test_the_mail_account_uses_the_identities_of_the_profile(profile: Profile) -> None:
    account = plistlib.loads(apple_profile.build(profile))["PayloadContent"][-1]
    assert account["SMIMESigningCertificateUUID"] == str(FIRST).upper()
    assert account["SMIMEEncryptionCertificateUUID"] == str(SECOND).upper()
    assert (account["IncomingMailServerHostName"], account["IncomingMailServerPortNumber"]) == (
        "imap.example.com",
        993,
    )


def test_openssl_verifies_the_signature_and_gives_back_the_same_profile(
    profile: Profile, root: tuple[x509.Certificate, ec.EllipticCurvePrivateKey], tmp_path: Path
) -> None:
    issuing, issuing_key = certificate("Signers' CA", issuer=root)
    signer, key = certificate("my.example.com", issuer=(issuing, issuing_key))
    signed, anchor, back = tmp_path / "signed", tmp_path / "root.pem", tmp_path / "back"
    signed.write_bytes(apple_profile.build(profile, Signer(key, [signer, issuing])))
    anchor.write_bytes(root[0].public_bytes(Encoding.PEM))
    command = ["openssl", "cms", "-verify", "-inform", "DER", "-purpose", "any", "-binary"]
    subprocess.run(
        [*command, "-in", signed, "-CAfile", anchor, "-out", back], check=True, capture_output=True
    )
    assert back.read_bytes() == apple_profile.build(profile)
    assert Signer(key, [signer, issuing]).name == "my.example.com"
