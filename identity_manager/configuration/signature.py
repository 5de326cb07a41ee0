"""Signature of a configuration file: Ed25519, by the signing key of an audit log, in its last line.

It proves the origin and does not replace four eyes: a signed file creates drafts like any other.
"""

import hashlib
import re
from dataclasses import dataclass

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from identity_manager import audit_proof
from identity_manager.audit import keys
from identity_manager.transactions.refusals import NotPossible, Reason

_LINE = re.compile(
    r"^# signed with (?P<key>[A-Za-z0-9+/]{43}=): (?P<signature>[A-Za-z0-9+/]{86}==)\n?\Z", re.MULTILINE
)
_TRIED = re.compile(r"^#\s*signed with[^\n]*\s*\Z", re.MULTILINE | re.IGNORECASE)

UNKNOWN_KEY = Reason(
    "configuration-unknown-signer",
    _("The file is signed with a key that is not known here. CONFIGURATION_SIGNERS names the keys that are."),
)
NOT_SIGNED_SO = Reason(
    "configuration-changed-after-signing",
    _(
        "The signature of the file does not fit: it was changed after it was signed. Take the signature out,"
        " or export it again."
    ),
)


@dataclass(frozen=True)
class SigningInstallation:
    """key: the public key (base64) that the file is signed with; empty where it is not signed."""

    key: str = ""
    is_own: bool = False


def signed(text: str) -> str:
    """The text with its signature. Raises keys.NoKey."""
    _version, private_key = keys.signing_key()
    made = audit_proof.sign(private_key, _statement(text))
    return f"{text}# signed with {audit_proof.public_key_of(private_key)}: {made}\n"


def origin_of(text: str) -> SigningInstallation:
    """Installation that signed the text, if any. Raises NotPossible for a wrong signature or a stranger's."""
    found = _LINE.search(text)
    if found is None:
        if _TRIED.search(text):
            raise NotPossible(NOT_SIGNED_SO, field="file")
        return SigningInstallation()
    own = keys.public_keys()
    if found["key"] not in {*own, *settings.CONFIGURATION_SIGNERS}:
        raise NotPossible(UNKNOWN_KEY, field="file")
    if not audit_proof.is_signed(_statement(text[: found.start()]), found["signature"], found["key"]):
        raise NotPossible(NOT_SIGNED_SO, field="file")
    return SigningInstallation(found["key"], is_own=found["key"] in own)


def _statement(text: str) -> dict[str, str]:
    """Statement that is signed; a head of the audit log never says the same."""
    return {"configuration": hashlib.sha256(text.encode()).hexdigest()}
