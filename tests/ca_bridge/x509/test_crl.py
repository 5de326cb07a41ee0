"""CRLs are believed only where the issuer has signed them, and read only where that can be."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from cryptography import x509

from ca_bridge.connection import crl_lookup
from ca_bridge.x509 import crl
from ca_bridge.x509.crl import CrlError, CrlFault
from tests.ca_bridge.x509.crls import CrlCa, distribution_point


@pytest.fixture(scope="module")
def ca() -> CrlCa:
    return CrlCa()


def fault_of(call: Callable[[], object]) -> CrlFault:
    with pytest.raises(CrlError) as raised:
        call()
    return raised.value.fault


def test_the_serials_of_a_crl_that_the_issuer_has_signed(ca: CrlCa) -> None:
    mine, other = ca.leaf(), ca.leaf()
    found = crl.verified(ca.crl([mine.serial_number]), of=mine, issuers=[ca.certificate])
    assert mine.serial_number in found.serials
    assert other.serial_number not in found.serials


def test_a_forged_crl_is_not_believed(ca: CrlCa) -> None:
    mine = ca.leaf()
    forger = CrlCa()  # the same name, another key
    for issuers in ([ca.certificate], [ca.certificate, CrlCa("Another CA").certificate], []):
        forged = forger.crl([mine.serial_number])
        found = fault_of(
            lambda forged=forged, issuers=issuers: crl.verified(forged, of=mine, issuers=issuers)
        )
        assert found == CrlFault.NOT_BY_ISSUER

    tampered = bytearray(ca.crl([mine.serial_number]))
    tampered[-1] ^= 1
    faults = (CrlFault.NOT_BY_ISSUER, CrlFault.UNREADABLE)
    assert fault_of(lambda: crl.verified(bytes(tampered), of=mine, issuers=[ca.certificate])) in faults


def test_the_crl_of_another_issuer_says_nothing(ca: CrlCa) -> None:
    mine, another = ca.leaf(), CrlCa("Another CA")
    both = [ca.certificate, another.certificate]
    found = fault_of(lambda: crl.verified(another.crl([mine.serial_number]), of=mine, issuers=both))
    assert found == CrlFault.NOT_BY_ISSUER


def test_a_certificate_without_crl_sign_signs_no_crl() -> None:
    ca = CrlCa(signs_crls=False)
    mine = ca.leaf()
    found = fault_of(lambda: crl.verified(ca.crl(), of=mine, issuers=[ca.certificate]))
    assert found == CrlFault.NOT_BY_ISSUER


@pytest.mark.parametrize(
    "times",
    [
        {"until": timedelta(minutes=-1)},
        {"since": timedelta(hours=1)},
    ],
    ids=["expired", "from the future"],
)
def test_an_old_crl_that_is_played_back_is_not_believed(ca: CrlCa, times: dict[str, timedelta]) -> None:
    mine = ca.leaf()
    played = ca.crl([mine.serial_number], **({"since": timedelta(days=-9)} | times))
    assert fault_of(lambda: crl.verified(played, of=mine, issuers=[ca.certificate])) == CrlFault.OUTDATED


@pytest.mark.parametrize(
    "kind",
    [
        x509.DeltaCRLIndicator(1),
        x509.IssuingDistributionPoint(
            full_name=[x509.UniformResourceIdentifier("http://127.0.0.1/")],
            relative_name=None,
            only_contains_user_certs=False,
            only_contains_ca_certs=False,
            only_some_reasons=None,
            indirect_crl=True,
            only_contains_attribute_certs=False,
        ),
    ],
    ids=["delta", "indirect"],
)
def test_a_crl_of_another_kind_is_not_read(ca: CrlCa, kind: x509.ExtensionType) -> None:
    mine = ca.leaf()
    special = ca.crl([mine.serial_number], extra=kind)
    assert fault_of(lambda: crl.verified(special, of=mine, issuers=[ca.certificate])) == CrlFault.UNREADABLE


@pytest.mark.parametrize("content", [b"", b"<html>", b"\x30\x80\x00\x00"])
def test_what_is_no_crl(ca: CrlCa, content: bytes) -> None:
    found = fault_of(lambda: crl.verified(content, of=ca.leaf(), issuers=[ca.certificate]))
    assert found == CrlFault.UNREADABLE


def test_only_http_addresses_of_the_issuers_own_complete_crl(ca: CrlCa) -> None:
    urls = ("ldap://directory.example.com/cn=ca", "http://pki.example.com/a.crl", "file:///etc/passwd")
    assert crl.addresses(ca.leaf(*urls)) == ("http://pki.example.com/a.crl",)
    assert crl.addresses(ca.leaf()) == ()


def test_what_a_distribution_point_does_not_give(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crl_lookup, "MOST_OCTETS", 4)
    with distribution_point({"/list.crl": b"1234", "/long.crl": b"12345"}) as (url, asked):
        assert crl_lookup.fetch(f"{url}/list.crl") == b"1234"
        assert fault_of(lambda: crl_lookup.fetch(f"{url}/long.crl")) == CrlFault.TOO_LARGE
        assert fault_of(lambda: crl_lookup.fetch(f"{url}/none.crl")) == CrlFault.UNREACHABLE
        assert fault_of(lambda: crl_lookup.fetch(f"{url}/away")) == CrlFault.UNREACHABLE
        assert asked == ["/list.crl", "/long.crl", "/none.crl", "/away"]
    assert fault_of(lambda: crl_lookup.fetch(f"{url}/list.crl")) == CrlFault.UNREACHABLE
    assert fault_of(lambda: crl_lookup.fetch("http://[bad/")) == CrlFault.UNREACHABLE
    assert fault_of(lambda: crl_lookup.fetch("http://127.0.0.1:99999/a b\r\n")) == CrlFault.UNREACHABLE
