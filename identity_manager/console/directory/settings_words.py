"""The settings of a directory in words: labels and values of DIRECTORY_SOURCES. The secret is no option."""

from collections.abc import Iterator, Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from identity_manager.directory.configuration import HOLD, LOCK, SourceConfiguration
from identity_manager.models.words import Vocabulary, Words
from identity_manager.ui.parts import Pair

OPTIONS: Mapping[str, Promise] = {
    "url": gettext_lazy("Address"),
    "start_tls": gettext_lazy("StartTLS"),
    "ca_file": gettext_lazy("File of the certificate authorities"),
    "bind_dn": gettext_lazy("Signs in as"),
    "base": gettext_lazy("Where persons are searched"),
    "filter": gettext_lazy("Filter of persons"),
    "group_base": gettext_lazy("Where groups are searched"),
    "group_filter": gettext_lazy("Filter of groups"),
    "flavour": gettext_lazy("Kind of directory"),
    "page_size": gettext_lazy("Entries in a page"),
    "timeout": gettext_lazy("Seconds until an answer is given up"),
    "folder": gettext_lazy("Folder"),
    "holds": gettext_lazy("What a file holds"),
}
VALUES: Mapping[tuple[str, str], Promise] = {
    ("flavour", "active-directory"): gettext_lazy("Active Directory"),
    ("flavour", "generic"): gettext_lazy("another LDAP directory"),
    ("holds", "whole"): gettext_lazy("all persons"),
    ("holds", "changes"): gettext_lazy("only changes"),
}
LEAVERS = Vocabulary(
    "leavers of directories",
    {
        "leaving": gettext_lazy("Who is leaving"),
        "disabled": gettext_lazy("Who is disabled"),
        "expired": gettext_lazy("Whose account has expired"),
        "absent": gettext_lazy("Who is absent"),
    },
)
EFFECTS = Vocabulary(
    "effects on leavers",
    {HOLD: gettext_lazy("becomes Inactive"), LOCK: gettext_lazy("is locked for good")},
)
TRUST: Mapping[str, Promise] = {
    "upn_suffixes": gettext_lazy("UPN suffixes that are believed"),
    "sid_domains": gettext_lazy("SID domains that are believed"),
}


def pairs(configuration: SourceConfiguration) -> Iterator[Pair]:
    """Settings as label and value, one after another; an unknown option under its own name."""
    for name, value in configuration.options.items():
        words = _value(name, value)
        yield Pair(OPTIONS.get(name, name), words, mono=words == str(value))
    for state, effect in configuration.leavers.items():
        yield Pair(LEAVERS.in_words(state), EFFECTS.in_words(effect))
    yield Pair(_("Who stays absent"), _absent(configuration.lock_after.days))
    for name, label in TRUST.items():
        if values := getattr(configuration, name):
            yield Pair(label, ", ".join(values), mono=True)


def _value(name: str, value: object) -> Words:
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    return VALUES.get((name, str(value)), str(value))


def _absent(days: int) -> str:
    if not days:
        return _("is never locked for that")
    words = ngettext("is locked for good after %d day", "is locked for good after %d days", days)
    return words % days
