"""Co-requesters: officers who count as requesters of a request by a standing order.

Who they are: docs/how-to/standing-orders.md.
"""

import uuid

from django.db import models

from identity_manager.models.people.person import Person


class CoRequester(models.Model):
    """An officer who caused the request beside requested_by, so that they do not approve it.

    They made or confirmed what placed it (a standing order, a SCIM client), or put the person into the group.
    """

    id = models.BigAutoField(primary_key=True)
    request = models.ForeignKey(
        "identity_manager.TokenRequest", on_delete=models.CASCADE, related_name="co_requesters"
    )
    request_id: uuid.UUID
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["person", "request"], name="co_requester_once")]

    def __str__(self) -> str:
        return f"{self.request_id}: {self.person_id}"
