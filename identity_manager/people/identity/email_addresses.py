"""E-mail addresses in canonical form: domain in lower case and ASCII (IDNA)."""

from django.utils.translation import gettext as _
from email_validator import EmailNotValidError, validate_email

from ca_bridge.errors import CaError
from ca_bridge.x509.subject_alt_names import mailbox
from identity_manager.people.identity import homoglyphs


def canonical(address: str) -> str:
    """The canonical form. Raises ca_bridge.errors.CaError with a sentence."""
    kept = mailbox(address)
    for label in kept.rpartition("@")[2].split("."):
        _check_label(label)
    return kept


def readable(address: str) -> str:
    """The address for display: domain in Unicode unless it is deceptive (homoglyphs)."""
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
    if homoglyphs.deceives(written):
        raise CaError(
            _("The domain of the e-mail looks like another one: %(label)s is written with %(characters)s.")
            % {"label": label, "characters": homoglyphs.foreign(written)},
            permanent=True,
        )
