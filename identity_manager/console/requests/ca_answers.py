"""What a certificate authority answered, as a row of parts/answers.html."""

from dataclasses import dataclass
from datetime import datetime
from typing import Self

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from ca_bridge.connection import faults
from ca_bridge.models import CaAttempt

NO_ANSWER = _("no answer")  # none that can be believed


@dataclass(frozen=True)
class CaAnswer:
    """When, what came of it, the fault in words where it has a name, and what was said."""

    at: datetime | None
    answer: str | Promise
    words: str
    detail: str

    @classmethod
    def of(cls, attempt: CaAttempt, at: datetime | None) -> Self:
        """at: when it was asked, or when it answered, as the table says."""
        is_unknown = attempt.outcome == CaAttempt.Outcome.UNKNOWN
        answer = NO_ANSWER if is_unknown else attempt.get_outcome_display() or NO_ANSWER
        return cls(at, answer, faults.in_words(faults.of_words(attempt.detail)), attempt.detail)
