"""Certificates, chains and CRLs of the embedded CA, as it publishes them, in programs that verify them."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from _pytest.mark import ParameterSet
from cryptography import x509
from cryptography.x509.oid import AuthorityInformationAccessOID
from django.test import Client
from pytest_django import DjangoDbBlocker

from ca_bridge import issuing
from ca_bridge.connection import registry
from ca_bridge.contract import Drafts, RevocationReason
from identity_manager.models import Certificate
from tests.interop import tokens
from tests.interop.chain_verifiers import ACCEPTED, REFUSED, REVOKED, VERIFIERS, Published, Verifier
from tests.interop.matrix import Matrix
from tests.tools import cast
from tests.tools.commands import ended

TABLE = "Chains and revocation"
# What a leaf is -> what has to be said of it.
EXPECTED = {
    "valid": ACCEPTED,
    "revoked": REVOKED,
    "on hold": REVOKED,
    "released from a hold": ACCEPTED,
    "signed by another key in the CA's name": REFUSED,
}
pytestmark = [pytest.mark.django_db, pytest.mark.long]


@dataclass(frozen=True)
class World:
    """Leaves (DER) by what they are, and what is published."""

    leaves: dict[str, bytes]
    published: Published


def fetched(url: str) -> bytes:
    """What stands at an address of the CA: served by the product, to anybody."""
    response = Client().get(urlsplit(url).path)
    assert response.status_code == 200, url
    return bytes(response.content)


def crl_url(certificate: x509.Certificate) -> str:
    points = certificate.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    (name,) = points[0].full_name or ()
    return str(name.value)


def issuer_url(certificate: x509.Certificate) -> str:
    access = certificate.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    (found,) = (each for each in access if each.access_method == AuthorityInformationAccessOID.CA_ISSUERS)
    return str(found.access_location.value)


def published_for(leaf: bytes) -> Published:
    """Only by the addresses in the certificates: from the leaf up."""
    own = x509.load_der_x509_certificate(leaf)
    issuing_der = fetched(issuer_url(own))
    issuing_ca = x509.load_der_x509_certificate(issuing_der)
    root = fetched(issuer_url(issuing_ca))
    return Published(root, issuing_der, fetched(crl_url(issuing_ca)), fetched(crl_url(own)))


def issue_leaves() -> dict[str, bytes]:
    """One certificate of the road for each fate; the last is the CA's draft, signed by a throw-away key."""
    company = cast.Company()
    leaves = {}
    for number, what in enumerate(EXPECTED):
        person = cast.person(f"p{number}", roles=())
        token = cast.issued(cast.accepted(cast.enabled(company.ada, person, company.vpn))).tokens.get()
        certificate = Certificate.objects.get(token=token)
        leaves[what] = certificate.der
        assert certificate.order is not None
        if EXPECTED[what] == REFUSED:
            connector = registry.connector("corporate")
            assert isinstance(connector, Drafts)
            leaves[what] = connector.draft(certificate.order.request)
    return leaves


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> World:
    with django_db_blocker.unblock(), tokens.undone():
        leaves = issue_leaves()
        reason = RevocationReason.KEY_COMPROMISE
        issuing.revoke(ca="corporate", certificate=leaves["revoked"], reason=reason)
        for what in ("on hold", "released from a hold"):
            issuing.hold(ca="corporate", certificate=leaves[what])
        assert issuing.release(ca="corporate", certificate=leaves["released from a hold"])
        return World(leaves, published_for(leaves["valid"]))


def cases() -> Iterator[ParameterSet]:
    """Each program with each leaf."""
    for verifier in VERIFIERS:
        for what in EXPECTED:
            marks = pytest.mark.needs_program(*verifier.needs)
            yield pytest.param(verifier, what, marks=marks, id=f"{verifier}-{what}")


@pytest.mark.parametrize(("verifier", "what"), list(cases()))
def test_what_a_program_says(
    world: World, matrix: Matrix, verifier: Verifier, what: str, tmp_path: Path
) -> None:
    word = verifier.verdict(world.leaves[what], world.published, tmp_path)
    matrix.program(verifier.name, verifier.version)
    matrix.says(TABLE, row=what, column=verifier.name, word=word)
    assert word == EXPECTED[what]


def test_what_is_published_is_what_the_ca_says_of_itself(world: World) -> None:
    issuing_der, root = registry.connector("corporate").chain()
    assert (world.published.issuing, world.published.root) == (issuing_der, root)
    crl = x509.load_der_x509_crl(world.published.issuing_crl)
    listed = {entry.serial_number for entry in crl}
    gone = [x509.load_der_x509_certificate(world.leaves[what]) for what in ("revoked", "on hold")]
    assert listed == {certificate.serial_number for certificate in gone}


# The Baseline Requirements know no hold, which the embedded CA has.
@pytest.mark.parametrize(
    ("which", "rules"), [("issuing_crl", "PKIX"), ("root_crl", "PKIX"), ("root_crl", "BR")]
)
def test_pkilint_finds_nothing_in_the_crls(world: World, which: str, rules: str, tmp_path: Path) -> None:
    """Its exit code is the number of findings; a root's CRL is about authorities."""
    path = tmp_path / "list.crl"
    path.write_bytes(getattr(world.published, which))
    kind = "ARL" if which == "root_crl" else "CRL"
    assert findings("lint_crl", "lint", "-t", kind, "-p", rules, "-s", "WARNING", path) == (0, "")


@pytest.mark.parametrize("pair", [("root", "issuing"), ("issuing", "leaf")])
def test_pkilint_finds_nothing_between_signer_and_signed(
    world: World, pair: tuple[str, str], tmp_path: Path
) -> None:
    ders = {
        "root": world.published.root,
        "issuing": world.published.issuing,
        "leaf": world.leaves["valid"],
    }
    paths = [tmp_path / each for each in pair]
    for path in paths:
        path.write_bytes(tokens.pem(ders[path.name]))
    assert findings("lint_pkix_signer_signee_cert_chain", "lint", "-s", "WARNING", *paths) == (0, "")


def findings(program: str, *arguments: str | Path) -> tuple[int, str]:
    """How many, and what they are."""
    done = ended(Path(sys.executable).with_name(program), *arguments, timeout=90)
    return done.returncode, (done.stdout + done.stderr).decode().strip()
