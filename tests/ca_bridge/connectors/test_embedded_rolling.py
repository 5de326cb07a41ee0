"""The embedded CA's next issuing CA, below its own root or a company's, and a root whose key is elsewhere."""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import time_machine
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from django.core.management import CommandError, call_command
from django.utils import timezone

from ca_bridge.connection import maintenance_needs, registry
from ca_bridge.connectors.embedded import authority, key_store, rollover
from ca_bridge.connectors.embedded.connector import EmbeddedConnector
from ca_bridge.connectors.embedded.models import Crl, IssuedCertificate
from ca_bridge.contract import CertificateOrder, Issued, RevocationReason
from ca_bridge.errors import CaError
from ca_bridge.x509 import chains, lint, verification
from tests.ca_bridge.connectors.test_embedded import crl_findings
from tests.tools import x509 as certificates
from tests.tools.x509 import constraints, issuer_id, key_id, named, usage

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.database,
    pytest.mark.long,
    pytest.mark.nightly_on_postgresql,
]

DAY = timedelta(days=1)
# The last octets of sha256WithRSAEncryption and its elders (RFC 8017, A.2.4) tell them apart.
RSA_SHA256, RSA_SHA1, RSA_MD2 = (bytes.fromhex(f"2a864886f70d0101{last}") for last in ("0b", "05", "02"))
Ordered = Callable[..., CertificateOrder]


