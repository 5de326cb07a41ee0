"""A website that trusts the root alone lets the person in with the delivered file, until it is revoked."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from django.test import Client
from playwright.sync_api import Error, sync_playwright

from ca_bridge.contract import RevocationReason
from identity_manager.models import Certificate, SoftwareToken
from identity_manager.models.catalogue.token_type import KEY_ALGORITHMS
from identity_manager.workflow.revocation import revoke
from tests.interop import tokens
from tests.interop.conftest import Deliver
from tests.interop.matrix import Matrix
from tests.interop.tls_certificates import Authority
from tests.interop.tls_server import Website, website
from tests.interop.tokens import DeliveredToken, TokenFile, pem
from tests.interop.website_visitors import Visit, Visitor
from tests.tools import cast
from tests.tools.commands import said

pytestmark = [pytest.mark.needs_program("openssl"), pytest.mark.xdist_group("browser"), pytest.mark.long]
CURL = pytest.mark.needs_program("curl")
CHROMIUM = pytest.mark.needs_program("chromium", "certutil", "pk12util")
SIGNED_IN = "Websites that want a certificate"
WORDS = dict(KEY_ALGORITHMS)
Visits = Callable[[Visitor, Website], Visit]


@pytest.fixture
def by_chromium(chromium: str) -> Visits:
    def visit(visitor: Visitor, site: Website) -> Visit:
        with visitor.at_chromium(chromium, site) as browser:
            page = browser.new_page()
            try:
                page.goto(site.url)
            except Error as error:
                return Visit("", error.message)
            return Visit(page.inner_text("body"), "")

    return visit


def visitor(directory: Path, token: DeliveredToken, file: TokenFile | None = None) -> Visitor:
    return Visitor(directory, file or token.file, token.passphrase)


def is_let_in(visit: Visit, site: Website, token: DeliveredToken) -> None:
    """The website has seen the person's own certificate, and a chain up to the root."""
    assert visit.refusal == ""
    _head, _line, shown = visit.page.partition("-----BEGIN CERTIFICATE-----")
    seen = x509.load_pem_x509_certificate(f"-----BEGIN CERTIFICATE-----{shown}".encode())
    assert seen.public_bytes(Encoding.DER) in {file.certificate for file in token.files}
    chain = site.chain()
    assert sorted(chain) == [0, 1, 2]
    assert "CN=Uma Lindqvist" in chain[0]
    assert chain[1].endswith("CN=corporate issuing CA")
    assert chain[2].endswith("CN=corporate root CA")


def is_refused(visit: Visit, site: Website, why: str) -> None:
    assert visit.page == ""
    assert "alert" in visit.refusal or "ERR_" in visit.refusal
    site.wait_for(why)


@CURL
@pytest.mark.parametrize("kind", ["authentication", "vpn"])
@pytest.mark.parametrize("algorithm", ["ec-p256", "rsa-2048"])
@pytest.mark.parametrize("container_format", tokens.FORMATS)
def test_curl(
    deliver: Deliver, matrix: Matrix, tmp_path: Path, kind: str, algorithm: str, container_format: str
) -> None:
    matrix.program("curl", lambda: said("curl", "--version"))
    matrix.says(SIGNED_IN, row=f"{container_format}, {WORDS[algorithm]}", column="curl")
    token = deliver(kind, algorithm)
    (file,) = token.in_format(container_format)
    with website(tmp_path, [pem(token.root)]) as site:
        is_let_in(visitor(tmp_path, token, file).by_curl(site), site, token)


