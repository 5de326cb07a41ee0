"""The two kinds of versioned catalogue entries behind one interface: labels, forms and verbs."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from ca_bridge.connection import registry
from ca_bridge.x509.profiles import PLACEHOLDERS
from identity_manager.catalogue import profiles, types
from identity_manager.catalogue.presets import PRESETS
from identity_manager.catalogue.versions import Base, next_number
from identity_manager.console.catalogue.forms import EntryForm, ProfileForm, TypeForm
from identity_manager.models import CertificateProfile, CertificatePurpose, Person, TokenType
from identity_manager.models.people.person import field_name
from identity_manager.models.words import Words

Entry = CertificateProfile | TokenType


BEGINNING: dict[str, Any] = {
    "purpose": CertificatePurpose.AUTHENTICATION,
    "subject": [["commonName", "{display_name}"], ["serialNumber", "{personnel_number}"]],
    "subject_alt_names": [["email", "{email}"]],
    "key_usage": ["digitalSignature"],
    "extended_key_usage": ["1.3.6.1.5.5.7.3.2"],
}


@dataclass(frozen=True)
class EntryKind:
    """One kind of entry. name: prefix of its URL names; slug: its name in audit events."""

    name: str
    slug: str
    model: Any
    form: type[EntryForm]
    listing: Words
    new_title: Words
    add: Callable[..., Entry]
    change: Callable[..., Entry]
    ask: Callable[..., Entry]
    activate: Callable[..., Entry]

    def url(self, what: str = "", *args: Any) -> str:
        """The address of one of its pages; without a word, that of the entry."""
        return reverse(f"console:{self.name}-{what}" if what else f"console:{self.name}", args=args)

    def beginning(self, preset: str = "") -> dict[str, Any]:
        """Initial values of the form of a new entry, from a preset if there is one."""
        values = self.beginning_values(preset)
        return {**self.form.initial_of(self.model(**values)), "preset": preset} if values else {}

    def beginning_of_next(self, entry: Entry) -> dict[str, Any]:
        """Initial values of the form of the next version, made from this one."""
        return {**self.form.initial_of(entry), "next_number": next_number(self.model, entry.code)}

    def beginning_values(self, preset: str = "") -> dict[str, Any]:
        """The fields of the model that are set in a new entry, by a preset of profiles where one is named."""
        if self.model is not CertificateProfile:
            return {}
        values = PRESETS[preset].values if preset in PRESETS else BEGINNING
        return {**values, "ca": next(iter(registry.aliases()), "")}

    @property
    def presets(self) -> list[tuple[Words, list[tuple[str, Words]]]]:
        """Presets of a new profile, in groups: code and name of each."""
        if self.model is not CertificateProfile:
            return []
        groups = {False: _("For an authority of your own"), True: _("For public e-mail (S/MIME)")}
        return [
            (title, [(code, each.name) for code, each in PRESETS.items() if each.is_public is public])
            for public, title in groups.items()
        ]

    @property
    def placeholders(self) -> list[tuple[str, Words]]:
        """Placeholders of templates: fields of the person, each with its label."""
        return [(f"{{{name}}}", field_name(name)) for name in PLACEHOLDERS]

    @property
    def urls(self) -> dict[str, str]:
        """The names of an entry's addresses, for templates."""
        words = ("edit", "new_version", "compare", "ask", "activate", "refuse", "discard", "retire")
        named = {word: f"console:{self.name}-{word.replace('_', '-')}" for word in words}
        return {"show": f"console:{self.name}", **named}

    @property
    def listing_url(self) -> str:
        return reverse(f"console:{self.name}s")


def _add_type(
    *, actor: Person, code: str, form: TypeForm, is_new: bool = False, base: Base | None = None
) -> TokenType:
    return types.add_type_version(
        actor=actor,
        code=code,
        values=form.values(),
        profiles=form.chosen_profiles(),
        is_new=is_new,
        base=base,
    )


def _change_type(*, actor: Person, entry_id: uuid.UUID, form: TypeForm) -> TokenType:
    return types.change_type(
        actor=actor,
        type_id=entry_id,
        revision=form.cleaned_data["revision"],
        values=form.values(),
        profiles=form.chosen_profiles(),
    )


def _ask_for_type(*, actor: Person, entry_id: uuid.UUID, revision: int | None) -> TokenType:
    return types.ask_activation(actor=actor, type_id=entry_id, revision=revision)


def _activate_type(*, actor: Person, entry_id: uuid.UUID, four_eyes: bool, revision: int | None) -> TokenType:
    return types.activate_type(actor=actor, type_id=entry_id, four_eyes=four_eyes, revision=revision)


def _add_profile(
    *, actor: Person, code: str, form: ProfileForm, is_new: bool = False, base: Base | None = None
) -> CertificateProfile:
    return profiles.add_profile_version(
        actor=actor, code=code, values=form.values(), is_new=is_new, base=base
    )


def _change_profile(*, actor: Person, entry_id: uuid.UUID, form: ProfileForm) -> CertificateProfile:
    return profiles.change_profile(
        actor=actor, profile_id=entry_id, revision=form.cleaned_data["revision"], values=form.values()
    )


def _ask_for_profile(*, actor: Person, entry_id: uuid.UUID, revision: int | None) -> CertificateProfile:
    return profiles.ask_activation(actor=actor, profile_id=entry_id, revision=revision)


def _activate_profile(
    *, actor: Person, entry_id: uuid.UUID, four_eyes: bool, revision: int | None
) -> CertificateProfile:
    return profiles.activate_profile(actor=actor, profile_id=entry_id, four_eyes=four_eyes, revision=revision)


TYPES = EntryKind(
    name="token-type",
    slug="type",
    model=TokenType,
    form=TypeForm,
    listing=_("Token types"),
    new_title=_("New token type"),
    add=_add_type,
    change=_change_type,
    ask=_ask_for_type,
    activate=_activate_type,
)
PROFILES = EntryKind(
    name="profile",
    slug="profile",
    model=CertificateProfile,
    form=ProfileForm,
    listing=_("Certificate profiles"),
    new_title=_("New certificate profile"),
    add=_add_profile,
    change=_change_profile,
    ask=_ask_for_profile,
    activate=_activate_profile,
)
