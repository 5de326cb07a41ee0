"""A certificate as ordered, and its path to the CA's root: what no client would take is refused."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from asn1crypto import core
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from ca_bridge.contract import CertificateOrder, Issued, KeyAlgorithm
from ca_bridge.keys import keys
from ca_bridge.x509 import csr as certification_request
from ca_bridge.x509 import lint, name_constraints, verification
from ca_bridge.x509.subject_alt_names import UPN_OID
from tests.ca_bridge import scripted
from tests.ca_bridge.scripted import Issuance, SmallCa

# The last octets of sha256WithRSAEncryption and its elders (RFC 8017, A.2.4) tell them apart.
SHA256, SHA1, MD5 = (bytes.fromhex(f"2a864886f70d0101{last}") for last in ("0b", "05", "04"))
UNHEARD = bytes.fromhex("2a864886f70d010163")
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


def test_an_issuer_that_is_signed_in_a_way_that_is_unknown_here_is_as_trusted_as_chain_file_has_it(order):
    """Such as by a root with a key of a new kind."""
    root = scripted.make_ca("RSA root", key=rsa_key(2048))
    ca = scripted.make_ca("Issuing CA", issuer=root)
    odd = ca.der.replace(SHA256, UNHEARD)
    answer = Issued(scripted.sign(order, Issuance(ca=ca)), (odd,))
    assert verification.faults(order, answer, (odd, root.der)) == ()
    assert verification.faults(order, answer, (root.der,)) == ("its chain does not end at this CA",)


@pytest.mark.parametrize(
    ("key", "said"),
    [
        (lambda: rsa_key(1024), "an RSA key of 1024 bits"),
        (lambda: ec.generate_private_key(ec.SECP224R1()), "a key on the curve secp224r1"),
    ],
)
def test_an_issuer_with_a_key_that_is_too_weak(order, key, said):
    weak = key()
    assert f"CN=Issuing CA has {said}" in faults(order, *below_root(key=weak))
    root = scripted.make_ca("Weak root", key=weak)
    found = faults(order, scripted.make_ca("Issuing CA", issuer=root), root)
    assert found == f"CN=Weak root has {said}, which clients do not trust"


# --- names that a CA may not certify


def directory(*attributes: tuple[x509.ObjectIdentifier, str]) -> x509.DirectoryName:
    return x509.DirectoryName(x509.Name([x509.NameAttribute(oid, value) for oid, value in attributes]))


def principal(text: str) -> x509.OtherName:
    return x509.OtherName(UPN_OID, core.UTF8String(text).dump())


MAILBOX, MAIL, URI = "Juergen.Mueller@example.com", x509.RFC822Name, x509.UniformResourceIdentifier
BEGINNING = (
    (NameOID.COMMON_NAME, "jürgen  müller-groß"),
    (NameOID.GIVEN_NAME, "JÜRGEN"),
)
PERSON = "O=Example Corporation,"  # RFC 4514 begins with what stands last


def constrained(order: CertificateOrder, *, excluded: bool, base: x509.GeneralName) -> str:
    """What is wrong with the order's certificate of a CA with this constraint; the root has none."""
    subtrees = (None, [base]) if excluded else ([base], None)
    return faults(order, *below_root(add=((x509.NameConstraints(*subtrees), True),)))


@pytest.mark.parametrize(
    ("base", "name"),
    [
        (MAIL("example.com"), MAILBOX),
        (MAIL("EXAMPLE.com"), MAILBOX),
        (MAIL(".com"), MAILBOX),
        (MAIL(MAILBOX), MAILBOX),
        (URI("ids.example.com"), "https://ids.example.com/7"),
        (URI(".example.com"), "https://ids.example.com/7"),
        (principal("@corp.example.com"), "jmueller@corp.example.com"),
        (principal(".example.com"), "jmueller@corp.example.com"),
        (directory(), PERSON),
        (directory(*BEGINNING), PERSON),
    ],
)
def test_a_name_within_a_subtree(order, base, name):
    assert constrained(order, excluded=False, base=base) == ""
    assert f"CN=Issuing CA may not certify {name}" in constrained(order, excluded=True, base=base)


@pytest.mark.parametrize(
    ("base", "name"),
    [
        (MAIL("example.org"), MAILBOX),
        (MAIL(".example.com"), MAILBOX),
        (MAIL("ample.com"), MAILBOX),
        (MAIL("juergen.mueller@example.com"), MAILBOX),
        (URI("example.com"), "https://ids.example.com/7"),
        (principal("@example.com"), "jmueller@corp.example.com"),
        (directory((NameOID.ORGANIZATION_NAME, "Another Corporation")), PERSON),
        (directory(*reversed(BEGINNING)), PERSON),
    ],
)
def test_a_name_outside_of_a_subtree(order, base, name):
    assert f"CN=Issuing CA may not certify {name}" in constrained(order, excluded=False, base=base)
    assert constrained(order, excluded=True, base=base) == ""