@pytest.fixture
def ca(
    settings: Any, ca_options: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> EmbeddedConnector:
    """An embedded CA of this test alone, that may be changed; its next keys are smaller, and made sooner."""
    monkeypatch.setattr(rollover, "ISSUING_BITS", 2048)
    directory = tmp_path / "ca"
    shutil.copytree(ca_options["directory"], directory)
    options = ca_options | {"directory": str(directory)}
    connector = "ca_bridge.connectors.embedded.connector.EmbeddedConnector"
    settings.CA_CONNECTORS = {"corporate": {"CONNECTOR": connector, "OPTIONS": options}}
    found = registry.connector("corporate")
    assert isinstance(found, EmbeddedConnector)
    return found


def issued(ca: EmbeddedConnector, order: CertificateOrder) -> Issued:
    answer = ca.issue(order)
    assert isinstance(answer, Issued)
    assert verification.faults(order, answer, ca.chain()) == ()
    return answer


def loaded(der: bytes) -> x509.Certificate:
    return x509.load_der_x509_certificate(der)


def command(name: str, *arguments: str | Path) -> str:
    said = StringIO()
    call_command(name, *map(str, arguments), stdout=said)
    return said.getvalue()


def serials(ca: EmbeddedConnector, name: str) -> set[int]:
    published = ca.published(name)
    assert published is not None
    return {entry.serial_number for entry in x509.load_der_x509_crl(published[1])}


def told(ca: EmbeddedConnector, answer: Issued) -> tuple[ocsp.OCSPCertStatus, x509.Certificate]:
    """What OCSP says, and who signs it."""
    issuer = loaded(answer.chain[0])
    builder = ocsp.OCSPRequestBuilder().add_certificate(loaded(answer.certificate), issuer, hashes.SHA256())
    der = ca.ocsp(builder.build())
    assert der is not None
    response = ocsp.load_der_ocsp_response(der)
    response.certificates[0].verify_directly_issued_by(issuer)
    return response.certificate_status, issuer


# --- below the own root


def test_the_next_issuing_ca_issues_and_the_old_one_says_what_is_revoked(ca, ordered):
    order = ordered()
    old = issued(ca, order)
    assert command("roll_issuing_ca").startswith(
        "CN=corporate issuing CA G2,O=Example Corporation issues from now on, until 20"
    )
    new = issued(ca, ordered())

    assert (
        loaded(new.certificate).issuer.rfc4514_string() == "CN=corporate issuing CA G2,O=Example Corporation"
    )
    assert b"/pki/corporate-g2.crl" in new.certificate
    assert b"/pki/corporate-g2.crt" in new.certificate
    for answer, crl, other in (
        (old, "corporate.crl", "corporate-g2.crl"),
        (new, "corporate-g2.crl", "corporate.crl"),
    ):
        assert told(ca, answer) == (ocsp.OCSPCertStatus.GOOD, loaded(answer.chain[0]))
        ca.revoke(answer.certificate, RevocationReason.SUPERSEDED)
        assert told(ca, answer)[0] == ocsp.OCSPCertStatus.REVOKED
        serial = loaded(answer.certificate).serial_number
        assert serial in serials(ca, crl)
        assert serial not in serials(ca, other)
    assert ca.issue(order) == ca.find(order) == old  # asked again, it is the answer of then
    assert verification.faults(order, old, ca.chain()) == ()


def test_it_is_clean_and_below_the_same_root(ca, ordered):
    before = ca.chain()
    command("roll_issuing_ca")
    newest, former, root = ca.chain()
    assert (former, root) == before
    assert lint.errors(newest) == ()
    assert lint.errors(ca.draft(ordered())) == ()
    for suffix in ("crt", "pem"):
        assert ca.published(f"corporate-g2.{suffix}") is not None
    assert crl_findings(ca.published("corporate-g2.crl")[1]) == []
    assert ca.published("corporate-g3.crt") is None


def test_it_can_be_done_again(ca, ordered):
    for _each in range(2):
        command("roll_issuing_ca")
    assert "G3" in loaded(issued(ca, ordered()).certificate).issuer.rfc4514_string()
    assert [crl.issuer for crl in Crl.objects.order_by("issuer")] == [
        "issuing",
        "issuing-2",
        "issuing-3",
        "root",
    ]


def test_a_ca_of_another_process_is_seen_at_once(ca, ordered):
    """No restart: the directory is looked at."""
    elsewhere = EmbeddedConnector(ca.options)
    assert len(elsewhere.chain()) == 2
    command("roll_issuing_ca")
    assert elsewhere.chain() == ca.chain()


def test_a_try_that_broke_off_is_taken_up(ca, monkeypatch):
    with monkeypatch.context() as broken:
        broken.setattr(rollover, "_put", lambda *_arguments: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            rollover.roll(ca.options)
    key = ca._authority.keys.open("issuing-2").public_key()
    assert len(ca.chain()) == 2
    assert rollover.roll(ca.options).public_key() == key


def test_two_who_do_it_at_once_make_one(ca):
    first = rollover.roll(ca.options)
    known = authority.Authority(ca.options)
    with pytest.raises(CaError, match="cannot be written"):
        rollover._put(known, 2, first)
    assert loaded(ca.chain()[0]) == first
    assert [path.name for path in Path(ca.options.directory).glob(".*")] == []


def test_an_issuing_ca_that_has_ended_signs_no_more(ca):
    with time_machine.travel(timezone.now() + timedelta(minutes=1)):
        command("roll_issuing_ca")
    end = loaded(ca.chain()[1]).not_valid_after_utc
    later = loaded(ca.chain()[0]).not_valid_after_utc - timedelta(seconds=1)
    assert end < later
    Crl.objects.all().delete()
    with time_machine.travel(later, tick=False):
        ca.renew_crl_if_due()
    signed = set(Crl.objects.values_list("issuer", flat=True))
    assert signed == {"issuing-2", "root"}
    with time_machine.travel(later + DAY * 2, tick=False):
        Crl.objects.all().delete()
        ca.renew_crl_if_due()
    assert set(Crl.objects.values_list("issuer", flat=True)) == {"root"}


def test_orders_wait_for_the_next_issuing_ca_where_the_last_one_has_ended(ca, ordered):
    known = ordered()
    answer = issued(ca, known)
    later = loaded(ca.chain()[0]).not_valid_after_utc + DAY
    with time_machine.travel(later):
        order = ordered(not_before=later, not_after=later + 365 * DAY)
        for ask in (ca.draft, ca.issue):
            with pytest.raises(CaError, match="The issuing CA has ended") as fault:
                ask(order)
            assert not fault.value.permanent
        assert "has ended" in ca.health().detail
        assert not ca.health().ok
        assert ca.issue(known) == answer

        command("roll_issuing_ca")
        assert ca.draft(order)
        assert isinstance(ca.issue(order), Issued)


def test_what_was_registered_before_is_of_the_first(ca, ordered):
    """Also by a process of the version before, which knows of one issuing CA alone."""
    row = IssuedCertificate.objects.create(
        ca="corporate", request_id="1", csr_sha256="", public_key_sha256="", serial_hex="1f", certificate=b"",
        not_after=timezone.now() + DAY,
    )  # fmt: skip
    row.refresh_from_db()
    assert row.issuer == "issuing"


def test_that_it_is_time_is_said(ca):
    assert ca.due_maintenance() == []
    with time_machine.travel(loaded(ca.chain()[0]).not_valid_after_utc - 700 * DAY):
        (sentence,) = map(maintenance_needs.in_words, ca.due_maintenance())
        assert sentence.endswith("roll_issuing_ca.")
        rollover.roll(ca.options)
        assert ca.due_maintenance() == []


@pytest.mark.needs_program("openssl")
def test_openssl_verifies_old_and_new(ca, ordered, tmp_path):
    leaves = {"old": issued(ca, ordered()).certificate, "old-revoked": issued(ca, ordered()).certificate}
    command("roll_issuing_ca")
    leaves |= {"new": issued(ca, ordered()).certificate, "new-revoked": issued(ca, ordered()).certificate}
    for fate in ("old-revoked", "new-revoked"):
        ca.revoke(leaves[fate], RevocationReason.KEY_COMPROMISE)
    for fate, der in leaves.items():
        verdict = openssl_verdict(ca, der, tmp_path)
        assert ("certificate revoked" in verdict) if fate.endswith("revoked") else (verdict == "")


def openssl_verdict(ca: EmbeddedConnector, leaf: bytes, folder: Path) -> str:
    """What it says against a certificate, with all that is published; empty: nothing."""
    stems, crls = ("corporate", "corporate-g2", "corporate-root"), b""
    for stem in stems:
        (folder / f"{stem}.pem").write_bytes(ca.published(f"{stem}.pem")[1])
        crls += x509.load_der_x509_crl(ca.published(f"{stem}.crl")[1]).public_bytes(Encoding.PEM)
    (folder / "crls.pem").write_bytes(crls)
    (folder / "leaf.pem").write_bytes(loaded(leaf).public_bytes(Encoding.PEM))
    done = subprocess.run(
        ["openssl", "verify", "-x509_strict", "-crl_check_all", "-CAfile", "corporate-root.pem",
         "-untrusted", "corporate.pem", "-untrusted", "corporate-g2.pem", "-CRLfile", "crls.pem", "leaf.pem"],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.stderr


@pytest.mark.needs_program("openssl")
def test_a_former_issuing_ca_is_revoked_as_a_whole(ca, ordered, tmp_path):
    leaf = issued(ca, ordered()).certificate
    with pytest.raises(CommandError, match="no former issuing CA"):
        command("revoke_issuing_ca", "corporate")
    command("roll_issuing_ca")
    assert serials(ca, "corporate-root.crl") == set()
    for _again in range(2):
        said = command("revoke_issuing_ca", "corporate", "--reason", "keyCompromise")
        assert said.startswith("CN=corporate issuing CA,O=Example Corporation is on the root's CRL")
    former, root = loaded(ca.chain()[1]), ca.published("corporate-root.crl")
    (entry,) = x509.load_der_x509_crl(root[1])
    assert entry.serial_number == former.serial_number
    assert (
        entry.extensions.get_extension_for_class(x509.CRLReason).value.reason
        == x509.ReasonFlags.key_compromise
    )
    assert crl_findings(root[1]) == []
    assert former.serial_number not in serials(ca, "corporate.crl")
    new = issued(ca, ordered()).certificate
    assert "certificate revoked" in openssl_verdict(ca, leaf, tmp_path)
    assert openssl_verdict(ca, new, tmp_path) == ""


def test_a_ca_is_revoked_by_the_root_that_signed_it(ca, company, request_of_ca, tmp_path):
    take_in(tmp_path, company.answer(request_of_ca), company.policy, company.root)
    command("roll_issuing_ca")
    with pytest.raises(CommandError, match="Another root has signed"):
        command("revoke_issuing_ca", "corporate-g2")
    with pytest.raises(CommandError, match="no former issuing CA"):
        command("revoke_issuing_ca", "corporate-g9")
    command("sign_root_crl", "--take-away", tmp_path / "safe.key")
    with pytest.raises(CommandError, match="root's key is not here"):
        command("revoke_issuing_ca", "corporate")
    assert not IssuedCertificate.objects.exists()
    command("revoke_issuing_ca", "corporate", "--root-key", tmp_path / "safe.key")
    crl = x509.load_der_x509_crl(ca.published("corporate-root.crl")[1])
    assert crl.next_update_utc - crl.last_update_utc == 365 * DAY
    assert len(crl) == 1


# --- below a company's root


class Company:
    """A root and a CA below it, which sign what they are told."""

    def __init__(self) -> None:
        self.root_key, self.key = (
            rsa.generate_private_key(public_exponent=65537, key_size=2048) for _each in "12"
        )
        root, policy = named("Company root"), named("Company policy CA")
        self.root = self.signed(root, self.root_key.public_key(), issuer=root, key=self.root_key)
        self.policy = self.signed(policy, self.key.public_key(), issuer=root, key=self.root_key)

    def signed(
        self, subject: x509.Name, public_key: Any, *, issuer: x509.Name, key: Any, days: int = 3650,
        length: int | None = None, ca: bool = True, crl_sign: bool = True,
    ) -> x509.Certificate:  # fmt: skip
        extensions = [
            constraints(ca=ca, path_length=length),
            usage("key_cert_sign", *["crl_sign"] * crl_sign),
            key_id(public_key),
            issuer_id(key.public_key()),
        ]
        return certificates.issued(subject, public_key, (issuer, key), until=days, extensions=extensions)

    def answer(self, request: x509.CertificateSigningRequest, **changes: Any) -> x509.Certificate:
        values = {"subject": request.subject, "public_key": request.public_key(), "key": self.key} | changes
        return self.signed(
            values.pop("subject"), values.pop("public_key"), issuer=self.policy.subject, **values
        )


@pytest.fixture(scope="module")
def company() -> Company:
    return Company()


@pytest.fixture
def request_of_ca(ca: EmbeddedConnector, tmp_path: Path) -> Iterator[x509.CertificateSigningRequest]:
    command("roll_issuing_ca", "--csr", tmp_path / "ca.csr")
    return x509.load_pem_x509_csr((tmp_path / "ca.csr").read_bytes())


def take_in(folder: Path, *certificates: x509.Certificate) -> str:
    (folder / "chain.pem").write_bytes(b"".join(each.public_bytes(Encoding.PEM) for each in certificates))
    return command("roll_issuing_ca", "--chain", folder / "chain.pem")


def test_a_request_asks_for_a_ca(ca, request_of_ca, tmp_path):
    assert request_of_ca.is_signature_valid
    assert request_of_ca.subject.rfc4514_string() == "CN=corporate issuing CA G2,O=Example Corporation"
    constraints = request_of_ca.extensions.get_extension_for_class(x509.BasicConstraints)
    assert (constraints.value.ca, constraints.value.path_length, constraints.critical) == (True, 0, True)
    command("roll_issuing_ca", "--csr", tmp_path / "again.csr")
    again = x509.load_pem_x509_csr((tmp_path / "again.csr").read_bytes())
    assert again.public_key() == request_of_ca.public_key()
    assert len(ca.chain()) == 2  # nothing has changed yet


def test_what_the_company_signed_issues(ca, ordered, company, request_of_ca, tmp_path):
    old = issued(ca, ordered())
    own = company.answer(request_of_ca, length=0)
    assert "issues from now on" in take_in(tmp_path, company.root, own, company.policy)  # in any order
    answer = issued(ca, ordered())
    assert [loaded(each) for each in answer.chain] == [own, company.policy]
    chain = [loaded(each) for each in ca.chain()]
    assert (chain[0], chain[-1]) == (own, company.root)
    assert told(ca, answer)[0] == told(ca, old)[0] == ocsp.OCSPCertStatus.GOOD
    ca.revoke(answer.certificate, RevocationReason.SUPERSEDED)
    assert serials(ca, "corporate-g2.crl") == {loaded(answer.certificate).serial_number}
    assert ca.published("corporate-g2.crt")[1] == answer.chain[0]


def test_a_chain_may_go_on_to_the_companys_old_root(ca, ordered, company, request_of_ca, tmp_path):
    """RFC 9810 4.4: the old key has certified the new one, for clients that know the old root alone."""
    old_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = company.root.subject
    old = company.signed(name, old_key.public_key(), issuer=name, key=old_key, length=1)
    rollover = company.signed(name, company.root_key.public_key(), issuer=name, key=old_key)
    own = company.answer(request_of_ca)
    with pytest.raises(CommandError, match="CN=Company root allows no CA below it"):
        take_in(tmp_path, own, company.policy, rollover, old)
    old = company.signed(name, old_key.public_key(), issuer=name, key=old_key, length=2)
    take_in(tmp_path, own, company.policy, rollover, old)
    found = chains.for_container(issued(ca, ordered()), ca.chain())
    assert [loaded(each) for each in found.path] == [own, company.policy, rollover]
    assert loaded(ca.chain()[-1]) == old


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"ca": False}, "may not sign certificates and CRLs"),
        ({"crl_sign": False}, "may not sign certificates and CRLs"),
        ({"days": 20}, "it ends on"),
        ({"subject": "former"}, "there is a CA of the name"),
        ({"key": "other"}, "has not signed"),
        ({"public_key": "other"}, "no certificate for the key"),
    ],
    ids=str,
)
def test_what_cannot_be_the_next_issuing_ca(ca, company, request_of_ca, tmp_path, changes, sentence):
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    meant = {"key": other, "public_key": other.public_key(), "subject": loaded(ca.chain()[0]).subject}
    changes = {name: meant.get(name) if isinstance(each, str) else each for name, each in changes.items()}
    before = sorted(path.name for path in Path(ca.options.directory).iterdir())
    with pytest.raises(CommandError, match=sentence):
        take_in(tmp_path, company.answer(request_of_ca, **changes), company.policy, company.root)
    assert sorted(path.name for path in Path(ca.options.directory).iterdir()) == before


