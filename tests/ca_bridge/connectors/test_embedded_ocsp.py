"""OCSP of the embedded CA: what it answers, and what the programs that verify certificates make of it."""

import asyncio
import base64
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from http.server import HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import time_machine
from asn1crypto import core as asn1_core
from asn1crypto import ocsp as asn1_ocsp
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.ocsp import OCSPCertStatus, OCSPResponseStatus
from django.test import Client
from django.utils import timezone
from pyhanko_certvalidator import CertificateValidator, ValidationContext
from pyhanko_certvalidator.errors import PathValidationError, RevokedError

from ca_bridge.connectors.embedded import authority, responder
from ca_bridge.connectors.embedded.connector import EmbeddedConnector
from ca_bridge.connectors.embedded.models import OcspSigner
from ca_bridge.connectors.embedded.options import EmbeddedOptions
from ca_bridge.contract import RevocationReason
from ca_bridge.publication import views as publication
from ca_bridge.x509 import lint
from tests.tools.http_server import Handler

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.database,
    pytest.mark.long,
    pytest.mark.nightly_on_postgresql,
]

MEDIA_TYPE = "application/ocsp-request"
HERE = Path(__file__).parent


@pytest.fixture
def client() -> Client:
    """A stranger's program, without a session; a POST of a page would be refused for want of a token."""
    return Client(enforce_csrf_checks=True)


@pytest.fixture(autouse=True)
def new_process(configured_ca: EmbeddedConnector) -> None:
    """What this process remembers of signers and answers lies in no database that is rolled back."""
    configured_ca._seen = None


@pytest.fixture
def issued(embedded_ca: EmbeddedConnector, ordered: Callable[..., Any]) -> x509.Certificate:
    return x509.load_der_x509_certificate(embedded_ca.issue(ordered()).certificate)


def issuing(connector: EmbeddedConnector) -> x509.Certificate:
    return x509.load_der_x509_certificate(connector.chain()[0])


def asking(
    certificate: x509.Certificate,
    issuer: x509.Certificate,
    *extensions: x509.ExtensionType,
    algorithm: hashes.HashAlgorithm | None = None,
    critical: bool = False,
) -> bytes:
    """A request for one certificate."""
    builder = ocsp.OCSPRequestBuilder().add_certificate(certificate, issuer, algorithm or hashes.SHA1())  # noqa: S303 what clients send (RFC 5019 2.1.1)
    for extension in extensions:
        builder = builder.add_extension(extension, critical=critical)
    return builder.build().public_bytes(Encoding.DER)


def post(client: Client, request: bytes) -> ocsp.OCSPResponse:
    response = client.post("/pki/ocsp", request, content_type=MEDIA_TYPE)
    assert response.status_code == 200
    assert response["Content-Type"] == "application/ocsp-response"
    assert not response.cookies
    return ocsp.load_der_ocsp_response(response.content)


def refused(client: Client, request: bytes) -> OCSPResponseStatus:
    return post(client, request).response_status


@pytest.fixture
def ask(client: Client, embedded_ca: EmbeddedConnector) -> Callable[[x509.Certificate], ocsp.OCSPResponse]:
    return lambda certificate: post(client, asking(certificate, issuing(embedded_ca)))


# --- what is answered


def test_what_is_valid_is_good_for_a_day(ask, issued):
    answer = ask(issued)
    assert answer.certificate_status == OCSPCertStatus.GOOD
    assert answer.serial_number == issued.serial_number
    assert answer.next_update_utc - answer.this_update_utc == timedelta(days=1)
    assert answer.revocation_time_utc is None


def test_an_answer_is_not_from_the_future_for_a_clock_that_is_minutes_behind(embedded_ca, ask, issued):
    """As openssl takes one for "status not yet valid", five minutes ahead (RFC 6960 4.2.2.1)."""
    minutes_behind = timezone.now() - timedelta(minutes=9)
    assert ask(issued).this_update_utc < minutes_behind
    embedded_ca.revoke(der_of(issued), RevocationReason.SUPERSEDED)
    assert ask(issued).this_update_utc < minutes_behind


def der_of(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)


