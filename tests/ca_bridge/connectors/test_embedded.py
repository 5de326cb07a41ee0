"""The embedded CA: its directory, its certificates, its CRLs as the openssl program sees them."""

import shutil
import stat
import subprocess
from dataclasses import replace
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import time_machine
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from django.core.management import CommandError, call_command
from django.utils import timezone
from pkilint import loader, pkix
from pkilint.pkix import crl, extension
from pkilint.pkix import name as pkix_name

from ca_bridge.connectors.embedded import authority, crls
from ca_bridge.connectors.embedded.connector import EmbeddedConnector
from ca_bridge.connectors.embedded.models import Crl, IssuedCertificate
from ca_bridge.connectors.embedded.options import EmbeddedOptions
from ca_bridge.contract import Issued, KeyAlgorithm, Refused, RevocationOutcome, RevocationReason
from ca_bridge.errors import CaError
from ca_bridge.keys import keys
from ca_bridge.x509 import lint
from tests.ca_bridge import scripted

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.database,
    pytest.mark.long,
    pytest.mark.nightly_on_postgresql,
]

Reason = RevocationReason


def load(answer: Any) -> x509.Certificate:
    assert isinstance(answer, Issued), answer
    return x509.load_der_x509_certificate(answer.certificate)


def crl_of(connector: EmbeddedConnector, name: str = "corporate.crl") -> x509.CertificateRevocationList:
    published = connector.published(name)
    assert published is not None
    return x509.load_der_x509_crl(published[1])


def value(extensions: x509.Extensions, kind: type[Any]) -> Any:
    return extensions.get_extension_for_class(kind).value


# --- the directory


def test_keys_are_encrypted_and_private(ca_options):
    directory = Path(ca_options["directory"])
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    files = sorted(path for path in directory.iterdir() if path.is_file())
    assert [path.name for path in files] == ["issuing.crt", "issuing.key", "root.crt", "root.key"]
    for path in files:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    for name in ("root.key", "issuing.key"):
        pem = (directory / name).read_bytes()
        assert pem.startswith(b"-----BEGIN ENCRYPTED PRIVATE KEY-----")
        # One of 256 wrong passwords leaves a padding that is right, and then no key.
        with pytest.raises(ValueError, match=r"Incorrect password|Could not deserialize"):
            serialization.load_pem_private_key(pem, b"another passphrase")


def test_initialise_leaves_what_exists(embedded_ca, ca_options):
    def files() -> dict[str, bytes]:
        paths = Path(ca_options["directory"]).rglob("*")
        return {str(path): path.read_bytes() for path in paths if path.is_file()}

    before = files()
    assert embedded_ca.initialise() is False
    assert before.items() <= files().items()
    assert [path.name for path in Path(ca_options["directory"]).parent.iterdir() if path.is_dir()] == [
        "corporate"
    ]


def test_the_command_makes_the_ca_once(settings, tmp_path, ca_options):
    options = ca_options | {"directory": str(tmp_path / "ca" / "new"), "name": "new"}
    settings.CA_CONNECTORS = {
        "fresh": {
            "CONNECTOR": "ca_bridge.connectors.embedded.connector.EmbeddedConnector",
            "OPTIONS": options,
        }
    }
    said = StringIO()
    call_command("init_embedded_ca", stdout=said)
    call_command("init_embedded_ca", stdout=said)
    first, second = said.getvalue().splitlines()
    assert first.startswith("CA fresh: made, CN=new issuing CA,O=Example Corporation, until ")
    assert second.startswith("CA fresh: exists, ")
    assert Crl.objects.filter(ca="new").count() == 2


def test_a_second_host_makes_no_ca_of_the_same_name(settings, tmp_path, ca_options):
    """Two hosts, one database: the folder is copied to the second one, which then has the same CA."""
    first, second = tmp_path / "host-1" / "new", tmp_path / "host-2" / "new"

    def on(directory):
        options = ca_options | {"directory": str(directory), "name": "new"}
        settings.CA_CONNECTORS = {
            "fresh": {
                "CONNECTOR": "ca_bridge.connectors.embedded.connector.EmbeddedConnector",
                "OPTIONS": options,
            }
        }

    on(first)
    call_command("init_embedded_ca")
    on(second)
    with pytest.raises(CommandError, match=f"Copy {second} from the host that has it"):
        call_command("init_embedded_ca")
    assert not second.parent.exists()

    shutil.copytree(first, second)
    said = StringIO()
    call_command("init_embedded_ca", stdout=said)
    assert said.getvalue().startswith("CA fresh: exists, ")