def test_chains_that_do_not_do(ca, company, request_of_ca, tmp_path):
    own = company.answer(request_of_ca)
    with pytest.raises(CommandError, match=r"not whole\. CN=Company root is missing"):
        take_in(tmp_path, own, company.policy)
    barren = company.signed(
        company.policy.subject,
        company.key.public_key(),
        issuer=company.root.subject,
        key=company.root_key,
        length=0,
    )
    with pytest.raises(CommandError, match="allows no CA below it"):
        take_in(tmp_path, own, barren, company.root)
    (tmp_path / "chain.pem").write_bytes(b"garbage")
    with pytest.raises(CommandError, match="no certificates in PEM"):
        command("roll_issuing_ca", "--chain", tmp_path / "chain.pem")
    with pytest.raises(CommandError, match="No such file"):
        command("roll_issuing_ca", "--chain", tmp_path / "none.pem")


def test_what_no_client_trusts_is_not_taken_in(ca, company, request_of_ca, tmp_path):
    own = company.answer(request_of_ca)
    sha1 = loaded(company.policy.public_bytes(Encoding.DER).replace(RSA_SHA256, RSA_SHA1))
    with pytest.raises(CommandError, match="CN=Company policy CA is signed over SHA1"):
        take_in(tmp_path, own, sha1, company.root)
    md2 = loaded(company.policy.public_bytes(Encoding.DER).replace(RSA_SHA256, RSA_MD2))
    with pytest.raises(CommandError, match="cannot be the next issuing CA"):
        take_in(tmp_path, own, md2, company.root)
    weak = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505 - to be refused
    root = company.signed(company.root.subject, weak.public_key(), issuer=company.root.subject, key=weak)
    policy = company.signed(company.policy.subject, company.key.public_key(), issuer=root.subject, key=weak)
    with pytest.raises(CommandError, match="CN=Company root has an RSA key of 1024 bits"):
        take_in(tmp_path, own, policy, root)


