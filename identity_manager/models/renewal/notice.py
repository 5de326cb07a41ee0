"""Renewal notices: a token is about to expire, and what its person answered."""

from typing import Self

from django.db import models
from django.db.models import Exists, OuterRef

from identity_manager.models.people.person import Person, PersonState
from identity_manager.models.requests.end_reason import LONGEST_REASON
from identity_manager.models.requests.software_token import SoftwareToken
from identity_manager.models.requests.token_states import TokenState


def has_successor() -> Exists:
    """EXISTS: a successor of the row's token is open or in use; lapsed or rejected ones do not count."""
    return Exists(SoftwareToken.objects.held().filter(predecessor=OuterRef("token")))


class RenewalNoticeQuerySet(models.QuerySet["RenewalNotice"]):
    def unanswered(self) -> Self:
        """Notices of active tokens whose person is Active and has not answered.

        A successor that is open or in use is an answer; one that lapsed, or was declined or rejected, is
        none: the person can still ask, though the expiry check starts no second one by itself.
        """
        rows = self.filter(
            token__state=TokenState.ACTIVE,
            token__person__state=PersonState.ACTIVE,
            not_needed_at=None,
        )
        return rows.filter(~has_successor())

    def not_needed(self) -> Self:
        """Notices whose person answered *Not needed*."""
        return self.filter(not_needed_at__isnull=False)


class RenewalNotice(models.Model):
    """One row per token that has entered the renewal window of its type.

    ends_at: the earliest notAfter of its certificates.  started_at: when the expiry check requested the
    successor automatically, at most once.  not_needed_at: when the person answered *Not needed*.
    """

    token = models.OneToOneField(
        SoftwareToken, primary_key=True, on_delete=models.PROTECT, related_name="renewal_notice"
    )
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    ends_at = models.DateTimeField(db_index=True)
    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    not_needed_at = models.DateTimeField(null=True)
    not_needed_reason = models.CharField(max_length=LONGEST_REASON, blank=True)

    objects = RenewalNoticeQuerySet.as_manager()

    class Meta:
        ordering = ["ends_at", "pk"]

    def __str__(self) -> str:
        return str(self.token)
