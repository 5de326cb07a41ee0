"""E-mail addresses as they are kept: the domain in lower case and ASCII, so that one address has one form."""

import regex
from django.utils.translation import gettext as _
from email_validator import EmailNotValidError, validate_email

from ca_bridge.errors import CaError
from ca_bridge.subject_alt_names import mailbox

_SCRIPTS = (
    "Latin", "Greek", "Cyrillic", "Armenian", "Hebrew", "Arabic", "Thai", "Georgian", "Cherokee", "Tamil",
    "Devanagari", "Bengali", "Han", "Hiragana", "Katakana", "Bopomofo", "Hangul",
)  # fmt: skip
_SCRIPT_OF = {name: regex.compile(rf"\p{{Script={name}}}") for name in _SCRIPTS}
_NEUTRAL = regex.compile(r"[\p{Script=Common}\p{Script=Inherited}]")
# Scripts that are written together (UTS 39 5.2, highly restrictive).
_TOGETHER = (
    frozenset({"Latin", "Han", "Hiragana", "Katakana"}),
    frozenset({"Latin", "Han", "Bopomofo"}),
    frozenset({"Latin", "Han", "Hangul"}),
)
# Cyrillic and Greek letters that look like Latin ones: a label of nothing else reads as another domain.
_LOOKS_LATIN = regex.compile(r"[асԁеһіјӏорԛѕԝхуүћοανκρτυχ0-9\-]+")


def canonical(address: str) -> str:
    """Return the address as it is kept. Raises ca_bridge.errors.CaError with the sentence why not."""
    kept = mailbox(address)
    for label in kept.rpartition("@")[2].split("."):
        _check_label(label)
    return kept


def readable(address: str) -> str:
    """Return a kept address as its owner writes it: its domain's own letters, if they deceive nobody."""
    if "xn--" not in address:
        return address
    try:
        for label in address.rpartition("@")[2].split("."):
            _check_label(label)
        return validate_email(address, check_deliverability=False, globally_deliverable=False).normalized
    except (CaError, EmailNotValidError, UnicodeError):
        return address


def _check_label(label: str) -> None:
    if not label.startswith("xn--"):
        return
    written = label[4:].encode("ascii").decode("punycode")
    if _mixes_scripts(written) or _LOOKS_LATIN.fullmatch(written):
        raise CaError(
            _("The domain of the e-mail looks like another one: %(label)s is written with %(characters)s.")
            % {"label": label, "characters": ", ".join(_foreign(written))},
            permanent=True,
        )


def _mixes_scripts(label: str) -> bool:
    scripts = {_script(letter) for letter in label if not _NEUTRAL.match(letter)}
    return len(scripts) > 1 and not any(scripts <= allowed for allowed in _TOGETHER)


def _script(letter: str) -> str:
    """The letter's script; each of the scripts that we do not list counts as the same, other one."""
    return next((name for name, pattern in _SCRIPT_OF.items() if pattern.match(letter)), "other")


def _foreign(label: str) -> list[str]:
    return list(dict.fromkeys(f"U+{ord(letter):04X}" for letter in label if not letter.isascii()))
