"""Requesters of a request, in Python; TokenRequestQuerySet.asked_for_by is the SQL form."""

import uuid
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from django.db import models

from identity_manager.models.people.person import Person

if TYPE_CHECKING:
    from django_stubs_ext.db.models.manager import RelatedManager

    from identity_manager.models.requests.co_requester import CoRequester


class Requesters(models.Model):
    """prepared_co_requesters: of a request that is being opened, before they are in the database."""

    requested_by: Any
    requested_by_id: uuid.UUID
    round_started_by_id: uuid.UUID | None
    has_co_requesters: Any
    prepared_co_requesters: Collection[uuid.UUID] = ()
    co_requesters: "RelatedManager[CoRequester]"

    class Meta:
        abstract = True

    def was_asked_for_by(self, officer: Person) -> bool:
        """Whether the officer is a requester: made it (also by an API client), resubmitted or caused it."""
        return officer.pk in self.requester_ids

    @property
    def requester_ids(self) -> frozenset[uuid.UUID]:
        """Ids of all requesters: who made it, or the API client that did, resubmitted it, or caused it."""
        own = {each for each in (self.requested_by_id, self.round_started_by_id) if each}
        asking: frozenset[uuid.UUID] = self.co_requester_ids | own | self.requested_by.client_makers
        return asking

    @property
    def co_requester_ids(self) -> frozenset[uuid.UUID]:
        """Ids of those who caused it beside who made it (CoRequester)."""
        if self._state.adding:
            return frozenset(self.prepared_co_requesters)
        if not self.has_co_requesters:
            return frozenset()
        return frozenset(each.person_id for each in self.co_requesters.all())
