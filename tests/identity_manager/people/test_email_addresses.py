"""An address is kept in ASCII, as on the wire and in a certificate, and shown as it is written."""

import pytest

from identity_manager.people.identity.email_addresses import canonical, readable


@pytest.mark.parametrize(
    "written",
    [
        "uma@münchen.example",
        "uma@例え.テスト",
        "uma@straße.example",
        "uma@пример.example",
        "uma@a.müller.example",
    ],
)
def test_there_and_back(written: str) -> None:
    kept = canonical(written)
    assert kept.isascii()
    assert readable(kept) == written
    assert canonical(readable(kept)) == kept


@pytest.mark.parametrize(
    "kept",
    [
        "uma@example.com",
        "UMA@example.com",
        "",
        "no address",
        "xn--x@example.com",
        "uma@xn--",
        "uma@xn--0.example",
        "uma@xn--80ak6aa92e.com",  # аррӏе in Cyrillic letters: it reads as another domain
        "uma@xn--pypal-4ve.com",  # pаypal with one Cyrillic letter
    ],
)
def test_what_would_deceive_stays_as_it_is(kept: str) -> None:
    assert readable(kept) == kept
