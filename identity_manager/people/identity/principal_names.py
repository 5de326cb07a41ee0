"""User principal names in canonical form, without look-alike characters (models.upn_key compares them)."""

import unicodedata

import regex
from django.utils.translation import gettext as _

from ca_bridge.errors import CaError
from ca_bridge.x509.subject_alt_names import to_general_name
from identity_manager.people.identity import homoglyphs

# Format characters and invisible ones.
_UNSEEN = regex.compile(r"[\p{Cf}\p{Default_Ignorable_Code_Point}]")


def canonical(name: str) -> str:
    """The canonical form. Raises ca_bridge.errors.CaError with a sentence."""
    to_general_name("upn", name)
    if unseen := _UNSEEN.findall(name):
        raise CaError(
            _("Holds characters that are not allowed: %(found)s.")
            % {"found": homoglyphs.foreign("".join(unseen))},
            permanent=True,
        )
    before, _at, domain = name.rpartition("@")
    for word in (before, *domain.split(".")):
        _check_word(word)
    return name


def _check_word(word: str) -> None:
    """Rejects full-width letters, ligatures and other compatibility characters (NFKC)."""
    if homoglyphs.deceives(word) or unicodedata.normalize("NFKC", word) != word:
        raise CaError(
            _("It looks like another one: %(word)s is written with %(characters)s.")
            % {"word": word, "characters": homoglyphs.foreign(word)},
            permanent=True,
        )
