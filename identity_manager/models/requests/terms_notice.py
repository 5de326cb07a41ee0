"""Notices to accept a later version of terms for held tokens, and the holds after their time."""

import uuid
from collections.abc import Collection
from datetime import datetime
from typing import Any, Self

from django.db import models
from django.db.models import Exists, F, OuterRef, QuerySet

from identity_manager.models.catalogue.terms import TermsAcceptance, TermsDocument, TermsVersion
from identity_manager.models.identifiers import new_id
from identity_manager.models.people.person import Person, PersonState
from identity_manager.models.requests.software_token import SoftwareToken
from identity_manager.models.requests.token_queries import SoftwareTokenQuerySet
from identity_manager.models.requests.token_states import IN_USE


def tokens_under(document: Any) -> SoftwareTokenQuerySet[SoftwareToken]:
    """Tokens in use whose type wants this document."""
    return SoftwareToken.objects.filter(state__in=IN_USE, token_type__terms=document)


def acceptances_from(document: Any, number: Any) -> QuerySet[TermsAcceptance]:
    """Acceptances of that version of the document, or of a later one, whatever they were for."""
    return TermsAcceptance.objects.filter(text__version__document=document, text__version__number__gte=number)


def persons_to_ask(version: TermsVersion) -> QuerySet[Person]:
    """Active persons who hold a token under the document and have accepted older versions alone."""
    tokens = tokens_under(version.document_id).filter(person=OuterRef("pk"))
    accepted = acceptances_from(version.document_id, version.number).filter(person=OuterRef("pk"))
    return Person.objects.filter(Exists(tokens), ~Exists(accepted), state=PersonState.ACTIVE)


class TermsNoticeQuerySet(models.QuerySet["TermsNotice"]):
    def unanswered(self) -> Self:
        """Notices of Active persons who still hold a token under the document, and have not accepted."""
        tokens = tokens_under(OuterRef("document")).filter(person=OuterRef("person"))
        accepted = acceptances_from(OuterRef("document"), OuterRef("version__number"))
        # So phrased, SQLite begins with the notices, by their time, and not with all Active persons.
        rows = self.exclude(person__state__in=[state for state in PersonState if state != PersonState.ACTIVE])
        return rows.filter(Exists(tokens), ~Exists(accepted.filter(person=OuterRef("person"))))

    def late(self, now: datetime) -> Self:
        """Unanswered notices whose time is over."""
        return self.unanswered().filter(due_at__lte=now)


class TermsNotice(models.Model):
    """One row for each person and document: the last version that they were asked to accept again.

    due_at: when their time ends, which a leave prolongs.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="terms_notices")
    document = models.ForeignKey(TermsDocument, on_delete=models.PROTECT, related_name="+")
    version = models.ForeignKey(TermsVersion, on_delete=models.PROTECT, related_name="notices")
    created_at = models.DateTimeField()
    due_at = models.DateTimeField(db_index=True)

    objects = TermsNoticeQuerySet.as_manager()

    class Meta:
        ordering = ["due_at", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["person", "document"], name="terms_notice_once"),
        ]

    def __str__(self) -> str:
        return f"{self.person}: {self.version}"

    def is_late(self, now: datetime) -> bool:
        """Of an unanswered notice: whether its time is over."""
        return self.due_at <= now


class TermsHoldQuerySet(models.QuerySet["TermsHold"]):
    def of_document(self, document: OuterRef) -> Self:
        """Holds of anybody's tokens that are still in effect."""
        return self.filter(version__document=document, token__held_at=F("held_at"))

    def in_effect(self, person_id: uuid.UUID, documents: Collection[uuid.UUID]) -> Self:
        """Holds of the person's tokens that are still in effect; a later hold has another cause."""
        return self.filter(
            token__person=person_id, version__document__in=documents, token__held_at=F("held_at")
        )


class TermsHold(models.Model):
    """A hold of a token because its person did not accept the version in time; one row for token and version.

    In effect while `held_at` equals the token's: it ends when the person accepts, or an officer reinstates
    the token.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    token = models.ForeignKey(SoftwareToken, on_delete=models.PROTECT, related_name="terms_holds")
    version = models.ForeignKey(TermsVersion, on_delete=models.PROTECT, related_name="+")
    held_at = models.DateTimeField()

    objects = TermsHoldQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["token", "version"], name="terms_hold_once")]

    def __str__(self) -> str:
        return f"{self.token}: {self.version}"
