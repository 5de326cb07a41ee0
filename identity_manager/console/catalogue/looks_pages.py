"""ADMIN, Looks: what everybody sees, the draft of the next version in both modes, and older versions."""

from typing import Any

from django import forms
from django.conf import settings
from django.utils.functional import lazystr
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from identity_manager.catalogue import logo, looks, versions
from identity_manager.console.catalogue import wording
from identity_manager.console.catalogue.forms import columns_of, form_field, in_own_words
from identity_manager.console.catalogue.pages import may_edit, waits_for
from identity_manager.console.forms.confirmation import Confirmation
from identity_manager.console.forms.fields import ReasonField
from identity_manager.console.forms.refusals import VerbForm
from identity_manager.models import Looks, Person, VersionState
from identity_manager.models.catalogue.entry_fields import content_fields
from identity_manager.models.words import Words
from identity_manager.transactions.refusals import Reason
from identity_manager.ui import looks as looks_files
from identity_manager.ui.parts import Pair

PAGE = "console:looks"


class SeenForm(VerbForm):
    """Carries the revision of the draft that the page showed; none where there was no draft."""

    revision = forms.IntegerField(widget=forms.HiddenInput, required=False, min_value=0)


class RefuseLooksForm(SeenForm):
    """Refusal with a reason."""

    reason = ReasonField(
        help_text=gettext_lazy("Who made the version reads this."), required=lazystr(versions.NO_REASON)
    )


class OursForm(VerbForm):
    """Reason for returning to the product's looks."""

    reason = ReasonField(
        help_text=gettext_lazy("It stays in the history."), required=lazystr(versions.NO_REASON)
    )


@in_own_words
class LooksForm(SeenForm, forms.ModelForm):  # type: ignore[type-arg]  # of one model
    """A version of the looks; a verb saves."""

    picture = forms.FileField(
        label=gettext_lazy("Logo"),
        required=False,
        help_text=gettext_lazy(
            "PNG, JPEG or WebP, at most 512 kB. It stands on white; what is wider than 600 pixels is made"
            " smaller."
        ),
        widget=forms.FileInput(attrs={"accept": "image/png,image/jpeg,image/webp"}),
    )
    remove = forms.BooleanField(label=gettext_lazy("No logo"), required=False)
    field_order = ("name", "picture", "remove")  # then the others of the model

    class Meta:
        model = Looks
        fields = columns_of(Looks)
        formfield_callback = form_field

    def clean_accent(self) -> str:
        return str(self.cleaned_data["accent"]).strip().lower()

    def values(self) -> dict[str, Any]:
        """The fields of the model."""
        return {name: self.cleaned_data[name] for name in self._meta.fields or ()}

    def chosen_picture(self) -> looks.Picture:
        """The uploaded file, read no further than one byte beyond what is taken."""
        file = self.cleaned_data["picture"]
        content = file.read(logo.MOST_BYTES + 1) if file else None
        return looks.Picture(file=content, remove=self.cleaned_data["remove"])


def draft() -> Looks | None:
    """The draft, if there is one."""
    return Looks.objects.drafts().without_logo().first()


def active() -> Looks | None:
    """The version in force, read anew."""
    return Looks.objects.active().without_logo().first()


def beginning() -> dict[str, Any]:
    """Initial values of the form: the draft, else the version in force."""
    written = draft()
    shown = written or active() or Looks()
    content = {name: getattr(shown, name) for name in content_fields(Looks)}
    return {**content, "revision": written.version if written else None}


def context(actor: Person, *, form: VerbForm | None = None, asked: str | None = None) -> dict[str, Any]:
    """The page: the version in force, the draft and what may be done with it, and the history."""
    written, in_force = draft(), active()
    own = written is not None and written.editors.filter(pk=actor.pk).exists()
    four_eyes = settings.CATALOGUE_FOUR_EYES
    return {
        "form": form or SeenForm(),
        "draft": written,
        "in_force": in_force,
        "in_force_content": _content(in_force) if in_force else [],
        **(preview(written) if written else {}),
        "lacking": looks.activation_obstacle(written, in_force) if written else None,
        "may_edit": may_edit(actor),
        "may_activate": not (four_eyes and own),
        "own_draft_reason": versions.OWN_DRAFT,
        **(waits_for(written, own=four_eyes and own) if written else {}),
        "versions": Looks.objects.exclude(state=VersionState.DRAFT).without_logo().order_by("-number"),
        "history": wording.history_page("looks", "looks", asked=asked),
    }


def preview(row: Looks) -> dict[str, Any]:
    """Preview of a version in light and dark mode, with adjustments of its colour."""
    return {
        "row": row,
        "content": _content(row),
        "sample_stylesheet": looks_files.stylesheet_url(row, sample=True),
        "schemes": [("light", _("Light")), ("dark", _("Dark"))],
        "colour_lines": list(colour_lines(row)),
    }


def colour_lines(row: Looks) -> list[Words]:
    """Sentences on adjustments of the colour that legibility required."""
    found = row.colours
    if found is None:
        return []
    sentences = (
        (
            found.light.accent,
            _("On light pages it is %(colour)s: as entered it would be hard to read there."),
            _("On light pages it is as entered."),
        ),
        (
            found.dark.accent,
            _("On dark pages it is %(colour)s: as entered it would be hard to read there."),
            _("On dark pages it is as entered."),
        ),
    )
    return [
        same if colour == found.wanted else moved % {"colour": colour} for colour, moved, same in sentences
    ]


def _content(row: Looks) -> list[Pair]:
    words = wording.content({name: getattr(row, name) for name in content_fields(Looks)}, Looks)
    pairs = [Pair(each.label, " · ".join(each.after) or _("as we have it")) for each in words]
    size = f"{row.logo_width} × {row.logo_height}" if row.logo_sha256 else _("as we have it")
    return [*pairs, Pair(_("Logo"), size)]


def question(what: str, actor: Person, back: str) -> Confirmation:
    """The page before something is done."""
    title, lead, button = {
        "activate": (
            _("Activate the looks?"),
            _("From then on everybody sees them, within a minute."),
            _("Activate"),
        ),
        "refuse": (_("Refuse the looks?"), _("The draft goes back to who made it."), _("Refuse")),
        "discard": (
            _("Discard the draft of the looks?"),
            _("The draft is gone for good. Nobody has ever seen it."),
            _("Discard draft"),
        ),
        "ours": (
            _("Back to our looks?"),
            _(
                "Name, logo, colour, help desk and links of your company are gone from every page within a"
                " minute. They stay among the versions."
            ),
            _("Back to ours"),
        ),
    }[what]
    return Confirmation(
        title=title,
        lead=lead,
        button=button,
        back=back,
        tab="admin",
        dangerous=what != "activate",
        obstacle=_obstacle(what, actor),
    )


def _obstacle(what: str, actor: Person) -> Reason | None:
    """Why this officer cannot activate or refuse the draft now, or None."""
    written = draft()
    if written is None or what not in {"activate", "refuse"}:
        return None
    own = versions.other_eyes_obstacle(written, actor=actor)
    if what == "refuse":
        return versions.asking_obstacle(written) or own
    return (own if settings.CATALOGUE_FOUR_EYES else None) or looks.activation_obstacle(written, active())
