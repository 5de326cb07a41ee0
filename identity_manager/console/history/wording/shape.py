"""Shape of the wording of an audit event, and the details that several events show."""

from collections.abc import Callable
from dataclasses import dataclass

from django.utils.functional import Promise

from identity_manager.console.history import event_facts as details
from identity_manager.console.history.event_facts import Facts
from identity_manager.models.requests.revocation_reasons import REVOCATION_REASONS
from identity_manager.ui.parts import Meaning


@dataclass(frozen=True)
class Wording:
    """Sentence, meaning, icon, and the facts worth showing."""

    sentence: str | Promise
    meaning: Meaning = Meaning.QUIET
    icon: str = ""
    detail: Callable[[Facts], str] = lambda _facts: ""


DONE, WAITING, STOPPED, INFORMATION = Meaning.DONE, Meaning.WAITING, Meaning.STOPPED, Meaning.INFORMATION
fact, moment, listed, fields = details.fact, details.moment, details.listed, details.fields
reason, rows = details.why, details.fact("rows")
revocation = details.chosen("reason", REVOCATION_REASONS.items())
