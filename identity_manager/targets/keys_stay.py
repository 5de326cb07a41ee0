"""Base of targets that get keys: no removal and no survey."""

import hashlib
import json
from collections.abc import Iterator
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import pkcs12
from django.utils.translation import gettext as _

from identity_manager.targets.contract import Held, Item, KeyFile, Refused, Unavailable


class KeysStay:
    """Mixin of KeyConnectors. Old keys decrypt old mail, so a key stays when its certificate ends."""

    def mark(self, item: Item) -> str:
        """SHA-256 of the certificate; there is no survey to compare it with."""
        return hashlib.sha256(item.certificate).hexdigest()

    def take_back(self, place: str, item: Item) -> None:  # noqa: ARG002 the contract has them
        """Refuse."""
        raise Refused(_("Keys that went to this target stay there."))

    def survey(self) -> Iterator[Held]:
        """Refuse."""
        raise Unavailable(_("Targets that take keys are not compared with the journal."))


def parcel_of(item: Item) -> bytes:
    """The sealed key. Raises Refused if there is none, because the target got certificates only before."""
    if not item.parcel:
        raise Refused(_("This target takes keys, and none was sealed for it with this certificate."))
    return item.parcel


def json_parcel_of(item: Item) -> dict[str, Any]:
    """The sealed key as JSON. Raises Refused if it is none, because another kind of target sealed it."""
    try:
        made = json.loads(parcel_of(item))
    except ValueError:
        raise of_another_kind() from None
    if not isinstance(made, dict):
        raise of_another_kind()
    return made


def of_another_kind() -> Refused:
    """The refusal of a key that was sealed before the setting changed the kind of the target."""
    return Refused(
        _(
            "This key was sealed for a target of another kind: the settings have changed the kind under the"
            " same name. Set the former kind and publish it again, or revoke the token."
        )
    )


def require_openable(file: KeyFile) -> None:
    """Raises Refused if the container does not decrypt, or lacks the certificate's key."""
    try:
        key, certificate, _chain = pkcs12.load_key_and_certificates(
            file.container, file.passphrase.encode("ascii")
        )
    except ValueError:
        raise Refused(_("The container does not open with its passphrase.")) from None
    loaded = x509.load_der_x509_certificate(file.certificate)
    if key is None or certificate != loaded or key.public_key() != loaded.public_key():
        raise Refused(_("The container is that of another certificate."))
