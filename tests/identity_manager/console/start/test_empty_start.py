"""START where nothing is there yet."""

import pytest
from django.urls import reverse

from identity_manager.models import OFFICER_ROLES, Role
from tests.identity_manager.console.start.test_start import START
from tests.identity_manager.console.visitors import officer
from tests.tools.sign_in import signed_in

pytestmark = [pytest.mark.database, pytest.mark.nightly_on_postgresql]


@pytest.mark.parametrize("role", sorted(OFFICER_ROLES))
def test_an_empty_installation_has_words_for_every_role(db: None, role: Role) -> None:
    response = signed_in(officer("olga", role)).get(START)

    assert response.status_code == 200
    assert "Start" in response.text
    assert list(response.context["waits"]) == []
    assert list(response.context["troubles"]) == []


@pytest.mark.parametrize("role", [Role.TOKEN_ADMINISTRATOR, Role.AUDITOR])
def test_what_leads_on_does_not_wait_for_the_first_token(db: None, role: Role) -> None:
    """A move from another system begins before anything ends here."""
    page = signed_in(officer("olga", role)).get(START).text
    assert all(reverse(f"console:{name}") in page for name in ("renewals", "terms-acceptances", "migration"))


def test_who_enables_is_told_how_it_begins(db: None) -> None:
    ada = signed_in(officer("ada", Role.TOKEN_ADMINISTRATOR))
    assert "To begin, find a person and click Enable." in ada.get(START).text
    otto = signed_in(officer("otto", Role.AUDITOR)).get(START).text
    assert "Each step of a request appears here" in otto
    assert "To begin" not in otto


@pytest.mark.parametrize(
    ("name", "said", "unsaid"),
    [
        ("renewals", "Nothing ends soon", "How renewal goes"),
        ("terms-acceptances", "No terms yet", "Nobody is asked again"),
        ("token-imports", "No token type can be handed out", "Look through"),
    ],
)
def test_a_page_asks_for_nothing_that_is_not_there(db: None, name: str, said: str, unsaid: str) -> None:
    """Neither tiles of zeros, nor lists without anything to choose."""
    page = signed_in(officer("ada", Role.TOKEN_ADMINISTRATOR)).get(reverse(f"console:{name}")).text
    assert said in page
    assert unsaid not in page
