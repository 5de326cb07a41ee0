"""Sources of OPEN TASKS that can have a task at all, whoever the officer is, by one prepared statement.

Most sources are empty most of the time. To make the querysets of an officer and to compile their count takes
longer than to ask for them, so only those sources are counted in whose tables anything waits.
"""

from collections.abc import Iterable
from functools import lru_cache

from identity_manager.console.open_tasks.source import Source
from identity_manager.models import Person
from identity_manager.queries.any_rows import AnyRows


def possible(sources: Iterable[Source], actor: Person) -> list[Source]:
    """Sources that may have a task for somebody, and those without a query that tells, in their order."""
    every = tuple(sources)
    askable = tuple(each for each in every if each.any_waiting)
    answers = iter(_any_rows(askable).answers(actor.pk) if askable else ())
    there = {each: [next(answers) for _list in each.any_waiting] for each in askable}
    return [each for each in every if any(there.get(each, [True]))]


@lru_cache(maxsize=64)  # by the roles that officers have together
def _any_rows(sources: tuple[Source, ...]) -> AnyRows:
    return AnyRows(make for each in sources for make in each.any_waiting)
