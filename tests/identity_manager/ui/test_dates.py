"""Dates in words."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.utils import timezone, translation
from django.utils.formats import date_format

from identity_manager.ui import dates

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _berlin():
    with timezone.override("Europe/Berlin"):
        yield


@pytest.mark.parametrize(
    ("distance", "said"),
    [
        (timedelta(seconds=-20), "just now"),
        (timedelta(seconds=20), "in a moment"),
        (timedelta(minutes=-1), "1 minute ago"),
        (timedelta(minutes=59, seconds=30), "in 59 minutes"),
        (timedelta(hours=-3), "today 10:00"),
        (timedelta(hours=1), "today 14:00"),
        (timedelta(hours=11), "tomorrow 00:00"),
        (timedelta(hours=-14), "yesterday 23:00"),
        (timedelta(days=6), "in 6 days"),
        (timedelta(days=-13), "13 days ago"),
        (timedelta(days=14), "8 December 2026"),
    ],
)
def test_a_moment_in_words(distance, said):
    assert dates.words(NOON + distance, now=NOON) == said


def test_the_day_is_the_readers_day():
    late = datetime(2026, 11, 24, 23, 30, tzinfo=UTC)
    assert dates.words(late, now=NOON) == "tomorrow 00:30"
    with timezone.override("America/New_York"):
        assert dates.words(late, now=NOON) == "today 18:30"


@pytest.mark.parametrize(
    ("day", "said"),
    [
        (date(2026, 11, 23), "yesterday"),
        (date(2026, 11, 24), "today"),
        (date(2026, 11, 30), "in 6 days"),
        (date(2027, 5, 3), "3 May 2027"),
    ],
)
def test_a_day_in_words(day, said):
    assert dates.day_words(day, now=NOON) == said


def test_the_exact_moment_names_its_zone():
    assert dates.exact(NOON) == "Tuesday, 24 November 2026, 13:00:00 CET"


@pytest.mark.parametrize(
    ("waited", "said"),
    [
        (timedelta(seconds=30), "less than a minute"),
        (timedelta(minutes=61), "1 hour"),
        (timedelta(days=1, hours=23), "1 day"),
        (timedelta(hours=-1), "less than a minute"),
    ],
)
def test_how_long_something_waited(waited, said):
    assert dates.age(NOON - waited, now=NOON) == said


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", "24 November 2026, 12:00"),
        ("de", "24. November 2026, 12:00 Uhr"),
        ("fr", "24 novembre 2026 à 12:00"),
        ("sv", "24 november 2026 kl. 12:00"),
    ],
)
def test_date_and_time_are_written_out_as_each_language_does(language, said):
    with translation.override(language):
        assert date_format(NOON, "DATETIME_FORMAT") == said