@pytest.mark.parametrize("reason", RevocationReason)
def test_a_revocation_is_told_at_once_with_its_reason(embedded_ca, ask, issued, reason):
    assert ask(issued).certificate_status == OCSPCertStatus.GOOD
    embedded_ca.revoke(der_of(issued), reason)
    answer = ask(issued)
    assert answer.certificate_status == OCSPCertStatus.REVOKED
    told = answer.revocation_reason.value if answer.revocation_reason else RevocationReason.UNSPECIFIED
    assert told == reason
    assert abs(timezone.now() - answer.revocation_time_utc) < timedelta(minutes=5)


def test_what_is_released_from_a_hold_is_good(embedded_ca, ask, issued):
    embedded_ca.revoke(der_of(issued), RevocationReason.CERTIFICATE_HOLD)
    assert ask(issued).revocation_reason == x509.ReasonFlags.certificate_hold
    embedded_ca.release(der_of(issued))
    assert ask(issued).certificate_status == OCSPCertStatus.GOOD


def test_what_was_never_issued_is_unknown_and_only_for_minutes(embedded_ca, ask, ordered):
    draft = x509.load_der_x509_certificate(embedded_ca.draft(ordered()))
    answer = ask(draft)
    assert answer.certificate_status == OCSPCertStatus.UNKNOWN
    assert answer.next_update_utc - answer.this_update_utc == timedelta(minutes=5)


@pytest.mark.parametrize("algorithm", ["SHA1", "SHA256", "SHA512"])
def test_the_answer_is_about_what_was_asked(client, embedded_ca, issued, algorithm):
    asked = asking(issued, issuing(embedded_ca), algorithm=getattr(hashes, algorithm)())
    request, answer = ocsp.load_der_ocsp_request(asked), post(client, asked)
    assert answer.hash_algorithm.name == algorithm.lower()
    assert (answer.issuer_name_hash, answer.issuer_key_hash) == (
        request.issuer_name_hash,
        request.issuer_key_hash,
    )


def test_by_get_it_is_the_same_and_may_be_cached(client, embedded_ca, issued):
    """RFC 6960 appendix A.1: base64, then quoted; a client that leaves + and / as they are is heard too."""
    asked = asking(issued, issuing(embedded_ca))
    encoded = base64.b64encode(asked).decode()
    first = client.get(f"/pki/ocsp/{quote(encoded, safe='')}")
    assert first["Content-Type"] == "application/ocsp-response"
    assert "max-age=60" in first["Cache-Control"]
    assert "public" in first["Cache-Control"]
    assert client.get(f"/pki/ocsp/{encoded}").content == first.content
    assert client.post("/pki/ocsp", asked, content_type=MEDIA_TYPE).content == first.content
    assert client.head(f"/pki/ocsp/{encoded}").status_code == 200


# --- answers that are kept


def test_an_answer_is_kept_for_half_of_its_time(ask, issued):
    with time_machine.travel(timezone.now(), tick=False) as clock:
        first = ask(issued).this_update_utc
        clock.shift(timedelta(hours=11))
        assert ask(issued).this_update_utc == first
        clock.shift(timedelta(hours=2))
        assert ask(issued).this_update_utc > first


def test_no_more_answers_are_kept_than_memory_is_for(embedded_ca, ask, ordered, monkeypatch):
    monkeypatch.setattr(responder, "MAX_KEPT", 2)
    for _each in range(4):
        ask(x509.load_der_x509_certificate(embedded_ca.issue(ordered()).certificate))
    assert len(embedded_ca._responder._kept._answers) == 2


@pytest.mark.parametrize("length", [1, 16, 32, 128])
def test_a_nonce_comes_back_in_an_answer_of_its_own(client, embedded_ca, issued, length):
    """RFC 9654 2.1."""
    asked = asking(issued, issuing(embedded_ca), x509.OCSPNonce(b"n" * length))
    answer = post(client, asked)
    assert answer.extensions.get_extension_for_class(x509.OCSPNonce).value.nonce == b"n" * length
    assert len(post(client, asking(issued, issuing(embedded_ca))).extensions) == 0
    by_get = client.get(f"/pki/ocsp/{quote(base64.b64encode(asked), safe='')}")
    assert "no-store" in by_get["Cache-Control"]


