"""Purpose of a request: a plain text by the requester, if the chosen token types ask for it.

It is part of each line's snapshot, so that the hash that approvers sign covers it.
"""

import unicodedata
from collections.abc import Iterable

from django.utils.translation import gettext_lazy as _

from ca_bridge.x509.names import forbidden_characters
from identity_manager.models import PurposeRule, TokenType
from identity_manager.models.catalogue.token_type import LONGEST_PURPOSE
from identity_manager.transactions.refusals import NotPossible, Reason

MISSING = _("Say what it is for: %(names)s is not given without that.")
NOT_ASKED = Reason(
    "purpose-not-asked", _("What it is for is not asked for these types. Leave the field empty.")
)
TOO_LONG = Reason("purpose-too-long", _("Say in at most 500 characters what it is for."))
FORBIDDEN = _("Holds characters that are not allowed: %(found)s.")


def cleaned(text: str, types: Iterable[TokenType]) -> str:
    """The purpose in NFC, without blank ends; line breaks stay.

    Raises NotPossible at the field `purpose`: it is missing, not asked for by any of these types, longer
    than LONGEST_PURPOSE characters, or holds control or bidi override characters.
    """
    wanted = list(types)
    purpose = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n").strip())
    reason = _obstacle(purpose, wanted) if purpose else _missing(wanted)
    if reason is not None:
        raise NotPossible(reason, field="purpose")
    return purpose


def is_asked(types: Iterable[TokenType]) -> bool:
    """Whether at least one of these types asks the requester for a purpose."""
    return any(each.purpose_rule in (PurposeRule.MAY, PurposeRule.MUST) for each in types)


def _missing(types: Iterable[TokenType]) -> Reason | None:
    names = [str(each) for each in types if each.purpose_rule == PurposeRule.MUST]
    return Reason("purpose-missing", str(MISSING) % {"names": ", ".join(names)}) if names else None


def _obstacle(purpose: str, types: list[TokenType]) -> Reason | None:
    if not is_asked(types):
        return NOT_ASKED
    if len(purpose) > LONGEST_PURPOSE:
        return TOO_LONG
    if found := forbidden_characters(purpose.replace("\n", " ").replace("\t", " ")):
        return Reason("purpose-characters", str(FORBIDDEN) % {"found": ", ".join(found)})
    return None