def test_a_ca_whose_register_is_left_alone_is_not_made_anew(settings, tmp_path, ca_options, ordered):
    connector = EmbeddedConnector(EmbeddedOptions(**ca_options))
    assert isinstance(connector.issue(ordered()), Issued)
    Crl.objects.all().delete()
    elsewhere = EmbeddedConnector(EmbeddedOptions(**ca_options | {"directory": str(tmp_path / "elsewhere")}))
    with pytest.raises(CaError, match="knows this certificate authority already"):
        elsewhere.initialise()


@pytest.mark.parametrize(
    ("content", "sentence"), [(None, "passphrase of the CA new cannot be read"), ("short", "shorter than 16")]
)
def test_the_command_says_what_is_wrong(settings, tmp_path, ca_options, content, sentence):
    if content is not None:
        (tmp_path / "passphrase").write_text(content, encoding="utf-8")
    options = ca_options | {
        "directory": str(tmp_path / "new"),
        "name": "new",
        "passphrase_file": str(tmp_path / "passphrase"),
    }
    settings.CA_CONNECTORS = {
        "broken": {
            "CONNECTOR": "ca_bridge.connectors.embedded.connector.EmbeddedConnector",
            "OPTIONS": options,
        }
    }
    with pytest.raises(CommandError, match=sentence):
        call_command("init_embedded_ca")
    assert not (tmp_path / "new").exists()


def test_a_ca_that_is_not_there_is_a_fault_that_passes(tmp_path, ca_options, ordered):
    connector = EmbeddedConnector(EmbeddedOptions(**ca_options | {"directory": str(tmp_path / "none")}))
    assert connector.health().ok is False
    with pytest.raises(CaError, match="not been set up yet") as caught:
        connector.issue(ordered())
    assert not caught.value.permanent


def test_the_wrong_passphrase_is_a_fault_that_passes_and_stays_untold(tmp_path, ca_options, ordered):
    (tmp_path / "passphrase").write_text("quite another passphrase", encoding="utf-8")
    options = ca_options | {"passphrase_file": str(tmp_path / "passphrase")}
    with pytest.raises(CaError, match="cannot open its key") as caught:
        EmbeddedConnector(EmbeddedOptions(**options)).issue(ordered())
    assert not caught.value.permanent
    assert "quite another" not in f"{caught.value!r} {caught.value.detail}"


@pytest.mark.parametrize(
    ("option", "bad"),
    [
        ("name", "Corporate CA"),
        ("name", "../x"),
        ("name", ""),
        ("directory", "relative/path"),
        ("publication_url", "ftp://example.com/pki"),
        ("publication_url", "http://example.com/pki/"),
        ("organisation", " "),
        ("organisation", "x" * 65),
        ("ocsp", "yes"),
        ("hsm_token", "alone"),
    ],
)
def test_options_are_validated(ca_options, option, bad):
    with pytest.raises(ValueError, match=option):
        EmbeddedOptions(**ca_options | {option: bad})


# --- certificates


def test_extensions_of_a_certificate(embedded_ca, ordered):
    certificate = load(embedded_ca.issue(ordered()))
    extensions = certificate.extensions
    issuing = x509.load_der_x509_certificate(embedded_ca.chain()[0])

    assert value(extensions, x509.AuthorityKeyIdentifier).key_identifier == (
        value(issuing.extensions, x509.SubjectKeyIdentifier).digest
    )
    assert value(extensions, x509.SubjectKeyIdentifier).digest
    access = value(extensions, x509.AuthorityInformationAccess)
    assert {each.access_method._name: each.access_location.value for each in access} == {
        "OCSP": "http://pki.example.com/pki/ocsp",
        "caIssuers": "http://pki.example.com/pki/corporate.crt",
    }
    (point,) = value(extensions, x509.CRLDistributionPoints)
    assert [name.value for name in point.full_name] == ["http://pki.example.com/pki/corporate.crl"]
    assert {extension.oid.dotted_string for extension in extensions if extension.critical} == {
        "2.5.29.15",  # keyUsage
        "2.5.29.19",  # basicConstraints
    }
    assert value(extensions, x509.BasicConstraints).ca is False


