"""HELP: the documents of this version, read, searched, and nothing else of the machine."""

from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from identity_manager.console.help import documents
from identity_manager.models import Role
from tests.identity_manager.console.visitors import officer
from tests.tools import cast
from tests.tools.sign_in import signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.long]
SECRET = "what nobody may read"


@pytest.fixture
def olga(company: cast.Company) -> Client:
    return signed_in(officer("olga", Role.APPROVER))


@pytest.fixture
def folder(tmp_path: Path, settings: Settings) -> Path:
    """A folder of documents, with a secret beside it."""
    settings.BASE_DIR = tmp_path
    found = tmp_path / "docs" / "how-to"
    found.mkdir(parents=True)
    (tmp_path / "secret.md").write_text(SECRET)
    (tmp_path / "docs" / "notes.txt").write_text(SECRET)
    (found / "link.md").symlink_to(tmp_path / "secret.md")
    return found


def test_a_document_is_a_page_of_the_portal(olga: Client) -> None:
    page = olga.get(reverse("console:document", args=["how-to/mail"]))
    assert "<h1" in page.text
    assert 'href="/help/how-to/' in page.text, "links of documents lead on within the portal"
    assert "'unsafe-inline'" not in page["Content-Security-Policy"]
    assert page.text.count("<pre") == page.text.count('<pre tabindex="0">') > 0, "wide lines scroll by keys"


def test_who_reads_another_language_is_told_that_the_documents_are_english(olga: Client) -> None:
    page = reverse("console:document", args=["how-to/mail"])
    assert "The documents are in English." not in olga.get(page).text
    olga.cookies["django_language"] = "de"
    assert "Die Dokumente sind auf Englisch." in olga.get(page).text


def test_images_are_served_and_can_do_nothing(olga: Client) -> None:
    page = olga.get(reverse("console:document", args=["tutorial/first-token"])).text
    assert "/help/images/images/" in page
    for name, kind in (("images/search.png", "image/png"), ("images/architecture-road.svg", "image/svg+xml")):
        found = olga.get(reverse("console:document-image", args=[name]))
        assert (found.status_code, found["Content-Type"]) == (200, kind)
        assert "script-src 'self'" in found["Content-Security-Policy"]


def test_a_search_finds_titles_and_headings(olga: Client) -> None:
    page = olga.get(reverse("console:help"), {"q": "BOUNCES"}).text
    assert 'href="/help/how-to/mail/#bounces-and-complaints"' in page
    assert "No title and no heading" in olga.get(reverse("console:help"), {"q": "xyzzy"}).text
    assert "&lt;script&gt;" in olga.get(reverse("console:help"), {"q": "<script>"}).text


@pytest.mark.parametrize(
    "name",
    [
        "../secret",
        "how-to/../../secret",
        "/etc/passwd",
        "how-to/link",
        "notes",
        "notes.txt",
        "..%2fsecret",
        "how-to",
        "",
        "how-to/\x00",
    ],
)
def test_no_address_reaches_another_file(olga: Client, folder: Path, name: str) -> None:
    for address in (f"/help/{name}/", f"/help/images/{name}", f"/help/images/{name}.md"):
        response = olga.get(address)
        assert response.status_code in (404, 200 if address in ("/help//", "/help/") else 404)
        assert SECRET not in response.text
    assert documents.document(name) is None
    assert documents.image(name) is None


def test_code_in_a_list_stays_in_its_item(folder: Path) -> None:
    (folder / "list.md").write_text(
        "# A list\n\n1. One:\n   ```\n   make it\n     so\n   ```\n   and on.\n2. Two.\n\n"
        "```\n   as is\n```\n"
    )
    found = documents.document("how-to/list")
    assert found is not None
    html = " ".join(found.html.split())
    assert '<pre tabindex="0"><code>make it so </code></pre>' in html
    assert html.count("<li>") == 2
    assert '<pre tabindex="0"><code> as is </code></pre>' in html


def test_each_page_leads_to_its_document(olga: Client, company: cast.Company) -> None:
    assert 'href="/help/how-to/approve-requests/"' in olga.get(reverse("console:approvals")).text
    sven = signed_in(officer("sven", Role.SYSTEM_ADMINISTRATOR))
    for name, document in (
        ("start", "system-administrator"),
        ("approvals", "system-administrator"),
        ("mail-texts", "mail-texts"),
        ("authorities", "connect-a-ca"),
    ):
        assert f'href="/help/how-to/{document}/"' in sven.get(reverse(f"console:{name}")).text, name
    uma = signed_in(company.uma)
    assert 'href="/my/help/#install"' in uma.get(reverse("selfservice:file-help")).text
    page = uma.get(reverse("selfservice:help")).text
    for anchor in ("token", "passphrase", "install", "renew", "lost", "sign-in"):
        assert f'id="{anchor}"' in page


def test_persons_read_no_documents_of_officers(company: cast.Company) -> None:
    assert signed_in(company.uma).get(reverse("console:help")).status_code == 403
