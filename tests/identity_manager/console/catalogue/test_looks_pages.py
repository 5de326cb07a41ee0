"""ADMIN, Looks: from the first word to what everybody sees, in both portals and on the sign-in page."""

import re
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as product
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from identity_manager import colours
from identity_manager.models import Looks, Person
from tests.tools import cast
from tests.tools import looks as company_looks
from tests.tools.sign_in import signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.long]
NAVIGATION_CSS = Path(product.BASE_DIR) / "identity_manager/ui/static/ui/navigation.css"
PAGE, WRITE = reverse("console:looks"), reverse("console:looks-write")
TYPED = {
    "name": "Contoso Trust",
    "accent": "#FFCC00",
    "help_desk": "IT desk, telephone 4711",
    "help_desk_de": "IT-Hilfe, Telefon 4711",
    "sign_in_words": "For people of Contoso.",
    "imprint": "https://contoso.example/imprint",
    "privacy": "",
}


def address(what: str) -> str:
    return reverse(f"console:looks-{what}")


def write(browser: Client, *, content: bytes | None = None, **changes: Any) -> Any:
    draft = Looks.objects.drafts().first()
    file = {"picture": SimpleUploadedFile("logo.png", content)} if content is not None else {}
    return browser.post(WRITE, {**TYPED, "revision": draft.version if draft else "", **file, **changes})


def test_it_is_written_shown_in_both_modes_and_activated(
    sven: Client, sara: Client, company: cast.Company, settings: Settings
) -> None:
    settings.CATALOGUE_FOUR_EYES = True
    assert write(sven, content=company_looks.picture())["Location"] == PAGE
    page = sven.get(PAGE).text
    assert "scheme-light" in page
    assert "scheme-dark" in page
    assert f"On light pages it is {colours.accent('#ffcc00').light.accent}" in page
    assert "On dark pages it is as entered." in page
    assert address("activate") not in page
    draft = Looks.objects.get()
    assert sven.post(address("ask"), {"revision": draft.version}).status_code == 302
    draft.refresh_from_db()
    assert "Another System Administrator activates it." in sven.get(address("activate")).text
    assert sven.post(address("activate"), {"revision": draft.version}).status_code == 403
    assert sara.post(address("activate"), {"revision": draft.version})["Location"] == PAGE

    for visited, name in (
        (sven.get("/"), "Contoso Trust"),
        (signed_in(company.uma).get("/my/"), "Contoso Trust Self-Service"),
        (Client().get("/account/login/"), "Contoso Trust"),
        (Client().get("/nowhere/"), "Contoso Trust"),
    ):
        text = visited.text
        assert f"– {name}</title>" in text
        assert f"<bdi>{name}</bdi>" in text
        assert "/looks/ffcc00-" in text
        assert "IT desk, telephone 4711" in text
        assert 'href="https://contoso.example/imprint"' in text
        assert reverse("looks-logo", args=[draft.logo_sha256]) in text
    assert "For people of Contoso." in Client().get("/account/login/").text


def test_files_of_the_looks_are_kept_by_browsers_and_hold_nothing_typed(sven_person: Person) -> None:
    row = company_looks.in_force(sven_person)
    page = Client().get("/account/login/").text
    stylesheet = page.partition('href="/looks/')[2].partition('"')[0]
    found = Client().get(f"/looks/{stylesheet}")
    assert found["Content-Type"] == "text/css; charset=utf-8"
    accent = colours.accent("#1f6feb")
    assert "immutable" in found["Cache-Control"]
    assert f"--accent:light-dark({accent.light.accent},{accent.dark.accent})" in found.text
    assert (
        ".portal-bar,.entrance-sheet{border-block-start:4px solid var(--accent)}" in found.text
    )  # "the bar"
    assert "entrance-sheet" in page
    assert re.search(r"\.brand-logo \{[^}]*background: white", NAVIGATION_CSS.read_text())  # in both modes
    logo = Client().get(reverse("looks-logo", args=[row.logo_sha256]))
    assert (logo["Content-Type"], logo["X-Content-Type-Options"]) == ("image/png", "nosniff")
    assert logo.content == row.logo


@pytest.mark.parametrize(
    "path",
    [
        "1f6feb-0000000000000000.css",
        "blue-0000000000000000.css",
        "1F6FEB-0000000000000000.css",
        "}body{-0000000000000000.css",
        "sample/1f6feb-0000000000000000.css",
        f"{'0' * 64}.png",
        ".png",
    ],
)
def test_no_other_file_is_there(path: str) -> None:
    assert Client().get(f"/looks/{path}").status_code == 404


@pytest.mark.parametrize(
    ("content", "changes", "sentence"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", {}, "An SVG can hold scripts and links."),
        (b"%PDF", {}, "Choose a PNG, JPEG or WebP file with one picture."),
        (None, {"accent": "blue"}, "Enter a colour as # and six digits"),
        (None, {"imprint": "http://contoso.example/"}, "begins with https://"),
    ],
)
def test_bad_input_gets_a_sentence_and_loses_nothing(
    sven: Client, content: bytes | None, changes: dict[str, str], sentence: str
) -> None:
    response = write(sven, content=content, **changes)
    assert response.status_code == 422
    assert sentence in response.text
    assert 'value="Contoso Trust"' in response.text
    assert not Looks.objects.exists()


def test_a_stale_form_keeps_what_was_typed(sven: Client, sara: Client) -> None:
    write(sven)
    response = sara.post(WRITE, {**TYPED, "name": "Fabrikam", "revision": ""})
    assert response.status_code == 409
    assert "There is a draft of the next version already." in response.text
    assert 'value="Fabrikam"' in response.text


def test_what_asks_before_something_ends_has_the_navigation_of_admin(sven: Client) -> None:
    write(sven)
    page = sven.get(address("discard")).text
    assert "Discard the draft of the looks?" in page
    assert re.search(rf'href="{PAGE}"\s+aria-current="page"', page)


def test_refused_discarded_and_back_to_ours(sven: Client, sara: Client, settings: Settings) -> None:
    settings.CATALOGUE_FOUR_EYES = True
    write(sven)
    sven.post(address("ask"), {"revision": Looks.objects.get().version})
    draft = Looks.objects.get()
    sara.post(address("refuse"), {"revision": draft.version, "reason": "Too yellow."})
    assert "Too yellow." in sven.get(PAGE).text
    sven.post(address("discard"), {"revision": Looks.objects.get().version})
    assert not Looks.objects.exists()
    assert sven.get(address("activate"))["Location"] == PAGE
    settings.CATALOGUE_FOUR_EYES = False
    write(sven)
    sven.post(address("activate"), {"revision": Looks.objects.get().version})
    assert "Contoso Trust" in sven.get("/").text
    sven.post(address("ours"), {"reason": "Sold."})
    assert "Contoso Trust" not in sven.get("/").text
    (old,) = Looks.objects.all()
    assert "Contoso Trust" in sven.get(reverse("console:looks-version", args=[old.pk])).text


def test_an_auditor_reads_and_changes_nothing(sven: Client, otto: Client) -> None:
    write(sven, content=company_looks.picture())
    page = otto.get(PAGE).text
    assert "Contoso Trust" in page
    assert WRITE not in page
    draft = Looks.objects.get()
    assert otto.get(reverse("console:looks-version-logo", args=[draft.pk])).content == draft.logo
    assert Client().get(reverse("looks-logo", args=[draft.logo_sha256])).status_code == 404
