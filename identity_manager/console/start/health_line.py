"""A line of Health on START."""

from dataclasses import dataclass
from datetime import datetime

from identity_manager.ui.parts import Meaning


@dataclass(frozen=True)
class HealthLine:
    """State of one part: badge, sentence, link (empty: none). at: time of the finding. remedy: what to do."""

    title: str
    url: str
    meaning: Meaning
    word: str
    sentence: str = ""
    at: datetime | None = None
    remedy: str = ""
