"""What ADMIN shows of each mail: whole sentences, in the language's own way of writing."""

import re

import pytest
from django.conf import settings

from identity_manager.mail import specimens
from identity_manager.mail.registry import MAILS

LANGUAGES = [code for code, _name in settings.LANGUAGES]
# A German letter goes on in small letters after its salutation.
AS_IF_ANEW = re.compile(
    r"^Guten Tag [^\n]*,\n\n(Die|Das|Der|Dies|Diese|Ein|Eine|Für|Von|An|Mit|In|Ab|Alle)\b"
)


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_specimen_leaves_a_gap_where_a_moment_or_a_reason_stands(language: str) -> None:
    texts = {name: specimens.specimen(name, language=language).body_text for name in MAILS}
    gaps = re.compile(r", \.|: \.|^(Reason|Grund): ?$", re.MULTILINE)
    assert [name for name, text in texts.items() if gaps.search(text)] == []


def test_german_goes_on_after_the_salutation() -> None:
    texts = {name: specimens.specimen(name, language="de").body_text for name in MAILS}
    assert all(text.startswith("Guten Tag ") for text in texts.values())
    assert [name for name, text in texts.items() if AS_IF_ANEW.match(text)] == []


def test_english_dates_are_written_as_on_the_pages() -> None:
    shown = specimens.specimen("passphrase_shown", language="en").body_text
    assert re.search(r"for the first time, \d{1,2} [A-Z][a-z]+ \d{4}, \d\d:\d\d\.", shown)
    reminder = specimens.specimen("approval_reminder", language="en").body_text
    assert re.search(r"since \d{1,2} [A-Z][a-z]+ \d{4}\.", reminder)