# --- what is refused


@pytest.mark.parametrize("length", [0, 129])
def test_a_nonce_of_no_legal_length_is_malformed(client, embedded_ca, issued, length):
    asked = asking(issued, issuing(embedded_ca), x509.OCSPNonce(b"n" * length))
    assert refused(client, asked) == OCSPResponseStatus.MALFORMED_REQUEST


def test_what_must_be_understood_and_is_not_is_malformed(client, embedded_ca, issued):
    extension = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.99999.1"), b"\x05\x00")
    asked = asking(issued, issuing(embedded_ca), extension, critical=True)
    assert refused(client, asked) == OCSPResponseStatus.MALFORMED_REQUEST
    asked = asking(issued, issuing(embedded_ca), extension)
    assert refused(client, asked) == OCSPResponseStatus.SUCCESSFUL


def test_a_negative_serial_number_is_malformed(client, embedded_ca, issued):
    """It can be written, but no certificate has one (RFC 5280 4.1.2.2)."""
    positive = asn1_core.Integer(issued.serial_number).contents
    negative = bytes([positive[0] | 0x80]) + positive[1:]
    request = asking(issued, issuing(embedded_ca))
    assert request.count(positive) == 1
    assert refused(client, request.replace(positive, negative)) is OCSPResponseStatus.MALFORMED_REQUEST


@pytest.mark.parametrize("garbage", [b"", b"garbage", b"0\x00", b"0" * 3000])
def test_garbage_is_malformed(client, embedded_ca, garbage):
    assert refused(client, garbage) == OCSPResponseStatus.MALFORMED_REQUEST
    by_get = client.get(f"/pki/ocsp/{quote(base64.b64encode(garbage) or b'no base64', safe='')}")
    assert ocsp.load_der_ocsp_response(by_get.content).response_status == OCSPResponseStatus.MALFORMED_REQUEST
    assert "no-store" in by_get["Cache-Control"]


def test_no_more_of_a_request_is_read_than_one_may_have(client, embedded_ca, issued, monkeypatch):
    asked = asking(issued, issuing(embedded_ca))
    monkeypatch.setattr(publication, "MAX_OCSP_REQUEST", len(asked))
    assert refused(client, asked) == OCSPResponseStatus.SUCCESSFUL
    monkeypatch.setattr(publication, "MAX_OCSP_REQUEST", len(asked) - 1)
    assert refused(client, asked) == OCSPResponseStatus.MALFORMED_REQUEST


def test_two_certificates_at_once_are_too_many(client, embedded_ca, issued):
    one = asn1_ocsp.OCSPRequest.load(asking(issued, issuing(embedded_ca)))
    one["tbs_request"]["request_list"].append(one["tbs_request"]["request_list"][0].copy())
    assert refused(client, one.dump(force=True)) == OCSPResponseStatus.MALFORMED_REQUEST


def test_of_other_issuers_nothing_is_said(client, embedded_ca, issued):
    root = x509.load_der_x509_certificate(embedded_ca.chain()[1])
    for certificate, issuer in ((issued, root), (issuing(embedded_ca), root)):
        assert refused(client, asking(certificate, issuer)) == OCSPResponseStatus.UNAUTHORIZED


def test_of_an_issuer_in_an_unknown_hash_nothing_is_said(client, embedded_ca, issued):
    one = asn1_ocsp.OCSPRequest.load(asking(issued, issuing(embedded_ca)))
    one["tbs_request"]["request_list"][0]["req_cert"]["hash_algorithm"]["algorithm"] = "1.3.14.3.2.27"
    assert refused(client, one.dump(force=True)) == OCSPResponseStatus.UNAUTHORIZED


def test_without_the_keys_it_is_tried_later(client, embedded_ca, issued, ca_options, settings, tmp_path):
    options = ca_options | {"passphrase_file": str(tmp_path / "none")}
    settings.CA_CONNECTORS = {"corporate": settings.CA_CONNECTORS["corporate"] | {"OPTIONS": options}}
    assert refused(client, asking(issued, issuing(embedded_ca))) == OCSPResponseStatus.TRY_LATER


