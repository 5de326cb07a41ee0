"""Letters with sign-in codes on the pages: chosen in SEARCH, looked through, printed."""

import io
import re
from collections.abc import Iterator

import pypdf
import pytest
from django.test import Client
from django.urls import reverse

from identity_manager import colours
from identity_manager.models import Person, Role, SignInCode
from identity_manager.queries import looks as looks_queries
from tests.tools import cast
from tests.tools import looks as company_looks
from tests.tools.sign_in import prove, signed_in

pytestmark = pytest.mark.long

CHOOSE, LETTERS = "console:sign-in-letters-choose", "console:sign-in-letters"


@pytest.fixture(autouse=True)
def _looks_are_read_anew() -> Iterator[None]:
    yield
    looks_queries.forget()


@pytest.fixture
def rita(company: cast.Company) -> Client:
    """A Registration Officer's browser, who has just signed in."""
    return signed_in(company.rita, 0)


@pytest.fixture
def nina(company: cast.Company) -> Person:
    return cast.person("nina", roles=())


def choose(browser: Client, *persons: Person) -> str:
    sent = {"search": "kind=employee", "persons": [str(person.pk) for person in persons]}
    return browser.post(reverse(CHOOSE), sent, follow=True).text


def test_the_button_stands_under_the_search_of_who_may_press_it(rita: Client, company: cast.Company) -> None:
    search = reverse("console:search")
    assert reverse(CHOOSE) in rita.get(search, {"kind": "employee", "q": "uma"}).text
    assert reverse(CHOOSE) not in signed_in(company.ada).get(search, {"kind": "employee", "q": "uma"}).text


def test_a_selection_is_looked_through_and_printed(rita: Client, company: cast.Company, nina: Person) -> None:
    kim = cast.person("kim", roles=(), display_name="김민수", sid="")
    page = choose(rita, nina, company.ada, kim)
    assert "1 letter" in page
    assert "1 waits for a second officer" in page
    assert "The fonts of the letters lack 김 민 수." in page
    assert not SignInCode.objects.exists()

    response = rita.post(reverse(LETTERS))
    assert response["Content-Type"] == "application/pdf"
    assert "no-store" in response["Cache-Control"]
    assert response["Content-Disposition"].startswith("attachment")
    pages = [each.extract_text() for each in pypdf.PdfReader(io.BytesIO(response.content)).pages]
    assert len(pages) == 2
    assert re.search(r"[A-Z2-9]{5}(-[A-Z2-9]{5}){3}", pages[1])
    assert SignInCode.objects.filter(person=nina).exclude(made_at=None).count() == 1
    assert SignInCode.objects.filter(person=company.ada, made_at=None).count() == 1
    assert not SignInCode.objects.filter(person=kim).exists()


def test_a_second_print_of_one_selection_says_why_it_has_no_letter(rita: Client, nina: Person) -> None:
    """Two clicks at once: both have read the selection before one of them removes it."""
    choose(rita, nina)
    selection = dict(rita.session)
    assert rita.post(reverse(LETTERS))["Content-Type"] == "application/pdf"
    session = rita.session
    session.update(selection)
    session.save()

    page = rita.post(reverse(LETTERS), follow=True).text

    assert "A code was made since this person was chosen." in page
    assert SignInCode.objects.get(person=nina).withdrawn_at is None


def test_a_letter_has_the_looks_of_the_company(rita: Client, nina: Person) -> None:
    """Product name, logo (pixels of its PNG), accent, help desk, imprint and privacy."""
    company_looks.in_force(cast.person("sven", roles=(Role.SYSTEM_ADMINISTRATOR,), sid=""))
    looks_queries.forget()
    choose(rita, nina)

    pdf = pypdf.PdfReader(io.BytesIO(rita.post(reverse(LETTERS)).content))

    letter = pdf.pages[1]
    text = letter.extract_text()
    assert text.startswith("Contoso Trust")
    assert "IT desk, telephone 4711" in text
    assert "Imprint: https://x.example/imprint" in text
    assert "Privacy: https://x.example/privacy" in text
    (logo,) = letter.images
    assert (logo.image.size, logo.image.convert("RGB").getpixel((5, 5))) == ((40, 20), (0x1F, 0x6F, 0xEB))
    assert pdf.metadata is not None
    assert pdf.metadata.creator == "Contoso Trust"
    accent = colours.accent("#1f6feb").light.accent
    drawn = letter.get_contents().get_data().decode("latin-1")
    colours_of_text = {
        tuple(round(float(each) * 255) for each in found)
        for found in re.findall(r"([\d.]+) ([\d.]+) ([\d.]+) rg", drawn)
    }
    assert tuple(int(accent[at : at + 2], 16) for at in (1, 3, 5)) in colours_of_text


@pytest.mark.parametrize("language", ["en", "de", "sv", "fr"])
def test_however_long_the_foot_is_a_letter_is_one_page(rita: Client, nina: Person, language: str) -> None:
    """The longest help desk line, imprint and privacy address that ADMIN takes."""
    link = f"https://x.example/{'l' * 276}/end"
    company_looks.in_force(
        cast.person("sven", roles=(Role.SYSTEM_ADMINISTRATOR,), sid=""),
        help_desk={"en": f"{'IT desk, telephone ' * 8}4711"},
        imprint=link,
        privacy=link,
    )
    looks_queries.forget()
    Person.objects.filter(pk=nina.pk).update(language=language)
    choose(rita, nina)

    pages = pypdf.PdfReader(io.BytesIO(rita.post(reverse(LETTERS)).content)).pages

    assert len(pages) == 2
    said = "".join(pages[1].extract_text().split())
    assert "telephone4711" in said
    assert said.count("/end") == 2


def test_without_looks_a_letter_is_ours(rita: Client, nina: Person) -> None:
    choose(rita, nina)

    pdf = pypdf.PdfReader(io.BytesIO(rita.post(reverse(LETTERS)).content))

    assert not pdf.pages[1].images
    assert "Imprint" not in pdf.pages[1].extract_text()


def test_pressed_again_it_prints_nothing(rita: Client, nina: Person) -> None:
    choose(rita, nina)
    assert rita.post(reverse(LETTERS)).status_code == 200
    again = rita.post(reverse(LETTERS))
    assert again.status_code == 422
    assert "letters of this selection are made already" in again.text
    assert SignInCode.objects.count() == 1


def test_where_all_wait_the_codes_are_asked_for(rita: Client, company: cast.Company) -> None:
    choose(rita, company.ada)
    response = rita.post(reverse(LETTERS), follow=True)
    assert "The codes are asked for." in response.text
    assert SignInCode.objects.get().person == company.ada


def test_an_old_sign_in_is_confirmed_first_and_the_selection_stays(
    rita: Client, company: cast.Company, nina: Person
) -> None:
    choose(rita, nina)
    prove(rita, 3600)
    response = rita.post(reverse(LETTERS))
    assert response.status_code == 302
    assert reverse("account_reauthenticate") in response["Location"]
    assert not SignInCode.objects.exists()
    assert "Nina Muster" in rita.get(reverse(LETTERS)).text


def test_nothing_chosen_is_said(rita: Client) -> None:
    assert "Nothing is chosen." in choose(rita)
    assert "Nobody is chosen" in rita.get(reverse(LETTERS)).text
