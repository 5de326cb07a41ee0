"""The company's own texts of mails: versions, of which one is in force for a mail in a language."""

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from django_fsm import transition

from ca_bridge.database.state_machine import StateField, Stateful, state_constraint
from identity_manager.models.catalogue.versioning import VersionedEntry, VersionedQuerySet, VersionState
from identity_manager.models.identifiers import new_id

LONGEST_MAIL_SUBJECT = 200  # of the source; OutgoingMail.subject has room for its placeholders
LONGEST_MAIL_BODY = 10_000


class MailTextQuerySet(VersionedQuerySet["MailText"]):
    def failing(self) -> "MailTextQuerySet":
        """Texts in force that failed to render, so that the mail went out with the product's text."""
        return self.active().filter(failed_at__isnull=False).order_by("failed_at", "pk")


class MailText(Stateful, VersionedEntry):
    """One version of a company's text of one mail in one language, which replaces the product's own.

    code: the mail and the language, such as `delivery.de`. failed_at, failure: the first mail that could not
    be made of it, and why.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    code = models.CharField(max_length=60, editable=False)
    number = models.PositiveIntegerField(_("version"), default=1, editable=False)
    subject = models.CharField(pgettext_lazy("mail", "Subject"), max_length=LONGEST_MAIL_SUBJECT, blank=True)
    body = models.TextField(_("Text"), max_length=LONGEST_MAIL_BODY, blank=True)
    state = StateField(
        max_length=16,
        choices=VersionState.choices,
        default=VersionState.DRAFT,
        protected=True,
        editable=False,
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    failed_at = models.DateTimeField(null=True, editable=False)
    failure = models.CharField(max_length=300, blank=True, default="", db_default="", editable=False)

    objects = MailTextQuerySet.as_manager()

    class Meta:
        constraints = [
            state_constraint(VersionState, "mail_text_state"),
            models.UniqueConstraint(fields=["code", "number"], name="mail_text_version_once"),
            models.UniqueConstraint(
                fields=["code"], condition=Q(state="active"), name="mail_text_one_active"
            ),
            models.UniqueConstraint(fields=["code"], condition=Q(state="draft"), name="mail_text_one_draft"),
        ]

    def __str__(self) -> str:
        return f"{self.code} ({self.number})"

    @staticmethod
    def code_of(message: str, language: str) -> str:
        """The code of a mail in a language."""
        return f"{message}.{language}"

    @property
    def message(self) -> str:
        """The name of the mail."""
        return self.code.partition(".")[0]

    @property
    def is_failing(self) -> bool:
        """Whether it is in force and failed to render."""
        return self.state == VersionState.ACTIVE and self.failed_at is not None

    @property
    def language(self) -> str:
        """The code of the language."""
        return self.code.partition(".")[2]

    @transition(field=state, source=VersionState.DRAFT, target=VersionState.ACTIVE)
    def activate(self) -> None:
        """The version is in force."""

    @transition(field=state, source=VersionState.ACTIVE, target=VersionState.RETIRED)
    def retire(self) -> None:
        """Another version is in force, or the product's own text."""
