"""Names of the officers who may confirm, for pages of decisions."""

from typing import Any

from django.db.models import QuerySet

from identity_manager.models import Person

NAMED = 5


def named(officers: QuerySet[Person]) -> dict[str, Any]:
    """The names of the first of them, and whether there are more."""
    # With their keys, for two may have one name, and of equal rows a DISTINCT query leaves one.
    found = list(officers.values_list("pk", "display_name")[: NAMED + 1])
    return {"officers": [name for _pk, name in found[:NAMED]], "more_officers": len(found) > NAMED}
