"""Who else may confirm, by name: on the pages of sign-in codes and of changes of identity."""

from typing import Any

from django.db.models import QuerySet

from identity_manager.models import Person

NAMED = 5


def named(officers: QuerySet[Person]) -> dict[str, Any]:
    """The names of the first of them, and whether there are others."""
    names = list(officers.values_list("display_name", flat=True)[: NAMED + 1])
    return {"officers": names[:NAMED], "more_officers": len(names) > NAMED}
