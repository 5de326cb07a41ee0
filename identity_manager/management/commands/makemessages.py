"""`manage.py makemessages`: message catalogues in this project's form.

Without source locations and dates, and sorted, so that a diff shows changed messages only. Without fuzzy
matching: a test fails on missing translations, and would take a fuzzy one for a translation.
"""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.commands import makemessages

NOT_OURS = (".venv", "var", "tests", "requirements", "docs")


class Command(makemessages.Command):
    """Django's command with these options."""

    help = "Bring the catalogues of the languages up to date with the source (for developers; needs gettext)."

    msgmerge_options = ["-q", "--backup=none", "--update", "--no-fuzzy-matching"]

    def handle(self, *args: Any, **options: Any) -> None:
        own_folder = Path(settings.LOCALE_PATHS[0])
        options["locale"] = options["locale"] or sorted(each.name for each in own_folder.iterdir())
        options["ignore_patterns"] = [*options["ignore_patterns"], *NOT_OURS]
        options.update(no_location=True, no_obsolete=True)
        super().handle(*args, **options)

    def write_po_file(self, potfile: str, locale: str) -> None:
        written = Path(potfile).parent / locale / "LC_MESSAGES" / f"{self.domain}.po"
        if written.exists():
            self._take_once(written)
        super().write_po_file(potfile, locale)
        header, *entries = written.read_text(encoding="utf-8").strip().split("\n\n")
        kept = [line for line in header.splitlines() if not line.startswith('"POT-Creation-Date')]
        text = "\n\n".join(["\n".join(kept), *sorted(entries, key=_words)])
        written.write_text(f"{text}\n", encoding="utf-8")

    def _take_once(self, path: Path) -> None:
        """Remove duplicate entries of a Git merge (union), which msgmerge refuses."""
        header, *entries = path.read_text(encoding="utf-8").strip().split("\n\n")
        kept: dict[tuple[str, ...], str] = {}
        for entry in entries:
            first = kept.setdefault(_words(entry), entry)
            if first.replace('"\n"', "") != entry.replace('"\n"', ""):
                self.stderr.write(f"Twice, and different; the first is kept:\n{first}\n\n{entry}\n")
        path.write_text("\n\n".join([header, *kept.values()]) + "\n", encoding="utf-8")


def _words(entry: str) -> tuple[str, str, str]:
    """Sort key of an entry: its message, unwrapped, then its context."""
    joined = entry.replace('"\n"', "")
    found = {
        key: line.removesuffix('"')
        for line in joined.splitlines()
        for key in ("msgid", "msgctxt")
        if line.startswith(f"{key} ")
    }
    return found["msgid"].lower(), found["msgid"], found.get("msgctxt", "")
