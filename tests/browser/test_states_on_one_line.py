"""The word of a state stands on one line in the lists of requests and mails at 1280 px, in each language."""

import pytest
from django.db.models import Model
from django.urls import reverse
from django.utils.translation import override
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from identity_manager.config import languages
from identity_manager.models import OutgoingMail, TokenRequest
from tests.browser.conftest import NEEDS, OpenDesk
from tests.browser.screenshots import CATALOGUES, ROOT
from tests.tools.cast import Company

pytestmark = [*NEEDS, pytest.mark.long]
LISTS = (("console:requests", TokenRequest), ("console:outbox", OutgoingMail))
# Each word in turn in the first badge; a line of it is 20 px high, with its frame 26.
ON_SEVERAL_LINES = """words => {
  const badge = document.querySelector("td .badge");
  return words.filter((word) => {
    badge.lastChild.textContent = word;
    return badge.offsetHeight > 30;
  });
}"""


def words_of_states(kind: type[Model], language: str) -> list[str]:
    with override(language):
        return [str(label) for _state, label in kind._meta.get_field("state").flatchoices]  # type: ignore[union-attr]  # a field of these models


def test_no_state_wraps(
    open_desk: OpenDesk, company: Company, settings: Settings, live_server: LiveServer
) -> None:
    company.request_in("requested")
    page = open_desk("ada").page
    settings.LANGUAGES = languages.found_in([ROOT / "locale"])
    wrapped = {}
    for language in ("en", *CATALOGUES):
        page.context.add_cookies([{"name": "django_language", "value": language, "url": live_server.url}])
        for name, kind in LISTS:
            page.goto(reverse(name))
            assert page.locator("html").get_attribute("lang") == language
            words = words_of_states(kind, language)
            wrapped[language, name] = page.evaluate(ON_SEVERAL_LINES, words)
    assert {place: words for place, words in wrapped.items() if words} == {}
    assert len(wrapped) == 8
