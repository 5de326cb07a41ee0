"""Comparison keys of user principal names (UPN), which are compared as Active Directory does.

Case, accents, width, kana and compatibility forms do not matter. No database folds text like this, so the key
is computed in Python and stored in a column with a unique constraint.
"""

import hashlib
from typing import Any

from django.db import models
from django.db.models import QuerySet

from identity_manager.models.person_search.text import fold

CHUNK = 500
_KATAKANA = {code: code + 0x60 for code in range(0x3041, 0x3097)}  # hiragana to katakana


def upn_key(upn: str) -> str:
    """Return the comparison key of a UPN, equal for equal names: SHA-256 of the folded name, hexadecimal."""
    folded = fold(upn).translate(_KATAKANA)
    return hashlib.sha256(folded.encode("utf-8", "surrogatepass")).hexdigest()


def claim(person: Any) -> None:
    """Set the person's key; None without a UPN or for Locked persons. Works on historical models, too."""
    person.upn_key = upn_key(person.upn) if person.upn and person.state != "locked" else None


class UpnKeyField(models.CharField):  # type: ignore[type-arg]  # generic in the stubs alone
    """The key of a person's UPN, set by each save; null without a UPN and for Locked persons.

    Duplicates from before the column existed keep null, if another person has the key, so that saves of other
    fields do not fail. A changed UPN is claimed beforehand by Person.compare_upn, and a duplicate refused.
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
    """Set missing keys, in the order of primary keys; return how many duplicates were left without one."""
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