def test_upn_and_sid_are_encoded_as_windows_reads_them(embedded_ca, ordered, content):
    """Encoding of the SID extension: [MS-WCCE] 2.2.2.7.7.4, compared octet by octet with a known one."""
    extensions = load(embedded_ca.issue(ordered())).extensions
    names = value(extensions, x509.SubjectAlternativeName)
    (upn,) = names.get_values_for_type(x509.OtherName)
    assert upn.type_id.dotted_string == "1.3.6.1.4.1.311.20.2.3"
    assert upn.value == b"\x0c\x19jmueller@corp.example.com"
    (sid,) = [each for each in extensions if each.oid.dotted_string == "1.3.6.1.4.1.311.25.2"]
    text = content.sid.encode()
    head = bytes.fromhex("060a2b060104018237190201")
    inner = head + bytes([0xA0, len(text) + 2, 0x04, len(text)]) + text
    assert sid.value.value == bytes([0x30, len(inner) + 2, 0xA0, len(inner)]) + inner


def test_validity_begins_early_and_ends_as_ordered(embedded_ca, ordered):
    before = timezone.now().replace(microsecond=0)
    order = ordered()
    certificate = load(embedded_ca.issue(order))
    assert before - timedelta(minutes=5) <= certificate.not_valid_before_utc <= before - timedelta(minutes=4)
    assert certificate.not_valid_after_utc == order.not_after


def test_what_is_issued_days_after_it_was_ordered_begins_when_it_is_issued(embedded_ca, ordered):
    now = timezone.now()
    certificate = load(embedded_ca.issue(ordered(not_before=now - timedelta(days=3))))
    assert certificate.not_valid_before_utc >= now - timedelta(minutes=6)


def test_validity_never_ends_after_the_ca(embedded_ca, ordered):
    ca = x509.load_der_x509_certificate(embedded_ca.chain()[0])
    certificate = load(embedded_ca.issue(ordered(not_after=timezone.now() + timedelta(days=9999))))
    assert certificate.not_valid_after_utc == ca.not_valid_after_utc


def test_another_request_under_the_same_id_is_refused(embedded_ca, ordered):
    load(embedded_ca.issue(ordered(idempotency_key="17")))
    answer = embedded_ca.issue(ordered(idempotency_key="17"))
    assert isinstance(answer, Refused)
    assert IssuedCertificate.objects.count() == 1


def test_a_key_gets_one_certificate(embedded_ca, ordered, key):
    load(embedded_ca.issue(ordered(key=key)))
    assert isinstance(embedded_ca.issue(ordered(key=key)), Refused)
    assert IssuedCertificate.objects.count() == 1


def test_several_orders_are_one_transaction_and_as_good_as_alone(
    embedded_ca, ordered, django_assert_num_queries
):
    orders = [ordered(idempotency_key=str(number)) for number in range(3)]
    embedded_ca.health()  # reads its directory
    with django_assert_num_queries(3):  # begin, insert, commit, whatever the number
        together = embedded_ca.issue_many(orders)
    assert IssuedCertificate.objects.count() == 3
    for order, answer in zip(orders, together, strict=True):
        found = load(answer)
        assert found.public_key() == x509.load_der_x509_csr(order.csr).public_key()
        assert embedded_ca.find(order) == embedded_ca.issue(order) == answer
        assert embedded_ca.list_issued(timezone.now(), "").serials.count(found.serial_number) == 1


