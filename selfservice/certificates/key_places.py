"""Targets that have copies of a person's keys, and since when."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from identity_manager.models import Certificate, KeyHolder, Placement, PlacementState
from identity_manager.models.words import Vocabulary, Words

WORDS = Vocabulary(
    "key holders, in Self-Service",
    {
        KeyHolder.GATEWAY: _("A copy of this key is at the mail gateway of your organisation since"),
        KeyHolder.INTUNE: _("On your managed devices since"),
        KeyHolder.GMAIL: _("Google has a copy of this key, for your Gmail, since"),
    },
)


@dataclass(frozen=True)
class KeyPlace:
    """A target that has the key."""

    words: Words
    since: datetime


def of(certificates: Iterable[Certificate]) -> dict[Certificate, list[KeyPlace]]:
    """The targets that have the key of each of these."""
    rows = Placement.objects.filter(certificate__in=list(certificates), carries_key=True)
    there = rows.filter(state=PlacementState.THERE).select_related("target", "certificate")
    found = defaultdict(list)
    for row in there.defer("parcel_wrapped", "certificate__private_key_wrapped"):
        if row.there_at is not None:
            found[row.certificate].append(KeyPlace(_words(row), row.there_at))
    return found


def _words(row: Placement) -> Words:
    """A target that the settings do not have any more has a name only."""
    configuration = settings.TARGETS.get(row.target.name)
    if configuration is None:
        return _("A copy of this key is at %(target)s since") % {"target": row.target.name}
    return WORDS.in_words(configuration.kind)
