"""Sources of OPEN TASKS that can have a task at all, whoever the officer is, by one prepared statement.

Most sources are empty most of the time. To make the querysets of an officer and to compile their count takes
longer than to ask for them, so only those sources are counted in whose tables anything waits.
"""

from collections.abc import Iterable
from functools import lru_cache

from django.db import models
from django.db.models import Exists, QuerySet

from ca_bridge.database.prepared_queries import Statement
from identity_manager.console.open_tasks.source import Source
from identity_manager.models import Person

Answers = tuple[bool, ...]  # of each list of each source, one after another


def possible(sources: Iterable[Source], actor: Person) -> list[Source]:
    """Those in which something may wait for somebody, and those that do not say so, in their order."""
    every = tuple(sources)
    told = tuple(each for each in every if each.any_waiting)
    (answers,) = _statement(told).rows(actor=actor.pk) if told else [()]
    rest = iter(answers)
    there = {each: [next(rest) for _list in each.any_waiting] for each in told}
    return [each for each in every if any(there.get(each, [True]))]


@lru_cache(maxsize=64)  # by the roles that officers have together
def _statement(sources: tuple[Source, ...]) -> Statement[Answers]:
    there = [Exists(make()) for each in sources for make in each.any_waiting]

    def build(actor: object) -> QuerySet[Person, Answers]:
        return Person.objects.filter(pk=actor).order_by().values_list(*there)

    return Statement(build, actor=models.UUIDField())