@pytest.mark.parametrize("fault", ["asked for before", "key known", "refused"])
def test_of_several_orders_all_are_issued_or_none(embedded_ca, ordered, key, fault):
    embedded_ca.issue(ordered(key=key, idempotency_key="known"))
    bad = {
        "asked for before": lambda: ordered(idempotency_key="known"),
        "key known": lambda: ordered(key=key, idempotency_key="new"),
        "refused": lambda: replace(ordered(idempotency_key="bad"), csr=b"nothing"),
    }[fault]()
    good = ordered(idempotency_key="good")
    with pytest.raises(CaError) as refused:
        embedded_ca.issue_many([good, bad])
    assert refused.value.permanent, "metrics call it refused: a CA that answers has no fault"
    assert IssuedCertificate.objects.count() == 1
    assert embedded_ca.find(good) is None
    load(embedded_ca.issue(good))


def test_the_end_in_the_past_is_refused(embedded_ca, ordered):
    order = ordered(
        not_before=timezone.now() - timedelta(days=9), not_after=timezone.now() - timedelta(days=1)
    )
    assert isinstance(embedded_ca.issue(order), Refused)


def test_no_draft_is_shown_of_what_would_be_refused(embedded_ca, ordered):
    now = timezone.now()
    order = ordered(not_before=now - timedelta(days=2), not_after=now - timedelta(days=1))
    with pytest.raises(CaError, match="would have ended already") as fault:
        embedded_ca.draft(order)
    assert fault.value.permanent


def test_requests_that_are_none(embedded_ca, ordered):
    tampered = bytearray(ordered().csr)
    tampered[-1] ^= 1
    for csr in (b"", b"garbage", bytes(tampered)):
        assert isinstance(embedded_ca.issue(ordered(csr=csr)), Refused)


def test_weak_keys_are_refused(embedded_ca, ordered, content):
    weak = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505 - the weak key under test
    assert isinstance(embedded_ca.issue(ordered(key=weak)), Refused)


