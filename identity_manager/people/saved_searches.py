"""Verbs on saved searches, an officer's private bookmarks; therefore not audited."""

import unicodedata
import uuid

from django.db import transaction
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from identity_manager.models import Person, SavedSearch
from identity_manager.transactions import locking
from identity_manager.transactions.refusals import Reason, refuse, require

LIMIT = 20
LONGEST_NAME = 60
LONGEST_QUERY = 2000
NO_NAME = Reason("no-name", _("Give the search a name."))
BAD_NAME = Reason(
    "bad-name",
    format_lazy(
        _("A name has at most {longest} characters, and no control characters."), longest=LONGEST_NAME
    ),
)
NAME_TAKEN = Reason("search-name-taken", _("You have a search of this name already."))
TOO_MANY = Reason(
    "too-many-searches", format_lazy(_("You have {limit} saved searches. Delete one first."), limit=LIMIT)
)
TOO_LONG = Reason("query-too-long", _("This search is too long to be kept. Use fewer words."))


def keep(*, actor: Person, name: str, kind: str, query: str) -> SavedSearch:
    """Save a search under a name. Raises NotPossible (name, number of searches, length)."""
    with transaction.atomic():
        locking.person(actor.pk)
        wanted = _name(actor, name)
        refuse(TOO_LONG if len(query) > LONGEST_QUERY else None)
        refuse(TOO_MANY if SavedSearch.objects.filter(owner=actor).count() >= LIMIT else None)

        return SavedSearch.objects.create(owner=actor, name=wanted, kind=kind, query=query)


def rename(*, actor: Person, search_id: uuid.UUID, name: str) -> SavedSearch:
    """Rename a saved search. Raises NotPossible, or SavedSearch.DoesNotExist for another officer's."""
    with transaction.atomic():
        locking.person(actor.pk)
        row = SavedSearch.objects.get(pk=search_id, owner=actor)
        wanted = _name(actor, name, but=row)

        row.name = wanted
        row.save(update_fields=["name"])
        return row


def forget(*, actor: Person, search_id: uuid.UUID) -> None:
    """Delete a saved search; idempotent."""
    with transaction.atomic():
        locking.person(actor.pk)
        SavedSearch.objects.filter(pk=search_id, owner=actor).delete()


def _name(actor: Person, name: str, *, but: SavedSearch | None = None) -> str:
    """The stripped name; refused at its field."""
    wanted = name.strip()
    require(wanted, else_=NO_NAME, field="name")
    is_bad = len(wanted) > LONGEST_NAME or any(unicodedata.category(sign)[0] == "C" for sign in wanted)
    refuse(BAD_NAME if is_bad else None, field="name")
    others = {row.name.casefold() for row in SavedSearch.objects.filter(owner=actor) if row != but}
    taken = wanted.casefold() in others
    refuse(NAME_TAKEN if taken else None, field="name")
    return wanted
