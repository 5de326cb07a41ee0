"""Colons and quotation marks as each language sets them."""

import pytest
from django.utils import translation

from identity_manager.ui.punctuation import labelled, quoted


@pytest.mark.parametrize(
    ("language", "label", "words"),
    [
        ("en", "State: Active", "“Active”"),
        ("de", "State: Active", "„Active“"),
        ("sv", "State: Active", "”Active”"),
        ("fr", "State\N{NO-BREAK SPACE}: Active", "«\N{NO-BREAK SPACE}Active\N{NO-BREAK SPACE}»"),
    ],
)
def test_in_each_language(language: str, label: str, words: str) -> None:
    with translation.override(language):
        assert (labelled("State", "Active"), quoted("Active")) == (label, words)


def test_without_one_of_them_nothing_is_set_apart() -> None:
    assert (labelled("", "Active"), labelled("State", "")) == ("Active", "State")
