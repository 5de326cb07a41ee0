"""The text part says everything that the HTML part says: whoever reads mail as text misses nothing."""

from html.parser import HTMLParser

import pytest
from django.conf import settings as product
from pytest_django import Settings

from identity_manager.mail import specimens
from identity_manager.mail.registry import MAILS
from identity_manager.models import OutgoingMail

BLOCKS = {"a", "body", "code", "div", "h1", "h2", "h3", "li", "ol", "p", "table", "td", "th", "tr", "ul"}
UNSEEN = {"style", "title"}
LANGUAGES = [code for code, _name in product.LANGUAGES]
DELIVERY_MODES = ("attachment", "link", "both")


class Seen(HTMLParser):
    """What is seen of an HTML part: its blocks of words, and where its links lead."""

    def __init__(self, document: str) -> None:
        super().__init__()
        self.words, self.links = [""], []
        self._unseen = 0
        self.feed(document)
        self.close()
        self.blocks = [text for text in map(one_line, self.words) if text]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.links += [value for name, value in attrs if name in {"href", "src"} and value]
        self._unseen += tag in UNSEEN
        if tag in BLOCKS:
            self.words.append("")

    def handle_endtag(self, tag: str) -> None:
        self._unseen -= tag in UNSEEN
        if tag in BLOCKS:
            self.words.append("")

    def handle_data(self, data: str) -> None:
        if not self._unseen:
            self.words[-1] += data


def one_line(text: str) -> str:
    return " ".join(text.split())


def missing(mail: OutgoingMail) -> list[str]:
    """What the HTML part shows and neither the subject nor the text part says."""
    seen = Seen(mail.body_html)
    text = one_line(f"{mail.subject}\n{mail.body_text}")
    return [each for each in (*seen.blocks, *seen.links) if each not in text]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_fact_link_and_step_is_in_the_text(language: str) -> None:
    mails = {name: specimens.specimen(name, language=language) for name in MAILS}
    assert {name: missing(mail) for name, mail in mails.items() if missing(mail)} == {}
    assert all(len(Seen(mail.body_html).blocks) > 3 for mail in mails.values())


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("mode", DELIVERY_MODES)
@pytest.mark.parametrize("container_format", ["standard", "compatible"])
def test_so_it_is_for_each_way_of_delivery(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, language: str, mode: str, container_format: str
) -> None:
    settings.DELIVERY_MODE = mode
    monkeypatch.setattr(specimens, "FORMAT", container_format)
    mail = specimens.specimen("delivery", language=language)
    assert mail.delivery_mode == mode
    assert missing(mail) == []
    steps = [block for block in Seen(mail.body_html).blocks if block in mail.body_text]
    assert len(steps) > 10


def test_what_is_missing_is_found() -> None:
    """The search itself: a step, a link and a picture that the text does not have."""
    page = '<p>Known</p><ol><li>A step</li></ol><a href="https://x.example/">go</a><img src="cid:1">'
    mail = OutgoingMail(subject="s", body_text="Known", body_html=page)
    assert missing(mail) == ["A step", "go", "https://x.example/", "cid:1"]
