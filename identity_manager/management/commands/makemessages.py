"""`manage.py makemessages`: the catalogues as this project keeps them.

No places in the source and no date, so that a change shows its own words alone; no guesses for new words:
a test fails on what is missing, and would take a guess for a translation.
"""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.commands import makemessages

NOT_OURS = (".venv", "var", "tests", "requirements", "docs")
LANGUAGES = [code for code, _name in settings.LANGUAGES if code != settings.LANGUAGE_CODE]


class Command(makemessages.Command):
    """Django's own, with the options of the house."""

    help = "Bring the catalogues of the languages up to date with the source (for developers; needs gettext)."

    msgmerge_options = ["-q", "--backup=none", "--update", "--no-fuzzy-matching"]

    def handle(self, *args: Any, **options: Any) -> None:
        options["locale"] = options["locale"] or LANGUAGES
        options["ignore_patterns"] = [*options["ignore_patterns"], *NOT_OURS]
        options.update(no_location=True, no_obsolete=True)
        super().handle(*args, **options)

    def write_po_file(self, potfile: str, locale: str) -> None:
        super().write_po_file(potfile, locale)
        written = Path(potfile).parent / locale / "LC_MESSAGES" / f"{self.domain}.po"
        lines = written.read_text(encoding="utf-8").splitlines(keepends=True)
        kept = [line for line in lines if not line.startswith('"POT-Creation-Date')]
        written.write_text("".join(kept), encoding="utf-8")
