"""What a test of a connection finds, in words: those of the commands, and those of a page."""

import re

import pytest
from django.utils import translation
from django.utils.functional import Promise

from ca_bridge import health_findings
from ca_bridge.connection import faults
from ca_bridge.contract import ConnectionFault, Health
from ca_bridge.health_findings import HealthDetail, HealthFinding

VALUES = {
    "name": "CN=corporate",
    "until": "2027-01-12",
    "ended": "2026-11-28 10:00",
    "ca": "Corporate",
    "said": "HTTP 403",
    "profile": "client",
    "version": "1.2",
    "provisioner": "portal",
    "number": "2",
    "known": "c0ffee",
}


@pytest.mark.parametrize("finding", HealthFinding)
def test_each_has_words_in_german(finding: HealthFinding) -> None:
    english = health_findings.in_words(HealthDetail(finding, VALUES))
    with translation.override("de"):
        german = health_findings.in_words(HealthDetail(finding, VALUES))
    assert german != english or finding is HealthFinding.KNOWS_CA  # names alone
    assert not re.search(r"%\(|\{", english + german)


def test_the_day_is_told_as_the_reader_writes_it() -> None:
    found = Health.healthy(HealthFinding.HOLDS_UNTIL, name="CN=corporate", until="2027-01-12").found
    with translation.override("de"):
        assert health_findings.in_words(found[0]) == "CN=corporate, bis 12. Januar 2027."


def test_the_detail_is_english_whatever_the_reader_speaks() -> None:
    several = HealthDetail(HealthFinding.SIGNS_FOR_ALL), HealthDetail(HealthFinding.NO_DATABASE)
    with translation.override("de"):
        health = Health.unhealthy(*several, fault=ConnectionFault.SETTINGS)
    assert health.detail == (
        "Its newcert signs for whoever reaches it: disable it. "
        "It has no database: nothing can be found again, or revoked."
    )
    assert (health.ok, health.fault, health.found) == (False, ConnectionFault.SETTINGS, several)


@pytest.mark.parametrize("words", [*health_findings.WORDS.values(), *faults.WORDS.values()])
def test_no_german_sentence_begins_as_if_it_were_of_what_is_the_readers(words: Promise) -> None:
    with translation.override("de"):
        assert not re.match(r"Ihre?\b", str(words))
