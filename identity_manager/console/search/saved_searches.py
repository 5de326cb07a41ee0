"""Saved searches: the officer's own, beside the line of SEARCH and on START with what they find now."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from django import forms
from django.utils.functional import lazystr
from django.utils.translation import gettext_lazy as _

from identity_manager.console.forms.refusals import VerbForm
from identity_manager.console.lists import pagination
from identity_manager.console.search import search as searching
from identity_manager.console.search.kind import SearchKind
from identity_manager.models import Person, SavedSearch
from identity_manager.people.saved_searches import NO_NAME
from identity_manager.queries import console_pages


class NameForm(VerbForm):
    """The name of a saved search; the verb validates it."""

    name = forms.CharField(
        label=_("Name"),
        error_messages={"required": lazystr(NO_NAME)},
        help_text=_("Only you see it: beside the search, and on START with what it finds."),
    )


@dataclass(frozen=True)
class Saved:
    """A saved search as pages show it."""

    row: SavedSearch
    search: searching.Search
    is_current: bool = False

    @property
    def kind(self) -> SearchKind:
        return self.search.kind

    @property
    def url(self) -> str:
        return searching.address(self.search)

    @cached_property
    def found(self) -> pagination.CappedPaginator:
        """Counted when a template asks, and no further than lists are."""
        return pagination.CappedPaginator(self.search.rows())

    @property
    def number(self) -> str:
        """How many it finds now: 214, or 1,000+ where counting stops."""
        return self.found.total.title

    @property
    def words(self) -> list[str]:
        """The saved search in words: kind, words and filters."""
        return self.search.criteria_in_words()


def of(actor: Person, *, current: str = "") -> list[Saved]:
    """The officer's searches by name; without those whose role they have lost, until they have it again."""
    return list(_of(actor, current))


def _of(actor: Person, current: str) -> Iterator[Saved]:
    for row in console_pages.saved_searches(actor.pk):
        search = searching.of_query(actor, row.query)
        if search is not None:
            yield Saved(row, search, is_current=search.query == current)