@pytest.mark.parametrize("base", [x509.DNSName(""), x509.DNSName("example.org")])
def test_constraints_on_names_that_persons_do_not_have(order, base):
    for excluded in (False, True):
        assert constrained(order, excluded=excluded, base=base) == ""


@pytest.mark.parametrize("excluded", [False, True])
def test_a_uri_without_a_host_is_in_no_subtree_and_out_of_none(order, excluded):
    """RFC 5280 4.2.1.10: then the certificate is rejected."""
    urn = replace(order.content, subject_alt_names=(("uri", "urn:uuid:7"),), sid=None)
    csr = certification_request.build(urn, keys.generate(KeyAlgorithm.EC_P256))
    found = constrained(replace(order, content=urn, csr=csr), excluded=excluded, base=URI(".example.com"))
    assert found == "CN=Issuing CA may not certify urn:uuid:7"


def test_an_address_in_the_subject_is_one_too(order):
    content = replace(
        order.content,
        subject=(*order.content.subject, ("emailAddress", "ceo@example.org")),
        subject_alt_names=(),
    )
    csr = certification_request.build(content, keys.generate(KeyAlgorithm.EC_P256))
    found = constrained(replace(order, content=content, csr=csr), excluded=False, base=MAIL("example.com"))
    assert "CN=Issuing CA may not certify ceo@example.org" in found


def test_what_only_looks_like_an_address_in_the_subject_is_none(order):
    subject = (*order.content.subject, ("emailAddress", "PKI Admin <pki@example.org>"))
    content = replace(order.content, subject=subject)
    csr = certification_request.build(content, keys.generate(KeyAlgorithm.EC_P256))
    constraints = x509.NameConstraints([MAIL("example.com")], None)
    ca = scripted.make_ca("Issuing CA", issuer=scripted.root_ca(), add=((constraints, True),))
    leaf = scripted.sign(replace(order, content=content, csr=csr), Issuance(ca=ca))
    path = (x509.load_der_x509_certificate(leaf), ca.certificate)
    assert not [*name_constraints.faults(path)]


def test_a_root_says_what_is_below_it_too(order):
    """Also of the CAs between: what they are called counts as what persons are called."""
    constraints = x509.NameConstraints([directory((NameOID.COMMON_NAME, "Issuing CA"))], None)
    root = scripted.make_ca("Root", add=((constraints, True),))
    found = faults(order, scripted.make_ca("Policy CA", issuer=root), root)
    assert "CN=Root may not certify CN=Policy CA" in found
    assert f"CN=Root may not certify {PERSON}" in found


def test_a_ca_that_has_certified_its_own_new_key_is_not_held_to_its_constraints(order):
    constraints = x509.NameConstraints([MAIL("example.com"), directory(*BEGINNING)], None)
    old = scripted.make_ca("Issuing CA", issuer=scripted.root_ca(), add=((constraints, True),))
    new = scripted.make_ca("Issuing CA", issuer=old)
    answer = Issued(scripted.sign(order, Issuance(ca=new)), (new.der, old.der))
    assert verification.faults(order, answer, (scripted.root_ca().der,)) == ()


# --- issuers that clients do not take


def test_the_root_counts_although_it_does_not_come_along(order):
    over, flat = scripted.make_ca("Old root", days=-1), scripted.make_ca("Flat root", path_length=0)
    for root, said in (
        (over, "its issuer CN=Old root is not valid now"),
        (flat, "CN=Flat root allows no CA below it"),
    ):
        assert faults(order, scripted.make_ca("Issuing CA", issuer=root), root) == said


def rolled_over(*, path_length: int | None, days: int = 3650) -> tuple[SmallCa, SmallCa, SmallCa]:
    """An issuing CA below a root's new key, which the old one has certified; then the old one."""
    old = scripted.make_ca("Root", path_length=path_length)
    new = scripted.make_ca("Root", issuer=old, days=days)
    return scripted.make_ca("Issuing CA", issuer=new), new, old


def test_a_ca_that_has_certified_its_own_new_key_uses_up_no_path_length(order):
    """RFC 5280 4.2.1.9, 6.1.4 l: what is self-issued does not count, and whatever else does."""
    assert faults(order, *rolled_over(path_length=1)) == ""
    assert faults(order, *rolled_over(path_length=0)) == "CN=Root allows no CA below it"


def test_a_new_key_that_the_ca_itself_has_certified_is_no_root(order):
    """Clients look at how it was signed, and at what it is for."""
    ca, new, old = rolled_over(path_length=None)
    narrow = scripted.make_ca("Root", issuer=old, key=new.key, **uses(CLIENT_AUTH))
    assert faults(order, ca, narrow, old) == "CN=Root is not for the extended key usage 1.3.6.1.5.5.7.3.4"
    strong = scripted.make_ca("Root", key=rsa_key(2048))
    weak = scripted.make_ca("Root", issuer=strong, key=new.key).der.replace(SHA256, SHA1)
    answer = Issued(scripted.sign(order, Issuance(ca=ca)), (ca.der, weak))
    assert "its chain does not end at this CA" in verification.faults(order, answer, (strong.der,))


