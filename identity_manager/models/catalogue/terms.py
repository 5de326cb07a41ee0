"""Terms and conditions: documents, their versions, each in all its languages."""

from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from identity_manager.models.catalogue.entry_fields import ChoiceListField
from identity_manager.models.catalogue.former_columns import FormerName
from identity_manager.models.catalogue.key_handling import KeyHolder
from identity_manager.models.catalogue.versioning import Drafted
from identity_manager.models.identifiers import new_id
from identity_manager.models.second_officer import SecondOfficerQuerySet
from identity_manager.models.text_in_languages import TextInLanguages, best_of, languages

if TYPE_CHECKING:
    from django_stubs_ext.db.models.manager import RelatedManager


CODE_HELP = _("Small letters, digits and hyphens. It names the entry for programs and never changes.")
NO_NAME = {"required": _("Enter the name.")}


class NamedArchiving(models.TextChoices):
    """Archiving of a person's keys, according to the text of the terms."""

    NONE = "none", _("Nothing is said of it")
    ENCRYPTION = "encryption", _("Keys that serve encryption alone are archived")
    DUAL_USE = "dual-use", _("Keys that sign and encrypt are archived, too")


class TermsStatements(models.Model):
    """Statements of terms about keys, for checks and beside the text; of drafts and of versions.

    A statement is a field here and nowhere else: form, comparison, configuration file and pages read them by
    `content_fields`.
    """

    names_archiving = models.CharField(
        _("What the text says about a copy of the keys"),
        max_length=16,
        choices=NamedArchiving,
        default=NamedArchiving.NONE,
        db_default=NamedArchiving.NONE.value,
        help_text=_(
            "A token type archives keys only under terms that say so. What is chosen here is shown to the"
            " person beside the text; the text itself says why, and who opens the copy."
        ),
        error_messages={"required": _("Say what the text says about a copy of the keys.")},
    )
    names_key_holders = ChoiceListField(
        _("Who the text says gets a copy of the keys"),
        default=list,
        db_default=[],
        blank=True,
        item_choices=KeyHolder.choices,
        help_text=_(
            "Keys leave for such a place only under terms that name it. What is chosen here is shown to the"
            " person beside the text; the text itself says why, and what that place can do with them."
        ),
    )

    class Meta:
        abstract = True

    @property
    def key_holders(self) -> list[str]:
        """A sentence for each holder of keys that the text names, in the order of KeyHolder."""
        return [str(each.label) for each in KeyHolder if each.value in self.names_key_holders]


class TermsDocumentQuerySet(models.QuerySet["TermsDocument"]):
    def with_draft(self) -> Self:
        """Documents with their draft, and its asker and decider, in one query."""
        return self.select_related("draft__asked_by", "draft__decided_by")


class TermsDocument(FormerName):
    """A document that persons accept, such as the terms of use of software tokens.

    revision: incremented each time a draft is saved, discarded or published. The form to publish carries it,
    so that nobody publishes a draft other than the one that they have read.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    code = models.SlugField(_("Code"), max_length=40, unique=True, help_text=CODE_HELP)
    name = TextInLanguages(_("Name"), db_column="names", max_length=100, error_messages=NO_NAME)
    revision = models.PositiveIntegerField(default=0, db_default=0, editable=False)

    versions: "RelatedManager[TermsVersion]"

    objects = TermsDocumentQuerySet.as_manager()

    def __str__(self) -> str:
        return str(self.name)

    def current_version(self) -> "TermsVersion":
        """The version in force. Raises TermsVersion.DoesNotExist where none was published."""
        version: TermsVersion = self.versions.get(is_current=True)
        return version


class TermsDraftQuerySet(SecondOfficerQuerySet["TermsDraft"]):
    """Drafts of terms."""


class TermsDraft(Drafted, TermsStatements):
    """The next version of a document while it is being written; revision: the document's when it was saved.

    texts: for each language a title and a body.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    document = models.OneToOneField(TermsDocument, on_delete=models.PROTECT, related_name="draft")
    texts = models.JSONField(default=dict)
    revision = models.PositiveIntegerField(default=1, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = TermsDraftQuerySet.as_manager()

    def __str__(self) -> str:
        return str(self.document)


class LatePolicy(models.TextChoices):
    """Consequence for persons who have not accepted a version again by its date."""

    LIST = "list", _("They stand in a list for officers")
    HOLD = "hold", _("Their tokens are put on hold until they accept, too")


class TermsVersionQuerySet(models.QuerySet["TermsVersion"]):
    def asking(self) -> Self:
        """Of each document the last version that holders of tokens are asked to accept again."""
        asked = self.filter(accept_again_by__isnull=False)
        later = TermsVersion.objects.filter(
            document=OuterRef("document"), number__gt=OuterRef("number"), accept_again_by__isnull=False
        )
        return asked.filter(~Exists(later)).select_related("document")


class TermsVersion(TermsStatements):
    """A published version; it never changes, and one of a document is current.

    accept_again_by: the last day for those who hold tokens under an older version; null: nobody is asked.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    document = models.ForeignKey(TermsDocument, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField(_("version"))
    is_current = models.BooleanField(default=False)
    published_at = models.DateTimeField(default=timezone.now)
    accept_again_by = models.DateField(
        _("Those who hold tokens accept it until"),
        null=True,
        blank=True,
        help_text=_("They are asked in Open Tasks and by mail. Empty: they are asked when they renew."),
    )
    late_policy = models.CharField(
        _("Who has not accepted by then"),
        max_length=8,
        choices=LatePolicy,
        default=LatePolicy.LIST,
        db_default=LatePolicy.LIST.value,
    )

    texts: "RelatedManager[TermsText]"

    objects = TermsVersionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(late_policy__in=LatePolicy.values), name="terms_version_late_policy"
            ),
            models.UniqueConstraint(fields=["document", "number"], name="terms_version_once"),
            models.UniqueConstraint(
                fields=["document"], condition=Q(is_current=True), name="terms_one_current_version"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.document} {self.number}"

    def text_in(self, language: str | None = None) -> "TermsText":
        """The text in the language, else in the installation's own, else in any."""
        texts: dict[str, TermsText] = {text.language: text for text in self.texts.all()}
        return texts[best_of(texts, language or get_language()) or ""]


LONGEST_TITLE, LONGEST_BODY = 200, 100_000  # characters


class TermsText(models.Model):
    """A version's text in one language: paragraphs separated by blank lines, `# ` before a heading."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    version = models.ForeignKey(TermsVersion, on_delete=models.CASCADE, related_name="texts")
    language = models.CharField(max_length=8, choices=languages)
    title = models.CharField(_("Title"), max_length=LONGEST_TITLE)
    body = models.TextField(_("Text"), max_length=LONGEST_BODY)
    sha256 = models.CharField(max_length=64)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["version", "language"], name="terms_text_once")]


class TermsAcceptance(models.Model):
    """A person's acceptance of exactly this text: for a request, or, without one, for held tokens."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    request = models.ForeignKey(
        "identity_manager.TokenRequest", null=True, on_delete=models.PROTECT, related_name="acceptances"
    )
    round = models.PositiveSmallIntegerField(default=1)
    person = models.ForeignKey("identity_manager.Person", on_delete=models.PROTECT, related_name="+")
    text = models.ForeignKey(TermsText, on_delete=models.PROTECT, related_name="+")
    sha256 = models.CharField(max_length=64)
    accepted_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["request", "round", "text"], name="terms_accepted_once"),
            models.UniqueConstraint(
                fields=["person", "text"],
                condition=Q(request=None),
                name="terms_accepted_once_without_request",
            ),
        ]