# --- who signs


def signer_of(answer: ocsp.OCSPResponse) -> x509.Certificate:
    (certificate,) = answer.certificates
    return certificate


def test_the_signer_is_delegated_for_two_weeks(embedded_ca, ask, issued):
    signer = signer_of(ask(issued))
    signer.verify_directly_issued_by(issuing(embedded_ca))
    present = {each.oid: each for each in signer.extensions}
    usage = signer.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [x509.oid.ExtendedKeyUsageOID.OCSP_SIGNING]
    assert x509.OCSPNoCheck.oid in present
    assert signer.not_valid_after_utc - timezone.now() < timedelta(days=14)
    assert lint.errors(der_of(signer)) == ()


def test_its_key_is_encrypted(embedded_ca, ask, issued):
    ask(issued)
    pem = bytes(OcspSigner.objects.get().key)
    assert pem.startswith(b"-----BEGIN ENCRYPTED PRIVATE KEY-----")


def test_the_schedule_renews_the_signer_a_week_before_its_end(embedded_ca, ask, issued):
    embedded_ca.renew_crl_if_due()
    first = signer_of(ask(issued))
    with time_machine.travel(timezone.now(), tick=False) as clock:
        clock.shift(timedelta(days=6))
        embedded_ca.renew_crl_if_due()
        assert signer_of(ask(issued)) == first
        clock.shift(timedelta(days=2))
        embedded_ca.renew_crl_if_due()
        assert signer_of(ask(issued)) != first
    assert OcspSigner.objects.count() == 1


def test_without_the_schedule_an_answer_renews_the_signer(ask, issued):
    first = signer_of(ask(issued))
    with time_machine.travel(timezone.now() + timedelta(days=13, hours=1), tick=False):
        answer = ask(issued)
        assert signer_of(answer) != first
        assert answer.next_update_utc <= signer_of(answer).not_valid_after_utc


def test_processes_share_the_signer(embedded_ca, ca_options, ask, issued):
    first = signer_of(ask(issued))
    other = EmbeddedConnector(EmbeddedOptions(**ca_options))
    request = ocsp.load_der_ocsp_request(asking(issued, issuing(embedded_ca)))
    assert signer_of(ocsp.load_der_ocsp_response(other.ocsp(request))) == first


def test_a_signer_of_a_ca_that_was_made_anew_is_renewed(embedded_ca, ca_options, ask, issued, tmp_path):
    ask(issued)
    options = EmbeddedOptions(**ca_options | {"directory": str(tmp_path / "anew")})
    authority.initialise(options)
    anew = EmbeddedConnector(options)
    request = ocsp.load_der_ocsp_request(asking(issued, issuing(anew)))
    signer_of(ocsp.load_der_ocsp_response(anew.ocsp(request))).verify_directly_issued_by(issuing(anew))


def test_certificates_may_leave_the_responder_unnamed(ca_options, embedded_ca, ordered):
    silent = EmbeddedConnector(EmbeddedOptions(**ca_options | {"ocsp": False}))
    for der in (silent.issue(ordered()).certificate, silent.draft(ordered())):
        access = x509.load_der_x509_certificate(der).extensions.get_extension_for_class(
            x509.AuthorityInformationAccess
        )
        assert [each.access_method._name for each in access.value] == ["caIssuers"]


def test_drafts_name_the_responder_and_are_clean(embedded_ca, ordered):
    draft = embedded_ca.draft(ordered())
    assert b"http://pki.example.com/pki/ocsp" in draft
    assert lint.errors(draft) == ()


# --- what others say of it


@pytest.fixture
def fates(embedded_ca, ordered) -> dict[str, x509.Certificate]:
    """One certificate for each answer that there is."""
    made = {
        fate: embedded_ca.issue(ordered()).certificate for fate in ("good", "revoked", "hold", "released")
    }
    embedded_ca.revoke(made["revoked"], RevocationReason.KEY_COMPROMISE)
    for fate in ("hold", "released"):
        embedded_ca.revoke(made[fate], RevocationReason.CERTIFICATE_HOLD)
    embedded_ca.release(made["released"])
    made["unknown"] = embedded_ca.draft(ordered())
    return {fate: x509.load_der_x509_certificate(der) for fate, der in made.items()}


