"""Outcomes and reasons as they are stored on lines of batch orders."""

from collections.abc import Callable, Sequence
from typing import Any

from django.conf import settings
from django.utils import translation

from identity_manager.models import BatchLine
from identity_manager.transactions.refusals import Reason

StoredReasons = list[dict[str, Any]]


def in_each_language(ask: Callable[[], Sequence[tuple[str, Reason]]]) -> StoredReasons:
    """Reasons by code of the token type, in every language of the installation."""
    said = {}
    for language, _name in settings.LANGUAGES:
        with translation.override(language):
            said[language] = [(code, reason.code, str(reason)) for code, reason in ask()]
    return [
        {
            "type": code,
            "code": reason,
            "words": {language: rows[place][2] for language, rows in said.items()},
        }
        for place, (code, reason, _sentence) in enumerate(next(iter(said.values())))
    ]


def one_reason(reason: Reason) -> StoredReasons:
    """As in_each_language, for a single reason about the whole line."""
    return in_each_language(lambda: [("", reason)])


def write(lines: Sequence[BatchLine]) -> None:
    """Write the outcomes of lines in one statement."""
    BatchLine.objects.bulk_create(
        lines,
        update_conflicts=True,
        unique_fields=["id"],
        update_fields=["outcome", "types", "reasons", "request", "settled_at"],
    )
