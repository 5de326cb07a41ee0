"""Answers of a CA as rows of parts/answers.html."""

from dataclasses import dataclass
from datetime import datetime
from typing import Self

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from ca_bridge.connection import faults
from ca_bridge.models import CaAttempt

NO_ANSWER = _("no answer")  # unknown outcome


@dataclass(frozen=True)
class CaAnswer:
    """Time, outcome, fault in words if known, and the CA's text."""

    at: datetime | None
    answer: str | Promise
    words: str
    detail: str

    @classmethod
    def of(cls, attempt: CaAttempt, at: datetime | None) -> Self:
        """at: time of the call or of the answer, as the table's head says."""
        is_unknown = attempt.outcome == CaAttempt.Outcome.UNKNOWN
        answer = NO_ANSWER if is_unknown else attempt.get_outcome_display() or NO_ANSWER
        return cls(at, answer, faults.in_words(faults.of_words(attempt.detail)), attempt.detail)