def test_extensions_that_nobody_may_ask_for_are_left_out(embedded_ca, ordered, key):
    """A request cannot make its own CA, or point to another CRL."""
    request = (
        x509.CertificateSigningRequestBuilder(
            x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Eve")])
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.IssuerAlternativeName([x509.RFC822Name("eve@example.com")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    certificate = load(embedded_ca.issue(ordered(csr=request.public_bytes(Encoding.DER))))
    assert value(certificate.extensions, x509.BasicConstraints).ca is False
    with pytest.raises(x509.ExtensionNotFound):
        value(certificate.extensions, x509.IssuerAlternativeName)


# --- CRLs


def test_crl_holds_what_is_revoked_and_why(embedded_ca, ordered):
    revoked = {reason: embedded_ca.issue(ordered()).certificate for reason in Reason}
    embedded_ca.issue(ordered())
    for reason, certificate in revoked.items():
        embedded_ca.revoke(certificate, reason)

    found = {entry.serial_number: entry for entry in crl_of(embedded_ca)}
    assert set(found) == {x509.load_der_x509_certificate(der).serial_number for der in revoked.values()}
    for reason, certificate in revoked.items():
        entry = found[x509.load_der_x509_certificate(certificate).serial_number]
        if reason is Reason.UNSPECIFIED:
            assert not list(entry.extensions)
        else:
            assert value(entry.extensions, x509.CRLReason).reason.value == reason.value


def test_a_crl_is_not_from_the_future_for_a_clock_that_is_minutes_behind(embedded_ca):
    """Each revocation signs one, and whoever cannot use it lets nobody in (RFC 5280 5.1.2.4)."""
    embedded_ca.renew_crl_if_due()
    minutes_behind = timezone.now() - timedelta(minutes=9)
    assert crl_of(embedded_ca).last_update_utc < minutes_behind


def test_form_of_the_crls(embedded_ca):
    issuing, root = (x509.load_der_x509_certificate(der) for der in embedded_ca.chain())
    for file_name, issuer in (("corporate.crl", issuing), ("corporate-root.crl", root)):
        present = crl_of(embedded_ca, file_name)
        assert present.is_signature_valid(issuer.public_key())
        assert present.issuer == issuer.subject
        assert present.next_update_utc - present.last_update_utc == timedelta(days=7)
        assert value(present.extensions, x509.CRLNumber).crl_number > 0
        assert value(present.extensions, x509.AuthorityKeyIdentifier).key_identifier == (
            value(issuer.extensions, x509.SubjectKeyIdentifier).digest
        )
        assert crl_findings(present.public_bytes(Encoding.DER)) == []


def crl_findings(der: bytes) -> list[str]:
    linter = crl.create_pkix_crl_validator_container(
        [
            pkix.create_attribute_decoder(pkix_name.ATTRIBUTE_TYPE_MAPPINGS),
            pkix.create_extension_decoder(extension.EXTENSION_MAPPINGS),
        ],
        [
            crl.create_issuer_validator_container([]),
            crl.create_validity_validator_container([]),
            crl.create_extensions_validator_container([]),
        ],
    )
    results = linter.validate(loader.load_der_crl(der, "crl").root)
    return [str(found) for result in results for found in result.finding_descriptions]


def test_the_crl_number_strictly_grows(embedded_ca, ordered):
    numbers = []
    for _each in range(4):
        embedded_ca.revoke(embedded_ca.issue(ordered()).certificate, Reason.SUPERSEDED)
        numbers.append(value(crl_of(embedded_ca).extensions, x509.CRLNumber).crl_number)
    assert numbers == sorted(set(numbers))


def test_a_crl_that_was_lost_does_not_take_its_number_back(embedded_ca, ordered):
    """A database from yesterday's backup: the clock keeps the numbers growing (RFC 5280 5.2.3)."""
    number = value(crl_of(embedded_ca).extensions, x509.CRLNumber).crl_number
    Crl.objects.all().delete()
    assert value(crl_of(embedded_ca).extensions, x509.CRLNumber).crl_number >= number


def test_a_hold_becomes_a_revocation_and_never_again_a_hold(embedded_ca, ordered):
    certificate = embedded_ca.issue(ordered()).certificate
    assert embedded_ca.revoke(certificate, Reason.CERTIFICATE_HOLD) == RevocationOutcome.REVOKED
    assert embedded_ca.revoke(certificate, Reason.KEY_COMPROMISE) == RevocationOutcome.REVOKED
    assert embedded_ca.revoke(certificate, Reason.CERTIFICATE_HOLD) == RevocationOutcome.ALREADY_REVOKED
    assert embedded_ca.revoke(certificate, Reason.SUPERSEDED) == RevocationOutcome.ALREADY_REVOKED
    assert embedded_ca.release(certificate) is False
    (entry,) = crl_of(embedded_ca)
    assert value(entry.extensions, x509.CRLReason).reason == x509.ReasonFlags.key_compromise


def test_a_released_certificate_leaves_the_crl(embedded_ca, ordered):
    certificate = embedded_ca.issue(ordered()).certificate
    embedded_ca.revoke(certificate, Reason.CERTIFICATE_HOLD)
    assert len(crl_of(embedded_ca)) == 1
    embedded_ca.release(certificate)
    assert len(crl_of(embedded_ca)) == 0


def test_what_has_ended_leaves_the_crl_one_crl_later(embedded_ca, ordered):
    certificate = embedded_ca.issue(ordered()).certificate
    embedded_ca.revoke(certificate, Reason.SUPERSEDED)
    for days, entries in ((6, 1), (8, 0)):
        IssuedCertificate.objects.update(not_after=timezone.now() - timedelta(days=days))
        embedded_ca.revoke(certificate, Reason.SUPERSEDED)
        assert len(crl_of(embedded_ca)) == entries


def test_what_has_ended_stays_on_the_crl_after_a_long_time_without_one(embedded_ca, ordered):
    """RFC 5280 3.3: it appears once on a CRL that was issued after its end; the last one was before."""
    certificate = embedded_ca.issue(ordered()).certificate
    embedded_ca.revoke(certificate, Reason.KEY_COMPROMISE)
    end = timezone.now() + timedelta(days=2)
    IssuedCertificate.objects.update(not_after=end)
    with time_machine.travel(end + timedelta(days=100)):
        for entries in (1, 0):
            embedded_ca.revoke(certificate, Reason.KEY_COMPROMISE)
            assert len(crl_of(embedded_ca)) == entries


def test_certificates_of_others_are_not_revoked(embedded_ca, ordered):
    foreign = embedded_ca.draft(ordered())
    for certificate in (foreign, b"garbage", embedded_ca.chain()[0]):
        with pytest.raises(CaError) as caught:
            embedded_ca.revoke(certificate, Reason.SUPERSEDED)
        assert caught.value.permanent


def test_nor_are_those_that_another_ca_gave_the_same_number(embedded_ca, ordered):
    """RFC 5280 4.1.2.2: a serial number is unique for its issuer alone."""
    order = ordered()
    answer = embedded_ca.issue(order)
    foreign = scripted.sign(order, scripted.Issuance(serial=load(answer).serial_number))
    with pytest.raises(CaError):
        embedded_ca.revoke(foreign, Reason.SUPERSEDED)
    embedded_ca.forget(foreign)
    assert len(crl_of(embedded_ca)) == 0
    assert embedded_ca.find(order) == answer


def test_crls_are_renewed_daily(embedded_ca):
    assert embedded_ca.renew_crl_if_due() is True
    assert embedded_ca.renew_crl_if_due() is False
    Crl.objects.update(this_update=timezone.now() - timedelta(hours=23))
    assert embedded_ca.renew_crl_if_due() is False
    Crl.objects.update(this_update=timezone.now() - timedelta(hours=25))
    assert embedded_ca.renew_crl_if_due() is True
    root = crls.present("corporate", authority.ROOT)
    assert root is not None
    assert not crls.is_due(root)


def test_health_says_that_the_crl_has_ended(embedded_ca):
    embedded_ca.renew_crl_if_due()
    Crl.objects.update(next_update=timezone.now() - timedelta(seconds=1))
    health = embedded_ca.health()
    assert not health.ok
    assert "CRL" in health.detail


# --- what the openssl program says


@pytest.mark.needs_program("openssl")
def test_openssl_verifies_and_sees_the_revocation(embedded_ca, ordered, content, tmp_path):
    rsa_content = replace(content, key_usage=("digitalSignature", "keyEncipherment"))
    certificates = {
        "good": embedded_ca.issue(ordered()).certificate,
        "revoked": embedded_ca.issue(
            ordered(key=keys.generate(KeyAlgorithm.RSA_3072), content=rsa_content)
        ).certificate,
    }
    embedded_ca.revoke(certificates["revoked"], Reason.KEY_COMPROMISE)
    _write_pems(embedded_ca, tmp_path)
    for name, der in certificates.items():
        pem = x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM)
        (tmp_path / f"{name}.pem").write_bytes(pem)

    good, revoked = (_openssl_verify(tmp_path, name) for name in certificates)
    assert good.returncode == 0, good.stderr
    assert revoked.returncode != 0
    assert "certificate revoked" in revoked.stderr


def _write_pems(connector: EmbeddedConnector, directory: Path) -> None:
    for name in ("corporate.pem", "corporate-root.pem"):
        published = connector.published(name)
        assert published is not None
        (directory / name).write_bytes(published[1])
    crls_pem = b"".join(
        crl_of(connector, name).public_bytes(Encoding.PEM) for name in ("corporate.crl", "corporate-root.crl")
    )
    (directory / "crls.pem").write_bytes(crls_pem)


def _openssl_verify(directory: Path, name: str) -> subprocess.CompletedProcess[str]:
    command = ["openssl", "verify", "-x509_strict", "-crl_check_all", "-purpose", "sslclient"]
    command += ["-CAfile", "corporate-root.pem", "-untrusted", "corporate.pem", "-CRLfile", "crls.pem"]
    return subprocess.run(
        [*command, f"{name}.pem"], cwd=directory, capture_output=True, text=True, check=False
    )


def test_its_own_certificates_are_clean(embedded_ca):
    for der in embedded_ca.chain():
        assert [str(finding) for finding in lint.findings(der) if finding.severity != "INFO"] == []
