"""How user principal names are compared: as Active Directory does, without regard to case and accents.

Width, kana and compatibility forms do not matter either. No database folds text like this, so the key
stands in a column of its own, which is unique.
"""

import hashlib
from typing import Any

from django.db import models
from django.db.models import QuerySet

from identity_manager.models.person_search.text import fold

CHUNK = 500
_KATAKANA = {code: code + 0x60 for code in range(0x3041, 0x3097)}  # hiragana to katakana


def upn_key(upn: str) -> str:
    """Return the key of a name: two names are the same one where their keys are. It has a fixed length."""
    folded = fold(upn).translate(_KATAKANA)
    return hashlib.sha256(folded.encode("utf-8", "surrogatepass")).hexdigest()


def claim(person: Any) -> None:
    """Set the key of a person, also of a migration's model: one that is not Locked claims their UPN."""
    person.upn_key = upn_key(person.upn) if person.upn and person.state != "locked" else None


class UpnKeyField(models.CharField):  # type: ignore[type-arg]  # generic in the stubs alone
    """The key of a person's UPN; none without one, and none of who is Locked.

    Whose UPN was equal to another's before names were compared like this has none and is saved without it:
    nothing else of them is to fail. Whoever changes a UPN sets it first (Person.compare_upn).
    """

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:  # noqa: FBT001 Django's
        person: Any = model_instance
        had = person.upn_key
        claim(person)
        if not add and had is None and person.upn_key is not None:
            others = type(person)._base_manager.exclude(pk=person.pk)
            person.upn_key = None if others.filter(upn_key=person.upn_key).exists() else person.upn_key
        return super().pre_save(model_instance, add)


def fill(persons: QuerySet[Any]) -> int:
    """Set the keys that lack, in the order of the persons; return of how many another person has the key."""
    rows = persons.filter(upn_key=None).exclude(upn="").exclude(state="locked").order_by("pk")
    left, last = 0, None
    while chunk := list((rows.filter(pk__gt=last) if last else rows).only("pk", "upn")[:CHUNK]):
        last = chunk[-1].pk
        keys: dict[str, Any] = {}
        for row in chunk:
            keys.setdefault(upn_key(row.upn), row)
        taken = set(persons.filter(upn_key__in=keys).values_list("upn_key", flat=True))
        free = {key: row for key, row in keys.items() if key not in taken}
        for key, row in free.items():
            row.upn_key = key
        persons.bulk_update(free.values(), ["upn_key"])
        left += len(chunk) - len(free)
    return left
