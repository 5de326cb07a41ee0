"""Holder changes: a person's data differ from those in a certificate in use, and what is done about it."""

from typing import Self

from django.db import models
from django.db.models import Q

from identity_manager.models.catalogue.token_type import HolderChangeRule, TokenType
from identity_manager.models.identifiers import new_id
from identity_manager.models.people.person import Person, PersonState
from identity_manager.models.renewal.notice import has_successor
from identity_manager.models.requests.end_reason import LONGEST_REASON
from identity_manager.models.requests.software_token import SoftwareToken
from identity_manager.models.requests.token_states import TokenState


class HolderChangeQuerySet(models.QuerySet["HolderChange"]):
    def unanswered(self) -> Self:
        """Open changes of active tokens of Active persons, without a successor that is open or in use.

        An officer answers them under HolderChangeRule.TELL, and where no automatic renewal is possible.
        """
        rows = self.filter(
            ended_at=None, token__state=TokenState.ACTIVE, token__person__state=PersonState.ACTIVE
        )
        return rows.filter(~has_successor())

    def to_be_renewed(self) -> Self:
        """Unanswered changes whose token type renews automatically, and whose renewal was not started."""
        renew = TokenType.objects.active().filter(on_holder_change=HolderChangeRule.RENEW)
        codes = renew.order_by().values("code")
        return self.unanswered().filter(started_at=None, token__type_code__in=codes)

    def not_started(self) -> Self:
        """Open changes without an automatic renewal. No joins, for the scan of the sweep."""
        return self.filter(ended_at=None, started_at=None)


class HolderChange(models.Model):
    """One row per token and change of its holder; at most one per token is open.

    fingerprint: hash of the fields that differ.  started_at: when the automatic renewal was requested, at
    most once.  ended_at: when an officer decided to keep the token as it is; with ended_by None, the data
    match again or the token type's rule no longer applies.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    token = models.ForeignKey(SoftwareToken, on_delete=models.PROTECT, related_name="holder_changes")
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    fingerprint = models.CharField(max_length=64)
    noticed_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    ended_by = models.ForeignKey(Person, null=True, on_delete=models.PROTECT, related_name="+")
    reason = models.CharField(max_length=LONGEST_REASON, blank=True)

    objects = HolderChangeQuerySet.as_manager()

    class Meta:
        ordering = ["noticed_at", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["token"], condition=Q(ended_at=None), name="holder_change_one_open"
            )
        ]

    def __str__(self) -> str:
        return str(self.token)
