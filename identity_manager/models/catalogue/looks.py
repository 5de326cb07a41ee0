"""The company's own looks: name, logo, accent colour, help desk, links and words on the sign-in page."""

from typing import Self
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django_fsm import transition

from ca_bridge.database.binary_field import BytesField
from ca_bridge.database.state_machine import StateField, Stateful, state_constraint
from identity_manager import colours
from identity_manager.models.catalogue.versioning import VersionedEntry, VersionedQuerySet, VersionState
from identity_manager.models.identifiers import new_id
from identity_manager.models.text_in_languages import TextInLanguages

OUR_NAME, OUR_PERSONS_NAME = "Identity Manager", "Self-Service"
NO_COLOUR = _("Enter a colour as # and six digits, such as #1f6feb.")
NO_HTTPS = _("Enter an address that begins with https://, without a user name.")


def validate_colour(text: str) -> None:
    """Raise ValidationError unless it is #rrggbb."""
    if not colours.is_colour(text):
        raise ValidationError(NO_COLOUR, code="no-colour")


def validate_https(address: str) -> None:
    """Raise ValidationError unless it is an https URL without user name, spaces and control characters."""
    try:
        parts = urlsplit(address)
        plain = parts.scheme == "https" and bool(parts.hostname) and "@" not in parts.netloc
    except ValueError:
        plain = False
    if not plain or any(each.isspace() or not each.isprintable() for each in address):
        raise ValidationError(NO_HTTPS, code="no-https")


class LooksQuerySet(VersionedQuerySet["Looks"]):
    def without_logo(self) -> Self:
        """Defer the logos' bytes; pages link to a logo by its digest."""
        return self.defer("logo")

    def showing(self, sha256: str) -> Self:
        """Versions with this logo (SHA-256) that are or were in force, so that it is public."""
        return self.exclude(state=VersionState.DRAFT).filter(logo_sha256=sha256)


class Looks(Stateful, VersionedEntry):
    """One version of the looks. An empty field means the product's default.

    logo: a PNG that this product re-encoded from the upload, with its SHA-256 and its size in pixels.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    number = models.PositiveIntegerField(_("version"), unique=True, editable=False)
    name = models.CharField(
        _("Name of the product"),
        max_length=40,
        blank=True,
        help_text=_("At the top of each page, in mails and on paper. Empty: Identity Manager."),
    )
    accent = models.CharField(
        _("Accent colour"),
        max_length=7,
        blank=True,
        validators=[validate_colour],
        help_text=_(
            "# and six digits, such as #1f6feb. Where it would be hard to read, it is made darker or lighter."
        ),
    )
    help_desk = TextInLanguages(
        _("Help desk"),
        max_length=160,
        blank=True,
        help_text=_("Whom people ask, and how, such as: IT support, telephone 4711."),
    )
    sign_in_words = TextInLanguages(
        _("Words on the sign-in page"),
        max_length=400,
        blank=True,
        help_text=_("One paragraph above the form. Everybody can read it."),
    )
    imprint = models.CharField(
        _("Imprint"),
        max_length=300,
        blank=True,
        validators=[validate_https],
        help_text=_("The address of the page, with https://"),
    )
    privacy = models.CharField(
        _("Privacy"),
        max_length=300,
        blank=True,
        validators=[validate_https],
        help_text=_("The address of the page, with https://"),
    )
    logo = BytesField(null=True, editable=False)
    logo_sha256 = models.CharField(max_length=64, blank=True, editable=False, db_index=True)
    logo_width = models.PositiveSmallIntegerField(default=0, editable=False)
    logo_height = models.PositiveSmallIntegerField(default=0, editable=False)
    state = StateField(
        max_length=16,
        choices=VersionState.choices,
        default=VersionState.DRAFT,
        protected=True,
        editable=False,
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = LooksQuerySet.as_manager()

    class Meta:
        constraints = [
            state_constraint(VersionState, "looks_state"),
            models.UniqueConstraint(fields=["state"], condition=Q(state="active"), name="looks_one_active"),
            models.UniqueConstraint(fields=["state"], condition=Q(state="draft"), name="looks_one_draft"),
        ]

    def __str__(self) -> str:
        return str(_("Looks, version %(number)d") % {"number": self.number})

    @property
    def officers_name(self) -> str:
        """The name of the officers' portal."""
        return self.name or OUR_NAME

    @property
    def persons_name(self) -> str:
        """The name of Self-Service, the portal of persons."""
        return f"{self.name} {OUR_PERSONS_NAME}".strip()

    @property
    def colours(self) -> colours.Accent | None:
        """The accent colour in light and dark mode; None for the product's."""
        return colours.accent(self.accent) if self.accent else None

    @transition(field=state, source=VersionState.DRAFT, target=VersionState.ACTIVE)
    def activate(self) -> None:
        """The version is in force: all pages and mails use it."""

    @transition(field=state, source=VersionState.ACTIVE, target=VersionState.RETIRED)
    def retire(self) -> None:
        """Another version is in force, or the product's default."""
