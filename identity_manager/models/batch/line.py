"""Lines of batch orders: one person, token or request each, with its outcome."""

import uuid
from collections.abc import Iterable
from typing import Self

from django.db import models
from django.db.models import Count, Q
from django.utils.translation import gettext_lazy as _

from identity_manager.models.batch.order import BatchOrder, BatchSource
from identity_manager.models.identifiers import new_id
from identity_manager.models.people.person import Person
from identity_manager.models.requests.software_token import SoftwareToken
from identity_manager.models.requests.token_request import TokenRequest
from identity_manager.models.text_in_languages import Texts


class LineOutcome(models.TextChoices):
    """READY: the dry run found that it can be done; it remains if the order ends before.

    ENABLED: done, in an order of kind *enable*; the line has its request.
    """

    READY = "ready", _("Can be done")
    REFUSED = "refused", _("Cannot be done")
    ENABLED = "enabled", _("Enabled")
    DONE = "done", _("Done")
    SKIPPED = "skipped", _("Skipped")


class BatchLineQuerySet(models.QuerySet["BatchLine"]):
    def ready(self, order_id: uuid.UUID) -> Self:
        """Lines that are still to be done, in order."""
        return self.filter(order_id=order_id, outcome=LineOutcome.READY).order_by("position")

    def listed(self) -> Self:
        """With what pages show of a line."""
        return self.select_related(
            "person", "request", "token__person", "token__request", "token__token_type", "about__person"
        )

    def of_nobody(self, personnel_number: str) -> Self:
        """Lines of this personnel number without a person."""
        files = BatchOrder.objects.filter(source=BatchSource.FILE).order_by()
        refused = self.filter(order__in=files.values("pk"), outcome=LineOutcome.REFUSED)
        return refused.filter(personnel_number=personnel_number)

    def counted(self, orders: Iterable[uuid.UUID]) -> dict[uuid.UUID, dict[str, int]]:
        """Number of lines by order and outcome."""
        found: dict[uuid.UUID, dict[str, int]] = {pk: {} for pk in orders}
        rows = self.filter(order__in=found).order_by().values_list("order_id", "outcome")
        for order_id, outcome, number in rows.annotate(number=Count("pk")):
            found[order_id][outcome] = number
        return found


class BatchLine(models.Model):
    """One subject of a batch order, unique in it: a person, a token, or a request (about), by its kind.

    A personnel number without a person is a line of its own. seen: the state of the row in the dry run, which
    is what the asker confirms. types: codes of the token types that the person gets by the dry run, then of
    those that they got. reasons: why something is not done, as dicts with the type's code (empty: nothing is
    done for the line), the reason's code, and its sentence by language. request: opened by a line that is
    done.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    order = models.ForeignKey(BatchOrder, on_delete=models.CASCADE, related_name="lines")
    position = models.PositiveIntegerField()
    person = models.ForeignKey(Person, null=True, on_delete=models.PROTECT, related_name="+")
    token = models.ForeignKey(SoftwareToken, null=True, on_delete=models.PROTECT, related_name="+")
    about = models.ForeignKey(TokenRequest, null=True, on_delete=models.PROTECT, related_name="+")
    seen = models.CharField(max_length=40, blank=True, default="", db_default="")
    personnel_number = models.CharField(max_length=64, blank=True, help_text="where nobody has it")
    outcome = models.CharField(max_length=16, choices=LineOutcome)
    types = models.JSONField(default=list)
    reasons = models.JSONField(default=list)
    request = models.OneToOneField(TokenRequest, null=True, on_delete=models.PROTECT, related_name="+")
    settled_at = models.DateTimeField(null=True)

    objects = BatchLineQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(outcome__in=LineOutcome.values), name="batch_line_outcome"),
            models.UniqueConstraint(fields=["order", "position"], name="batch_line_once"),
            models.UniqueConstraint(
                fields=["order", "person"],
                condition=Q(person__isnull=False),
                name="batch_line_person_once",
            ),
            models.UniqueConstraint(
                fields=["order", "token"], condition=Q(token__isnull=False), name="batch_line_token_once"
            ),
            models.UniqueConstraint(
                fields=["order", "about"], condition=Q(about__isnull=False), name="batch_line_request_once"
            ),
            models.CheckConstraint(
                condition=Q(outcome=LineOutcome.ENABLED, request__isnull=False)
                | Q(outcome=LineOutcome.DONE)
                | (~Q(outcome=LineOutcome.ENABLED) & Q(request__isnull=True)),
                name="batch_line_enabled_has_request",
            ),
        ]
        indexes = [models.Index(fields=["order", "outcome", "position"], name="batch_line_by_outcome")]

    def __str__(self) -> str:
        return f"{self.position}"

    @property
    def whom(self) -> Person | None:
        """The person concerned; None if nobody has the personnel number."""
        if self.token is not None:
            return self.token.person
        return self.about.person if self.about is not None else self.person

    @property
    def sentences(self) -> list[tuple[str, str]]:
        """Code of the type (empty: all) and the reason in the reader's language."""
        return [(reason["type"], str(Texts(reason["words"]))) for reason in self.reasons]
