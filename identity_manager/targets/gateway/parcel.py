"""The parcel of a gateway: a flat ZIP in a CMS envelope for its certificate.

In the ZIP: `keys.zip` with only `address.p12`, as the import forms of gateways expect; its passphrase in
`passphrase.txt`; `manifest.json` with the SHA-256 of each file. `openssl cms -decrypt` opens the envelope.
"""

import hashlib
import io
import json
import re
import zipfile
from collections.abc import Mapping

from cryptography import x509
from django.utils import timezone
from django.utils.translation import gettext as _

from ca_bridge.errors import KeyArchiveError
from ca_bridge.keys import envelopes
from identity_manager.targets.contract import KeyFile, Refused
from identity_manager.targets.keys_stay import of_another_kind

KEYS, PASSPHRASE, MANIFEST = "keys.zip", "passphrase.txt", "manifest.json"
_MOMENT = (1980, 1, 1, 0, 0, 0)  # the earliest date of ZIP: the time of creation is not disclosed


def seal(file: KeyFile, recipient: bytes) -> bytes:
    """Return the envelope (DER). Raises Refused where the gateway's certificate is not valid now."""
    certificate = x509.load_der_x509_certificate(recipient)
    now = timezone.now()
    if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
        raise Refused(_("The certificate of the gateway is not valid now: nothing is sealed for it."))
    if not file.address:
        raise Refused(_("The certificate names no mail address, by which a gateway would know the person."))
    return envelopes.seal(package(file), [envelopes.Recipient(recipient)])


def require_recipient(envelope: bytes, recipient: bytes) -> None:
    """Raises Refused if it is no CMS envelope, or not for the configured gateway."""
    try:
        named = envelopes.recipients_of(envelope)
    except KeyArchiveError:
        raise of_another_kind() from None
    if envelopes.key_id(recipient) not in named:
        raise Refused(
            _(
                "The settings have another certificate of the gateway than when this key was sealed: the"
                " gateway could not open it. Set the former certificate and publish it again, or revoke the"
                " token."
            )
        )


def package(file: KeyFile) -> bytes:
    """The content of the envelope: the ZIP."""
    name = f"{_plain(file.address)}.p12"
    content = {KEYS: _zip({name: file.container}), PASSPHRASE: file.passphrase.encode("ascii")}
    manifest = {
        "address": file.address,
        "certificate_sha256": hashlib.sha256(file.certificate).hexdigest(),
        "sha256": {KEYS: _digest(content[KEYS]), name: _digest(file.container)},
    }
    return _zip(content | {MANIFEST: json.dumps(manifest, indent=2).encode("ascii")})


def _plain(address: str) -> str:
    """The address as a file name, without separators of paths and drives, and shell metacharacters."""
    return re.sub(r"[^A-Za-z0-9.@_+-]", "_", address).lstrip(".-")


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _zip(files: Mapping[str, bytes]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_STORED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name, _MOMENT), content)
    return made.getvalue()