def test_without_a_request_nothing_is_taken_in(ca, tmp_path, company):
    with pytest.raises(CommandError, match="No request for an issuing CA"):
        take_in(tmp_path, company.policy)


# --- a root whose key is elsewhere


def test_the_roots_key_is_taken_away(ca, ordered, tmp_path):
    safe, here = tmp_path / "safe.key", Path(ca.options.directory) / "root.key"
    pem = here.read_bytes()
    said = command("sign_root_crl", "--take-away", safe)
    assert "no longer here" in said
    assert not here.exists()
    assert safe.read_bytes() == pem
    assert safe.stat().st_mode & 0o777 == 0o600
    crl = x509.load_der_x509_crl(ca.published("corporate-root.crl")[1])
    assert crl.next_update_utc - crl.last_update_utc == 365 * DAY
    issued(ca, ordered())
    assert ca.health().ok


def test_without_the_roots_key_all_else_is_renewed(ca, tmp_path):
    command("sign_root_crl", "--take-away", tmp_path / "safe.key")
    number = Crl.objects.get(issuer="root").number
    with time_machine.travel(timezone.now() + 2 * DAY):
        assert ca.renew_crl_if_due() is True
        assert ca.renew_crl_if_due() is False
        assert ca.health().ok
    assert Crl.objects.get(issuer="root").number == number


