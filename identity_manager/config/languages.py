"""The languages of the installation: that of the source, and those that have a catalogue."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.conf.locale import LANG_INFO
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy, to_language

SOURCE = "en"


def found_in(folders: Iterable[Path]) -> list[tuple[str, Any]]:
    """Code and name of each language, that of the source first; the names are in Django's own catalogues.

    Raises ImproperlyConfigured for a folder that is named after no language.
    """
    catalogues = (path for folder in folders for path in sorted(folder.glob("*/LC_MESSAGES/django.po")))
    return [(code, gettext_lazy(_name_of(code))) for code in dict.fromkeys((SOURCE, *map(_code, catalogues)))]


def offered(found: list[tuple[str, Any]], chosen: list[str]) -> list[tuple[str, Any]]:
    """The chosen ones of the languages found, all where none is chosen; that of the source always, and first.

    Raises ImproperlyConfigured for a code that has no catalogue.
    """
    codes = [to_language(code.replace("-", "_")) for code in chosen]
    known = dict(found)
    if unknown := [code for code in codes if code not in known]:
        raise ImproperlyConfigured(
            f"LANGUAGES must be of {', '.join(known)}, of which there are catalogues,"
            f" not {', '.join(map(repr, unknown))}."
        )
    return [(code, known[code]) for code in dict.fromkeys((SOURCE, *codes))] if codes else found


def _code(catalogue: Path) -> str:
    return to_language(catalogue.parent.parent.name)


def _name_of(code: str) -> str:
    info = LANG_INFO.get(code, {})
    if "name" not in info:
        raise ImproperlyConfigured(
            f"A catalogue lies in a folder {code!r}, which Django knows no language by."
        )
    return str(info["name"])
