"""A certificate as ordered, and its path to the CA's root: what no client would take is refused."""

from dataclasses import replace
from functools import cache
from typing import Any
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from ca_bridge import certification_request, keys, verification
from ca_bridge.contract import CertificateOrder, Issued, KeyAlgorithm
from tests.ca_bridge import scripted
from tests.ca_bridge.scripted import Issuance, SmallCa

# The last octets of sha256WithRSAEncryption and its elders (RFC 8017, A.2.4) tell them apart.
SHA256, SHA1, MD5 = (bytes.fromhex(f"2a864886f70d0101{last}") for last in ("0b", "05", "04"))
AS_ORDERED = Issuance()


@cache
def rsa_key(bits: int) -> Any:
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


@pytest.fixture
def order(content, validity) -> CertificateOrder:
    content = replace(
        content, subject_alt_names=(*content.subject_alt_names, ("uri", "https://ids.example.com/7"))
    )
    return CertificateOrder(
        idempotency_key=str(uuid4()),
        csr=certification_request.build(content, keys.generate(KeyAlgorithm.EC_P256)),
        content=content,
        ca_profile="person",
        not_before=validity.not_before,
        not_after=validity.not_after,
    )


def faults(order: CertificateOrder, ca: SmallCa, *above: SmallCa, how: Issuance = AS_ORDERED) -> str:
    """Of what the CA issues for the order; above: its issuers, the root last, which does not come along."""
    path = [each.der for each in (ca, *above)]
    answer = Issued(scripted.sign(order, replace(how, ca=ca)), tuple(path[:-1]))
    return "; ".join(verification.faults(order, answer, path))


def below_root(**changes: Any) -> tuple[SmallCa, SmallCa]:
    return scripted.make_ca("Issuing CA", issuer=scripted.root_ca(), **changes), scripted.root_ca()


def test_what_is_as_ordered_has_no_fault(order):
    assert faults(order, *below_root()) == ""


# --- signatures and keys that nobody trusts


@pytest.mark.parametrize(("broken", "name"), [(SHA1, "SHA1"), (MD5, "MD5")])
def test_a_certificate_that_is_signed_over_a_broken_hash(order, broken, name):
    """Its signature need not be right: nobody looks at it."""
    ca, root = below_root(key=rsa_key(2048))
    old = scripted.sign(order, Issuance(ca=ca)).replace(SHA256, broken)
    found = verification.faults(order, Issued(old, (ca.der,)), (ca.der, root.der))
    assert found == (f"it is signed over {name}, which clients do not trust",)


@pytest.mark.parametrize("trusted", [1, 2])
def test_an_issuer_that_is_signed_over_a_broken_hash(order, trusted):
    """Be it in chain_file itself: clients know the root alone."""
    root = scripted.make_ca("RSA root", key=rsa_key(2048))
    ca = scripted.make_ca("Issuing CA", issuer=root)
    old = ca.der.replace(SHA256, SHA1)
    answer = Issued(scripted.sign(order, Issuance(ca=ca)), (old,))
    found = verification.faults(order, answer, (old, root.der)[:trusted])
    assert found == ("CN=Issuing CA is signed over SHA1, which clients do not trust",)


def test_a_root_is_trusted_whatever_its_own_signature_is_over(order):
    root = scripted.make_ca("Old root", key=rsa_key(2048))
    ca = scripted.make_ca("Issuing CA", issuer=root)
    old = root.der.replace(SHA256, SHA1)
    answer = Issued(scripted.sign(order, Issuance(ca=ca)), (ca.der,))
    assert verification.faults(order, answer, (ca.der, old)) == ()


@pytest.mark.parametrize(
    ("key", "said"),
    [
        (lambda: rsa_key(1024), "an RSA key of 1024 bits"),
        (lambda: ec.generate_private_key(ec.SECP224R1()), "a key on the curve secp224r1"),
    ],
)
def test_an_issuer_with_a_key_that_is_too_weak(order, key, said):
    weak = key()
    assert f"its issuer CN=Issuing CA has {said}" in faults(order, *below_root(key=weak))
    root = scripted.make_ca("Weak root", key=weak)
    found = faults(order, scripted.make_ca("Issuing CA", issuer=root), root)
    assert found == f"its issuer CN=Weak root has {said}, which clients do not trust"


# --- issuers that clients do not take


def test_the_root_counts_although_it_does_not_come_along(order):
    over, flat = scripted.make_ca("Old root", days=-1), scripted.make_ca("Flat root", path_length=0)
    for root, said in (
        (over, "its issuer CN=Old root is not valid now"),
        (flat, "CN=Flat root allows no CA below it"),
    ):
        assert faults(order, scripted.make_ca("Issuing CA", issuer=root), root) == said
