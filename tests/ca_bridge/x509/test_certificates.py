"""Facts of certificates, compared with what the openssl program prints."""

import subprocess
from dataclasses import replace

import pytest
from cryptography import x509

from ca_bridge.contract import CertificateOrder, Issued
from ca_bridge.errors import CaError
from ca_bridge.keys import keys
from ca_bridge.x509 import csr as certification_request
from ca_bridge.x509 import verification
from ca_bridge.x509.certificates import common_name, describe, names_itself, serial_hex
from tests.ca_bridge.scripted import Issuance, issuing_ca, root_ca, sign


@pytest.fixture
def order(content, validity, key) -> CertificateOrder:
    csr = certification_request.build(content, key)
    return CertificateOrder("1", csr, content, "", validity.not_before, validity.not_after)


def test_facts(order, key):
    facts = describe(sign(order, Issuance(serial=0xABC)))
    assert (facts.serial, facts.serial_hex) == (0xABC, "0abc")
    assert facts.issuer == "CN=Scripted issuing CA"
    assert facts.subject.endswith("CN=Jürgen Müller-Groß")
    assert (facts.not_before, facts.not_after) == (order.not_before, order.not_after)
    assert facts.public_key_sha256 == keys.public_key_sha256(key)
    assert facts.subject_alt_names == order.content.subject_alt_names


def test_the_common_name_of_a_name():
    assert common_name("O=Example\\, Inc,CN=Uma Unger") == "Uma Unger"
    assert common_name("O=Example") == "O=Example"


def test_a_common_name_of_64_characters_may_have_more_octets(order):
    """RFC 5280 counts characters; a CA elsewhere is named as it likes."""
    name = x509.Name.from_rfc4514_string("O=Example")
    long = x509.NameAttribute(x509.NameOID.COMMON_NAME, "ü" * 64, _validate=False)
    facts = describe(sign(order, Issuance(subject=x509.Name([*name, long]))))
    assert common_name(facts.subject) == f"CN={'ü' * 64},O=Example"


@pytest.mark.needs_program("openssl")
def test_fingerprint_and_serial_as_openssl_prints_them(order):
    der = sign(order)
    command = ["openssl", "x509", "-inform", "DER", "-noout", "-serial", "-fingerprint", "-sha256"]
    printed = subprocess.run(command, input=der, capture_output=True, check=True).stdout.decode()
    serial, fingerprint = (line.partition("=")[2] for line in printed.splitlines())
    facts = describe(der)
    assert facts.serial_hex == serial.lower()
    assert facts.sha256_fingerprint == fingerprint.replace(":", "").lower()


def test_a_certificate_without_alternative_names(order):
    assert describe(sign(order, Issuance(drop=("2.5.29.17",)))).subject_alt_names == ()


def test_names_of_other_kinds(order):
    names = x509.SubjectAlternativeName(
        [x509.DNSName("example.com"), x509.UniformResourceIdentifier("urn:x:y")]
    )
    der = sign(order, Issuance(drop=("2.5.29.17",), add=((names, False),)))
    assert describe(der).subject_alt_names == (("other", "example.com"), ("uri", "urn:x:y"))


def test_a_upn_that_is_none(order):
    """A NULL where a string belongs is shown as nothing, and breaks no page."""
    upn = x509.OtherName(x509.ObjectIdentifier("1.3.6.1.4.1.311.20.2.3"), b"\x05\x00")
    names = x509.SubjectAlternativeName([upn])
    der = sign(order, Issuance(drop=("2.5.29.17",), add=((names, False),)))
    assert describe(der).subject_alt_names == (("upn", ""),)


@pytest.mark.parametrize("garbage", [b"", b"garbage", b"0\x03\x02\x01\x05"])
def test_what_is_no_certificate(garbage):
    with pytest.raises(CaError) as caught:
        describe(garbage)
    assert caught.value.permanent
    assert not names_itself(garbage)


def test_a_version_that_does_not_exist(order):
    """RFC 5280 4.1.2.1 knows three; `cryptography` has an exception of its own for a fourth."""
    third, seventh = b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x06"
    der = sign(order).replace(third, seventh, 1)
    with pytest.raises(CaError, match="not a certificate"):
        describe(der)
    assert verification.faults(order, Issued(der, ()), [issuing_ca().der])


def test_self_issued(order):
    assert names_itself(root_ca().der)
    assert not names_itself(issuing_ca().der)
    assert not names_itself(sign(order))


@pytest.mark.parametrize(
    ("serial", "expected"), [(0, "00"), (1, "01"), (0xFFF, "0fff"), (1 << 158, "40" + "0" * 38)]
)
def test_serial_hex(serial, expected):
    assert serial_hex(serial) == expected


def test_requests_carry_the_whole_content(content, key):
    request = x509.load_der_x509_csr(certification_request.build(content, key))
    assert [extension.oid.dotted_string for extension in request.extensions] == [
        "2.5.29.15",
        "2.5.29.37",
        "2.5.29.17",
        "2.5.29.32",
        "1.3.6.1.4.1.311.25.2",
    ]
    bare = replace(content, extended_key_usage=(), subject_alt_names=(), policies=(), sid=None)
    request = x509.load_der_x509_csr(certification_request.build(bare, key))
    assert [extension.oid.dotted_string for extension in request.extensions] == ["2.5.29.15"]