def test_it_is_said_when_the_root_has_to_sign_again(ca, tmp_path):
    safe = tmp_path / "safe.key"
    command("sign_root_crl", "--take-away", safe)
    assert ca.due_maintenance() == []
    with time_machine.travel(timezone.now() + 340 * DAY):
        (sentence,) = map(maintenance_needs.in_words, ca.due_maintenance())
        assert sentence.endswith("the root's key is not here: manage.py sign_root_crl.")
        command("sign_root_crl", "--root-key", safe, "--days", "100")
        assert ca.due_maintenance() == []
        assert not (Path(ca.options.directory) / "root.key").exists()
    with time_machine.travel(timezone.now() + 341 * DAY + 100 * DAY):
        assert "The CRL corporate-root ended" in ca.health().detail


def test_to_roll_the_roots_key_is_named(ca, ordered, tmp_path):
    safe = tmp_path / "safe.key"
    command("sign_root_crl", "--take-away", safe)
    with pytest.raises(CommandError, match="root's key is not here"):
        command("roll_issuing_ca")
    with pytest.raises(CommandError, match="do not match"):
        command("roll_issuing_ca", "--root-key", Path(ca.options.directory) / "issuing.key")
    command("roll_issuing_ca", "--root-key", safe)
    assert "G2" in loaded(issued(ca, ordered()).certificate).issuer.rfc4514_string()