@pytest.fixture
def folder(embedded_ca, fates, tmp_path) -> Path:
    for name, der in zip(("issuing", "root"), embedded_ca.chain(), strict=True):
        (tmp_path / f"{name}.pem").write_bytes(x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM))
        (tmp_path / f"{name}.der").write_bytes(der)
    for fate, certificate in fates.items():
        (tmp_path / f"{fate}.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
        (tmp_path / f"{fate}.der").write_bytes(der_of(certificate))
    return tmp_path


def run(folder: Path, *command: str) -> tuple[int, str]:
    done = subprocess.run(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60, check=False
    )
    return done.returncode, done.stdout.decode(errors="replace")


class Relay(HTTPServer):
    """The responder over the network, to programs that ask by themselves; in the thread of the test."""

    timeout = 0.1

    def __init__(self, client: Client) -> None:
        super().__init__(("127.0.0.1", 0), RelayHandler)
        self.client = client
        self.url = f"http://127.0.0.1:{self.server_port}/pki"
        self.seen: list[str] = []

    def run(self, folder: Path, *command: str) -> tuple[int, str]:
        """Run a program, and answer until it ends."""
        with (folder / "said").open("wb") as said:
            process = subprocess.Popen(command, cwd=folder, stdout=said, stderr=subprocess.STDOUT)
            while process.poll() is None:
                self.handle_request()
        return process.returncode, (folder / "said").read_text(errors="replace")


class RelayHandler(Handler):
    server: Relay

    def do_GET(self) -> None:
        self.reply(self.server.client.get(self.path))

    def do_POST(self) -> None:
        media_type = self.headers["Content-Type"]
        self.reply(self.server.client.post(self.path, self.body(), content_type=media_type))

    def reply(self, answer: Any) -> None:
        self.server.seen.append(self.command)
        self.answer(answer.status_code, answer.content, **answer.headers)


@pytest.fixture
def relay(client) -> Iterator[Relay]:
    with Relay(client) as server:
        yield server


OPENSSL = {
    "good": ": good",
    "revoked": "Reason: keyCompromise",
    "hold": "Reason: certificateHold",
    "released": ": good",
    "unknown": ": unknown",
}


@pytest.mark.needs_program("openssl")
@pytest.mark.parametrize("nonce", ["-nonce", "-no_nonce"])
def test_openssl(relay, folder, nonce):
    asked = ("openssl", "ocsp", "-url", f"{relay.url}/ocsp", nonce, "-CAfile", "root.pem")
    for fate, words in OPENSSL.items():
        named = ("-verify_other", "issuing.pem", "-issuer", "issuing.pem", "-cert", f"{fate}.pem")
        code, said = relay.run(folder, *asked, *named)
        assert code == 0, said
        assert "Response verify OK" in said, said
        assert "WARNING" not in said, said
        assert words in said, said


GNUTLS = {"good": "good", "revoked": "revoked", "hold": "revoked", "released": "good", "unknown": "unknown"}


@pytest.mark.needs_program("ocsptool")
def test_gnutls(relay, folder):
    for fate, words in GNUTLS.items():
        named = ("--load-cert", f"{fate}.pem", "--load-issuer", "issuing.pem")
        said = relay.run(folder, "ocsptool", f"--ask={relay.url}/ocsp", "--nonce", *named)[1]
        assert "Verifying OCSP Response: Success" in said, said
        assert f"Certificate Status: {words}" in said, said


JAVA = {
    "good": "good",
    "revoked": "revoked KEY_COMPROMISE",
    "hold": "revoked CERTIFICATE_HOLD",
    "released": "good",
    "unknown": "refused UNDETERMINED_REVOCATION_STATUS",
}


@pytest.mark.needs_program("java")
def test_java(client, fates, folder, embedded_ca):
    """PKIX of the Java platform, with the answers at hand and nothing else to go by."""
    for fate, certificate in fates.items():
        answer = client.post("/pki/ocsp", asking(certificate, issuing(embedded_ca)), content_type=MEDIA_TYPE)
        (folder / f"{fate}.answer").write_bytes(answer.content)
    del fates["unknown"]  # signed by a throw-away key: the signature is looked at first
    code, said = run(folder, "java", "-XX:TieredStopAtLevel=1", str(HERE / "Ocsp.java"), *fates)
    assert code == 0, said
    assert said.split("\n")[: len(fates)] == [JAVA[fate] for fate in fates]


def test_pyhanko(client, fates, embedded_ca):
    words = {"good": "valid", "revoked": "revoked", "hold": "revoked", "released": "valid"}
    for fate, word in words.items():
        answer = client.post(
            "/pki/ocsp", asking(fates[fate], issuing(embedded_ca)), content_type=MEDIA_TYPE
        ).content
        assert pyhanko(embedded_ca, fates[fate], answer) == word


def pyhanko(connector: EmbeddedConnector, certificate: x509.Certificate, answer: bytes) -> str:
    issuer, root = (asn1_x509.Certificate.load(der) for der in connector.chain())
    root_crl = connector.published("corporate-root.crl")
    assert root_crl is not None
    context = ValidationContext(
        trust_roots=[root],
        other_certs=[issuer],
        ocsps=[asn1_ocsp.OCSPResponse.load(answer)],
        crls=[root_crl[1]],
        revocation_mode="require",
        allow_fetching=False,
    )
    leaf = asn1_x509.Certificate.load(der_of(certificate))
    try:
        asyncio.run(CertificateValidator(leaf, validation_context=context).async_validate_usage(set()))
    except RevokedError:
        return "revoked"
    except PathValidationError as error:
        return str(error)
    return "valid"


@pytest.mark.parametrize("fate", ["good", "revoked", "hold", "unknown"])
def test_pkilint_finds_nothing_in_an_answer(client, fates, folder, embedded_ca, fate):
    """Its exit code is the number of findings."""
    request = asking(fates[fate], issuing(embedded_ca), x509.OCSPNonce(b"n" * 32))
    answer = client.post("/pki/ocsp", request, content_type=MEDIA_TYPE).content
    (folder / "answer").write_bytes(answer)
    lint_program = str(Path(sys.executable).with_name("lint_ocsp_response"))
    assert run(folder, lint_program, "lint", "-s", "NOTICE", "answer") == (0, "\n")


@pytest.mark.needs_program("vfychain", "certutil")
def test_nss(relay, ca_options, embedded_ca, ordered, folder):
    near = EmbeddedConnector(EmbeddedOptions(**ca_options | {"publication_url": relay.url}))
    made = {fate: near.issue(ordered()).certificate for fate in ("good", "revoked", "hold")}
    near.revoke(made["revoked"], RevocationReason.KEY_COMPROMISE)
    near.revoke(made["hold"], RevocationReason.CERTIFICATE_HOLD)
    for fate, der in made.items():
        (folder / f"{fate}.der").write_bytes(der)
    said = {fate: nss(relay, folder, fate) for fate in made}
    assert said["good"][0] == 0, (said["good"], relay.seen)
    for fate in ("revoked", "hold"):
        assert said[fate][0] != 0
        assert "has been revoked" in said[fate][1]


def nss(relay: Relay, folder: Path, fate: str) -> tuple[int, str]:
    """With the CAs in its database: whose answers it trusts it looks up there."""
    database = folder / fate
    database.mkdir()
    own = ("certutil", "-d", f"sql:{database}")
    assert run(folder, *own, "-N", "--empty-password")[0] == 0
    for name, trust in (("root", "CT,C,C"), ("issuing", ",,")):
        assert run(folder, *own, "-A", "-n", name, "-t", trust, "-i", f"{name}.der")[0] == 0
    revocation = ("-g", "leaf", "-h", "requireFreshInfo", "-m", "ocsp", "-s", "failIfNoInfo,requireInfo")
    chain = (f"{fate}.der", "issuing.der")
    return relay.run(folder, "vfychain", "-d", f"sql:{database}", "-pp", "-u", "0", *revocation, *chain)
