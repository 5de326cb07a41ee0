"""The company's looks: one entry, with the logo as base64."""

import hashlib
import uuid
from dataclasses import replace

from django.utils.translation import gettext_lazy as _

from identity_manager.catalogue import logo, looks
from identity_manager.catalogue.looks import Picture
from identity_manager.configuration import shapes
from identity_manager.configuration.kind import (
    ConfigurationKind,
    Key,
    LeftAloneError,
    Making,
    Present,
    Values,
    keys_of,
)
from identity_manager.configuration.shapes import base64_bytes, base64_text
from identity_manager.models import Looks
from identity_manager.models.catalogue.entry_fields import content_fields
from identity_manager.transactions.refusals import NotPossible

CODE = "looks"


def _present(row: Looks | None) -> dict[str, Present]:
    return {CODE: Present(_said(row), row.pk)} if row else {}


def _said(row: Looks) -> Values:
    values = {name: getattr(row, name) for name in content_fields(Looks)}
    plain = {name: dict(value) if isinstance(value, dict) else value for name, value in values.items()}
    return {**plain, "logo": base64_text(bytes(row.logo)) if row.logo else ""}


def _encoded_anew(text: str) -> str:
    """The same picture, as an upload of it would be stored. Raises NotPossible."""
    content = base64_bytes(text)
    return base64_text(logo.read(content).content) if content else ""


def _make(making: Making, _code: str, values: Values) -> uuid.UUID:
    """Raises Refused, or LeftAloneError where everybody sees these looks already."""
    content = base64_bytes(values["logo"])
    draft = looks.save_draft(
        actor=making.actor,
        revision=None,
        values={name: values[name] for name in content_fields(Looks)},
        picture=Picture(file=content) if content else Picture(remove=True),
    )
    try:
        looks.ask_activation(actor=making.actor, revision=draft.version)
    except NotPossible as same:
        raise LeftAloneError(same.reason) from same
    return draft.pk


def _digest(text: str | None) -> str:
    return f"SHA-256 {hashlib.sha256(base64_bytes(text)).hexdigest()}" if text else ""


def _optional(key: Key) -> Key:
    """The key as an optional one: where a company leaves it out, the product's own applies."""
    return replace(key, default={} if key.shape is shapes.TEXTS else "")


LOOKS = ConfigurationKind(
    name="looks",
    label=_("Looks"),
    line=_("Name, logo, colour, help desk, links and words on the sign-in page"),
    keys={
        **{name: _optional(key) for name, key in keys_of(Looks).items()},
        "logo": Key(
            _("Logo"),
            shapes.BASE64,
            default="",
            read=_encoded_anew,
            shown=_digest,
        ),
    },
    here=lambda: _present(Looks.objects.active().first()),
    drafts=lambda: _present(Looks.objects.drafts().first()),
    make=_make,
    page="console:looks",
    is_code=lambda code: code == CODE,
    page_arguments=lambda _code, _pk: [],
)