@CHROMIUM
@pytest.mark.parametrize("algorithm", ["ec-p256", pytest.param("rsa-2048", marks=pytest.mark.nightly)])
@pytest.mark.parametrize("container_format", tokens.FORMATS)
def test_chromium(
    deliver: Deliver,
    matrix: Matrix,
    by_chromium: Visits,
    tmp_path: Path,
    algorithm: str,
    container_format: str,
) -> None:
    """Imported by pk12util; the chain comes out of the same file."""
    matrix.program("Chromium", lambda: said("chromium", "--version"))
    matrix.says(SIGNED_IN, row=f"{container_format}, {WORDS[algorithm]}", column="Chromium")
    token = deliver("authentication", algorithm)
    (file,) = token.in_format(container_format)
    with website(tmp_path, [pem(token.root)]) as site:
        is_let_in(by_chromium(visitor(tmp_path, token, file), site), site, token)


@CHROMIUM
def test_playwright_s_own_client(deliver: Deliver, chromium: str, tmp_path: Path) -> None:
    """Node's TLS, by which playwright shows a certificate on the browser's behalf."""
    token = deliver("authentication", "ec-p256")
    with website(tmp_path, [pem(token.root)]) as site, sync_playwright() as playwright:
        shown = {"origin": site.url.rstrip("/"), "pfx": token.file.content, "passphrase": token.passphrase}
        environment = {**os.environ, "HOME": str(tmp_path)}
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"], env=environment)
        page = browser.new_context(client_certificates=[shown], ignore_https_errors=True).new_page()
        page.goto(site.url)
        is_let_in(Visit(page.inner_text("body"), ""), site, token)
        browser.close()


@CURL
def test_a_website_of_another_root_refuses(deliver: Deliver, tmp_path: Path) -> None:
    token = deliver("authentication", "ec-p256")
    other = Authority.make("Another root").certificate.public_bytes(Encoding.PEM)
    with website(tmp_path, [other]) as site:
        is_refused(visitor(tmp_path, token).by_curl(site), site, "certificate verify failed")


@CURL
def test_a_certificate_for_mail_signs_nobody_in(deliver: Deliver, tmp_path: Path) -> None:
    """The purposes of RFC 5280 4.2.1.12 hold: it is for e-mail protection alone."""
    token = deliver("smime", "ec-p256")
    with website(tmp_path, [pem(token.root)]) as site:
        is_refused(visitor(tmp_path, token).by_curl(site), site, "unsuitable certificate purpose")


@pytest.fixture
def fresh(db: None) -> DeliveredToken:
    """A token of this test alone, for it is revoked."""
    return tokens.deliver(("authentication",), "ec-p256", cast.person("uma"))["authentication"]


def published_crls() -> list[bytes]:
    """What the portal serves: of the issuing CA, and of the root."""
    answers = [Client().get(f"/pki/{name}.crl") for name in ("corporate", "corporate-root")]
    return [x509.load_der_x509_crl(each.content).public_bytes(Encoding.PEM) for each in answers]


def revoke_it() -> None:
    token = SoftwareToken.objects.get()
    revoke.revoke_token(actor=token.person, token_id=token.pk, reason=RevocationReason.KEY_COMPROMISE)
    for certificate in Certificate.objects.all():
        revoke.revoke_at_ca(certificate_id=certificate.pk)


@pytest.mark.parametrize(
    "program",
    [pytest.param("curl", marks=CURL), pytest.param("chromium", marks=CHROMIUM)],
)
def test_a_revoked_one_is_refused(
    fresh: DeliveredToken, request: pytest.FixtureRequest, tmp_path: Path, program: str
) -> None:
    """By a website that reads the CRLs that the portal publishes, in the minute of the revocation."""
    visit: Visits = Visitor.by_curl if program == "curl" else request.getfixturevalue("by_chromium")
    before, after = tmp_path / "before", tmp_path / "after"
    for directory in (before, after):
        directory.mkdir()
    with website(before, [pem(fresh.root), *published_crls()], "-crl_check_all") as site:
        is_let_in(visit(visitor(before, fresh), site), site, fresh)

    revoke_it()

    with website(after, [pem(fresh.root), *published_crls()], "-crl_check_all") as site:
        is_refused(visit(visitor(after, fresh), site), site, "certificate revoked")
