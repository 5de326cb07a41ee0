"""Breaker: stops imports and directory runs with too many changes, until two officers agree.

A wrong file or a faulty directory would otherwise lock out a large part of the company. The limits apply to
24 hours over all imports and runs together, so that splitting a file does not evade them. Persons created
meanwhile are not in the total: else a file of new persons would raise the limit. The sentences of stopped
standing orders are here, too (workflow/standing_orders/breaker.py).
"""

from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext_lazy as _

from identity_manager.models import DirectoryRun, Person, PersonImport, PersonState
from identity_manager.models.words import Vocabulary
from identity_manager.transactions.refusals import Reason

WINDOW = timedelta(hours=24)
MOST_EMPTIED = 10  # largest group that a run may empty
_SENTENCES = Vocabulary(
    "stops of the breaker",
    {
        "too-many-leaving": _(
            "With all imports and directory runs of the last 24 hours, this would deactivate or lock"
            " %(number)s of %(all)s persons, more than %(percent)s %%. A second officer has to confirm that."
        ),
        "too-many-persons": _(
            "With all imports and directory runs of the last 24 hours, this would deactivate or lock"
            " %(number)s persons, more than %(most)s. A second officer has to confirm that."
        ),
        "too-many-emails": _(
            "With all imports and directory runs of the last 24 hours, this would change %(number)s of"
            " %(all)s e-mail addresses, more than %(percent)s %%. A second officer has to confirm that."
        ),
        "nobody-found": _(
            "The directory answered without a fault, and with nobody: %(number)s persons would leave. A"
            " second officer has to confirm that."
        ),
        "standing-order-emptied": _(
            "%(name)s has no member any more: all %(number)s persons of the standing order would lose the"
            " software token. Nobody has lost it. Two officers have to agree."
        ),
        "standing-order-leaving": _(
            "Within 24 hours, %(number)s of %(all)s members would lose the software token, more than"
            " %(percent)s %%. Two officers have to agree."
        ),
        "standing-order-joining": _(
            "Within 24 hours, %(number)s persons would get the software token, more than %(most)s. Two"
            " officers have to agree."
        ),
        "standing-order-type-withdrawn": _(
            "The token type %(name)s was withdrawn. Nobody gets or loses anything by this standing order."
        ),
        "standing-order-asker-gone": _(
            "%(name)s, by whose rights this standing order runs, is no Software Token Administrator of all"
            " organisational units any more. Another one can have it go on."
        ),
        "standing-order-refused": _("A batch order could not be placed: %(why)s"),
        "group-emptied": _(
            "The group %(name)s had %(number)s members and has none now. A second officer has to confirm"
            " that."
        ),
    },
)


@dataclass(frozen=True)
class Stop:
    """Reason why the breaker stops something: a code, and the facts of its sentence, as plain values."""

    code: str
    facts: dict[str, Any]

    @property
    def reason(self) -> Reason:
        """The sentence, with localised numbers."""
        grouped = partial(number_format, force_grouping=True)
        facts = {
            name: grouped(value) if isinstance(value, int) else value for name, value in self.facts.items()
        }
        return Reason(self.code, str(_SENTENCES.in_words(self.code)) % facts)


@dataclass(frozen=True)
class Counted:
    """How many persons there are who are not Locked, and how many of them have an e-mail address."""

    persons: int
    emails: int

    @classmethod
    def now(cls) -> "Counted":
        persons = Person.objects.exclude(state=PersonState.LOCKED)
        return cls(persons.count(), persons.exclude(email="").count())


def stop(*, leaving: int, emails_changed: int, counted: Counted) -> Stop | None:
    """Reason why two officers have to agree to so many changes, or None."""
    since = timezone.now() - WINDOW
    done = PersonImport.objects.figures_since(since) + DirectoryRun.objects.figures_since(since)
    left, changed = done.left + leaving, done.emails_changed + emails_changed
    persons = max(0, counted.persons - done.created)
    percent, most = settings.BREAKER_LEAVING_PERCENT, settings.BREAKER_PERSONS
    if leaving and left * 100 > percent * persons:
        return Stop("too-many-leaving", {"number": left, "all": persons, "percent": percent})
    if leaving and left > most:
        return Stop("too-many-persons", {"number": left, "most": most})
    percent = settings.BREAKER_EMAILS_PERCENT
    if emails_changed and changed * 100 > percent * counted.emails:
        return Stop("too-many-emails", {"number": changed, "all": counted.emails, "percent": percent})
    return None