def test_a_memory_stick_has_no_hard_links(ca, tmp_path, monkeypatch):
    def refuse(_source: Path, _target: Path) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(key_store.os, "link", refuse)
    safe, pem = tmp_path / "safe.key", (Path(ca.options.directory) / "root.key").read_bytes()
    command("sign_root_crl", "--take-away", safe)
    assert safe.read_bytes() == pem
    assert [path.name for path in tmp_path.glob(".*")] == []
    with pytest.raises(CaError, match="cannot be written"):
        key_store.write(safe, b"another")
    assert safe.read_bytes() == pem


def test_a_key_is_never_overwritten_nor_lost(ca, tmp_path):
    (tmp_path / "taken").write_text("something else", encoding="utf-8")
    with pytest.raises(CommandError, match="cannot be written"):
        command("sign_root_crl", "--take-away", tmp_path / "taken")
    with pytest.raises(CommandError, match="cannot be written"):
        command("sign_root_crl", "--take-away", tmp_path / "nowhere" / "safe.key")
    assert (tmp_path / "taken").read_text(encoding="utf-8") == "something else"
    assert ca._authority.keys.holds("root")


@pytest.mark.parametrize("days", ["0", "366"])
def test_a_root_crl_holds_for_a_year_at_most(ca, tmp_path, days):
    with pytest.raises(CommandError, match="1 to 365"):
        command("sign_root_crl", "--take-away", tmp_path / "safe.key", "--days", days)


def test_which_ca_is_meant(ca, settings, ca_options):
    with pytest.raises(CommandError, match="no such embedded CA"):
        command("roll_issuing_ca", "--ca", "other")
    settings.CA_CONNECTORS = {
        **settings.CA_CONNECTORS,
        "second": settings.CA_CONNECTORS["corporate"] | {"OPTIONS": ca_options},
    }
    with pytest.raises(CommandError, match="Name one of them with --ca: corporate, second"):
        command("roll_issuing_ca")
