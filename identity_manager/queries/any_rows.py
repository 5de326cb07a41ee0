"""Existence of rows in each of several lists, by one prepared statement."""

import uuid
from collections.abc import Callable, Iterable
from typing import Any

from django.db import models
from django.db.models import Exists, QuerySet

from ca_bridge.database.prepared_queries import Statement
from identity_manager.models import Person


class AnyRows:
    """The statement. lists: makes of querysets without values of the moment, such as an officer or a time.

    The person is OuterRef("pk") in them.
    """

    def __init__(self, lists: Iterable[Callable[[], QuerySet[Any]]]) -> None:
        there = [Exists(make()) for make in lists]
        self._number = len(there)

        def build(person: Any) -> QuerySet[Person, tuple[bool, ...]]:
            return Person.objects.filter(pk=person).order_by().values_list(*there)

        self._statement = Statement[tuple[bool, ...]](build, person=models.UUIDField())

    def answers(self, person_id: uuid.UUID) -> tuple[bool, ...]:
        """One for each list, in their order.

        Where a read replica does not have the person yet, it may lack other rows, too: each answer is yes.
        """
        rows = self._statement.rows(person=person_id)
        return rows[0] if rows else (True,) * self._number
