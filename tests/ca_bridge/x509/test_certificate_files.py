"""Certificates from files without keys, whose they are, and what they are for."""

from base64 import b64encode

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7

from ca_bridge.errors import CaError, ForeignFileError
from ca_bridge.x509 import certificate_files, holders
from ca_bridge.x509.holders import Holder
from tests.tools.foreign_files import certificate, der, ec_key, pem
from tests.tools.x509 import key_pem

ONE, TWO = certificate(ec_key(), email="uma@example.com"), certificate(ec_key(), email="sam@example.com")
BASE64 = b64encode(der(ONE))
MAIL, CLIENT = "1.3.6.1.5.5.7.3.4", "1.3.6.1.5.5.7.3.2"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (der(ONE), [ONE]),
        (pem(ONE), [ONE]),
        (b"Subject: uma\n" + pem(ONE) + b"\n# more\n" + pem(TWO), [ONE, TWO]),
        (pem(ONE) + pem(ONE), [ONE]),
        (pem(ONE).replace(b"\n", b"\r\n"), [ONE]),
        (pkcs7.serialize_certificates([ONE, TWO], Encoding.DER), [ONE, TWO]),
        (b"dn: uid=uma\nuserCertificate:: " + BASE64 + b"\n", [ONE]),
        (b"dn: uid=uma\nusercertificate;binary:: " + BASE64, [ONE]),
        (
            b"dn: a\nuserCertificate:: "
            + BASE64
            + b"\n\ndn: b\nuserCertificate:: "
            + b64encode(der(TWO))
            + b"\n",
            [ONE, TWO],
        ),
    ],
)
def test_each_form(content: bytes, expected: list[object]) -> None:
    assert set(certificate_files.read(content)) == {der(each) for each in expected}  # type: ignore[arg-type]  # certificates


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "no-certificates"),
        (b"text", "no-certificates"),
        (pem(ONE)[:200], "no-certificates"),
        (b"dn: uid=uma\nuserSMIMECertificate:: " + BASE64 + b"\n", "no-certificates"),
        (pem(ONE) + key_pem(ec_key()), "holds-keys"),
        (b"-----BEGIN ENCRYPTED PRIVATE KEY-----\n", "holds-keys"),
    ],
)
def test_what_holds_none(content: bytes, code: str) -> None:
    with pytest.raises(ForeignFileError) as caught:
        certificate_files.read(content)
    assert caught.value.code == code


def test_one_that_cannot_be_read_hides_no_other() -> None:
    broken = b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
    assert certificate_files.read(broken + pem(ONE)) == (der(ONE),)


def test_every_name_of_the_holder() -> None:
    found = certificate(
        ec_key(),
        email="uma@example.com",
        upn="uma@corp.example.com",
        sid="S-1-5-21-1-2-3-1042",
        subject="CN=Uma,2.5.4.5=P-uma,UID=u1,1.2.840.113549.1.9.1=old@example.com",
    )
    assert holders.holder(der(found)) == Holder(
        ("uma@example.com", "old@example.com"),
        ("uma@corp.example.com",),
        ("S-1-5-21-1-2-3-1042",),
        ("P-uma", "u1"),
    )
    with pytest.raises(CaError):
        holders.holder(b"nothing")


@pytest.mark.parametrize(
    ("usage", "extended", "purpose"),
    [
        (("keyEncipherment",), (), "encryption"),
        (("keyAgreement",), (MAIL,), "encryption"),
        (("digitalSignature",), (), "signature"),
        (("digitalSignature",), (MAIL, CLIENT), "signature"),
        (("digitalSignature",), (CLIENT,), "authentication"),
        (("digitalSignature", "nonRepudiation"), (CLIENT,), "signature"),
        (("digitalSignature", "keyEncipherment"), (MAIL,), "combined"),
    ],
)
def test_what_it_is_for(usage: tuple[str, ...], extended: tuple[str, ...], purpose: str) -> None:
    found = der(certificate(ec_key(), usage=usage, extended=extended))
    assert holders.purpose(found) == purpose
    assert holders.commits(found) == ("nonRepudiation" in usage)
    assert holders.is_of_a_person(found)
