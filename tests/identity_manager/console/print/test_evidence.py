"""Evidence to print: what an auditor reads about a request, and how it is checked with openssl alone."""

import re
import subprocess
from html import unescape
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse
from django.utils import timezone, translation

from identity_manager import colours
from identity_manager.audit import evidence, heads, sealing
from identity_manager.console.audit import evidence_page
from identity_manager.console.print.document import moment
from identity_manager.models import AuditEvent, DeviceKind, Installation, Role, TokenRequest
from identity_manager.queries import looks as looks_queries
from identity_manager.workflow import step1_enable
from tests.identity_manager.console.visitors import officer
from tests.tools import cast
from tests.tools import looks as company_looks
from tests.tools.cast import Company
from tests.tools.sign_in import signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.database, pytest.mark.nightly_on_postgresql]
PRINT_CSS = Path(settings.BASE_DIR) / "identity_manager" / "ui" / "static" / "ui" / "print.css"
PURPOSE = "Signs <b>offers</b> of the sales team"


@pytest.fixture
def auditor(company: Company) -> Client:
    return signed_in(officer("otto", Role.AUDITOR))


def address(request: TokenRequest) -> str:
    return reverse("console:request-evidence-print", args=[request.pk])


def finished(company: Company) -> TokenRequest:
    request = step1_enable.enable(
        actor=company.ada,
        person_id=company.uma.pk,
        type_ids=[company.signature.pk],
        purpose=PURPOSE,
    )
    request = cast.delivered(cast.issued(cast.accepted(cast.approved(company.paul, request))))
    token = cast.noted(request.tokens.get())
    Installation.objects.create(token=token, device=DeviceKind.MACOS, said_at=timezone.now())
    return TokenRequest.objects.get(pk=request.pk)


def text_of(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


def test_it_has_the_looks_of_the_company(company: Company, auditor: Client) -> None:
    """Product name, logo, accent (a stylesheet), help desk, imprint and privacy."""
    request = company.request_in("completed")
    row = company_looks.in_force(cast.person("sven", roles=(Role.SYSTEM_ADMINISTRATOR,), sid=""))
    looks_queries.forget()

    page = auditor.post(address(request)).text
    looks_queries.forget()

    sheet = page[page.index('<article class="sheet">') : page.index("</article>")]
    assert "Contoso Trust" in sheet
    assert reverse("looks-logo", args=[row.logo_sha256]) in sheet
    for said in (
        "IT desk, telephone 4711",
        "Imprint: https://x.example/imprint",
        "Privacy: https://x.example/privacy",
    ):
        assert said in text_of(sheet)
    (stylesheet,) = re.findall(r'href="(/looks/1f6feb-[^"]+\.css)"', page)
    accent = colours.accent("#1f6feb").light.accent
    assert accent in b"".join(Client().get(stylesheet)).decode()
    assert "border-block-end: 2px solid var(--accent)" in PRINT_CSS.read_text()


def test_it_says_all_that_there_is_to_say(company: Company, auditor: Client) -> None:
    request = finished(company)

    page = auditor.post(address(request))

    text, certificate = text_of(page.text), request.tokens.get().certificates.get()
    accepted = request.acceptances.get()
    for said in (
        request.reference,
        str(company.uma),
        str(company.ada),
        PURPOSE,
        str(company.paul),
        "approved",
        request.snapshot_hash,
        accepted.sha256,
        accepted.text.title,
        certificate.serial,
        certificate.fingerprint_sha256,
        moment(request.created_at),
        moment(request.tokens.get().acknowledged_at),
        "Mac, ",
        "The passphrase was noted",
    ):
        assert str(said) in text, said
    assert "(UTC" in text
    assert "<b>offers</b>" not in page.text, "it is text, never markup"
    assert page.headers["Cache-Control"] == "no-store"


def test_it_is_taken_by_auditors_alone_and_audited(company: Company, auditor: Client) -> None:
    request = finished(company)
    assert auditor.get(address(request)).status_code == 405
    assert signed_in(company.ada).post(address(request)).status_code == 403
    assert (
        signed_in(officer("olga", Role.AUDITOR, unit="Elsewhere")).post(address(request)).status_code == 404
    )
    assert not AuditEvent.objects.filter(name="audit.evidence-taken").exists()

    auditor.post(address(request))

    assert AuditEvent.objects.get(name="audit.evidence-taken").request == request


def test_no_secret_is_on_it(company: Company, auditor: Client) -> None:
    request = cast.issued(cast.accepted(cast.enabled(company.ada, company.uma, company.vpn)))
    passphrase = cast.shown(request.tokens.get())

    assert passphrase not in auditor.post(address(request)).text


def test_it_is_checked_with_openssl_alone(company: Company, auditor: Client, tmp_path: Path) -> None:
    """Each command of the page, as it is printed there."""
    request = finished(company)
    sealing.seal()
    heads.sign()
    page = auditor.post(address(request)).text
    (tmp_path / "audit-public-key.pem").write_text(evidence.public_key_pem())
    commands = [unescape(each) for each in re.findall(r"<pre[^>]*>(.*?)</pre>", page, re.DOTALL)]

    fingerprint = _run(next(each for each in commands if "outform DER" in each), tmp_path)
    assert fingerprint.split()[-1] in page
    verified = _run(next(each for each in commands if "pkeyutl" in each), tmp_path)
    assert "Signature Verified Successfully" in verified

    forged = next(each for each in commands if "pkeyutl" in each).replace('"number":', '"number":1')
    with pytest.raises(subprocess.CalledProcessError):
        _run(forged, tmp_path)


def _run(command: str, folder: Path) -> str:
    done = subprocess.run(["sh", "-ec", command], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout + done.stderr


def test_before_the_first_signature_it_says_so(company: Company, auditor: Client) -> None:
    page = auditor.post(address(finished(company))).text

    assert "No signature covers these events yet." in page
    assert "are not covered by a signature yet" in page


def test_it_is_german_for_who_reads_german(company: Company, auditor: Client) -> None:
    request = finished(company)
    taken = evidence.export_for_request(actor=officer("oda", Role.AUDITOR), request_id=request.pk)
    with translation.override("de"):
        document = evidence_page.document(company.ada, request, taken)
        assert str(document.title) == "Nachweis"
        assert str(document.sections[0].title) == "Wer beantragt hat und wozu"