def test_a_root_that_nobody_can_read_here_keeps_nobody_from_its_issuing_ca(order):
    """`cryptography` reads all extensions of a certificate or none, and clients are not as strict."""
    notice = x509.UnrecognizedExtension(x509.ObjectIdentifier("2.5.29.32"), b"\x05\x00")
    root = scripted.make_ca("Odd root", add=((notice, False),))
    with pytest.raises(ValueError, match="parsing"):
        assert root.certificate.extensions
    assert faults(order, scripted.make_ca("Issuing CA", issuer=root), root) == ""


def test_a_root_that_another_has_certified_needs_nobody_above_it(order):
    """As CAs begin: by an older root that clients know, and that may end before them."""
    old, own = scripted.make_ca("Old root", days=-1), scripted.make_ca("Own root")
    crossed = scripted.make_ca("Own root", issuer=old, key=own.key)
    ca = scripted.make_ca("Issuing CA", issuer=own)
    answer = Issued(scripted.sign(order, Issuance(ca=ca)), (ca.der,))
    for anchors in ((ca, crossed, old, own), (ca, own, crossed, old)):
        assert verification.faults(order, answer, [each.der for each in anchors]) == ()


def test_a_root_that_was_renewed_with_its_key_is_as_good_as_it_is_now(order):
    new = scripted.make_ca("Root")
    old = scripted.make_ca("Root", key=new.key, days=-1)
    ca = scripted.make_ca("Issuing CA", issuer=new)
    answer = Issued(scripted.sign(order, Issuance(ca=ca)), (ca.der,))
    for anchors in ((ca, old, new), (ca, new, old)):
        assert verification.faults(order, answer, [each.der for each in anchors]) == ()


def uses(*usages: x509.ObjectIdentifier) -> dict[str, Any]:
    return {"add": ((x509.ExtendedKeyUsage(usages), False),)}


CLIENT_AUTH, EMAIL_PROTECTION = ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.EMAIL_PROTECTION


def test_an_issuer_is_for_what_its_certificates_are_for(order):
    """Windows and NSS want it of every CA below the root; OpenSSL, too, for the uses that it knows."""
    for usages in ((CLIENT_AUTH, EMAIL_PROTECTION), (ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,)):
        assert faults(order, *below_root(**uses(*usages))) == ""
    found = faults(order, *below_root(**uses(CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH)))
    assert found == "CN=Issuing CA is not for the extended key usage 1.3.6.1.5.5.7.3.4"


def test_an_issuer_with_a_critical_extension_that_clients_do_not_know(order):
    def extended(oid: str) -> dict[str, Any]:
        return {"add": ((x509.UnrecognizedExtension(x509.ObjectIdentifier(oid), b"0\0"), True),)}

    found = faults(order, *below_root(**extended("1.3.6.1.4.1.99999.7")))
    assert found == "CN=Issuing CA has the critical extension 1.3.6.1.4.1.99999.7, which clients do not know"
    assert faults(order, *below_root(**extended("2.5.29.33"))) == "", "policyMappings, which they do"


# --- from when on


def test_what_begins_much_later_than_ordered_could_not_be_used(order):
    late = Issuance(not_before=order.not_before + timedelta(days=2))
    assert "later than ordered" in faults(order, *below_root(), how=late)


def test_a_clock_that_is_fast_and_a_ca_that_was_slow_to_decide_do_no_harm(order):
    fast = Issuance(not_before=order.not_before + timedelta(minutes=50))
    assert faults(order, *below_root(), how=fast) == ""
    slow = Issuance(not_before=order.not_before + timedelta(days=9))
    with time_machine.travel(order.not_before + timedelta(days=9)):
        assert faults(order, *below_root(), how=slow) == ""


@pytest.mark.parametrize(
    ("how", "linted"),
    [
        (AS_ORDERED, 0),  # another serial number, another signature
        (Issuance(drop=("2.5.29.35",)), 1),
        (Issuance(not_after=datetime(2199, 1, 1, tzinfo=UTC)), 1),
    ],
)
def test_what_passed_the_lint_as_a_draft_is_not_linted_again(order, monkeypatch, how, linted):
    ca, root = below_root()
    draft = scripted.sign(order, Issuance(ca=ca))
    looked_at: list[bytes] = []
    monkeypatch.setattr(lint, "errors", lambda der: looked_at.append(der) or ())
    answer = Issued(scripted.sign(order, replace(how, ca=ca)), (ca.der,))
    verification.faults(order, answer, (ca.der, root.der), draft=draft)
    assert len(looked_at) == linted


@pytest.mark.parametrize("draft", [b"", b"\x30\x00", bytes(100)])
def test_a_draft_that_cannot_be_read_is_none(order, draft):
    ca, _root = below_root()
    answer = Issued(scripted.sign(order, Issuance(ca=ca)), (ca.der,))
    assert not lint.is_linted(answer.certificate, draft)
    assert not lint.is_linted(draft, answer.certificate)
