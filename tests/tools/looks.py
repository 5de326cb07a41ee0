"""Looks of a company, for tests."""

from io import BytesIO
from typing import Any

from PIL import Image

from identity_manager.catalogue import looks
from identity_manager.models import Looks, Person

VALUES: dict[str, Any] = {
    "name": "Contoso Trust",
    "accent": "#1f6feb",
    "help_desk": {"en": "IT desk, telephone 4711", "de": "IT-Hilfe, Telefon 4711"},
    "sign_in_words": {"en": "For people of Contoso.", "de": "Für Leute von Contoso."},
    "imprint": "https://x.example/imprint",
    "privacy": "https://x.example/privacy",
}
EMPTY: dict[str, Any] = {**dict.fromkeys(VALUES, ""), "help_desk": {}, "sign_in_words": {}}


def picture(colour: str = "#1f6feb") -> bytes:
    """A small PNG."""
    written = BytesIO()
    Image.new("RGB", (40, 20), colour).save(written, format="PNG")
    return written.getvalue()


def draft(actor: Person, **changes: Any) -> Looks:
    """The first draft, with a logo."""
    return looks.save_draft(
        actor=actor, revision=None, values=VALUES | changes, picture=looks.Picture(file=picture())
    )


def in_force(actor: Person, **changes: Any) -> Looks:
    """Looks that everybody sees. The test forgets them afterwards: queries.looks.forget."""
    row = draft(actor, **changes)
    return looks.activate(actor=actor, revision=row.version, four_eyes=False)
