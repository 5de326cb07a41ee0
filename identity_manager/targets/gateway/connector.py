"""Mail gateway as a target: keys are dropped in a folder, encrypted to the gateway's certificate.

The file is written as `.part` and renamed, so that the gateway never reads an incomplete one. Its name
derives from the certificate, so a repetition writes the same file. A gateway removes files that it has
imported; so if the outcome is unknown and the file is absent, an officer decides.
"""

import errno
import hashlib
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from cryptography import x509
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from ca_bridge.pkcs12.writer import ContainerFormat
from identity_manager.targets.configuration import TargetConfiguration
from identity_manager.targets.contract import Doubtful, Item, KeyFile, Presence, Put, Refused, Unavailable
from identity_manager.targets.gateway import parcel
from identity_manager.targets.gateway.drop import Drop, Folder, HostKeyError, SignInError
from identity_manager.targets.gateway.options import GatewayOptions
from identity_manager.targets.keys_stay import KeysStay, parcel_of

logger = logging.getLogger(__name__)
PLACE = "drop"  # the same for all persons: only the encrypted content names the person
SUFFIX, ASIDE = ".p7m", ".part"
NAME = 32  # hexadecimal digits of the certificate's SHA-256
Result = TypeVar("Result")


class GatewayTarget(KeysStay):
    """One drop, over one connection."""

    def __init__(self, configuration: TargetConfiguration) -> None:
        self.options: GatewayOptions = configuration.options
        self._drop = _drop(self.options, configuration.secret)

    @property
    def container_format(self) -> ContainerFormat:
        """As the options say."""
        return self.options.container_format

    def seal(self, file: KeyFile) -> bytes:
        """The envelope."""
        return parcel.seal(file, self.options.recipient)

    def close(self) -> None:
        """Close the connection."""
        self._drop.close()

    def check(self) -> str:
        """Check the folder; return a sentence with the recipient of envelopes."""
        self._tried(self._drop.check)
        certificate = x509.load_der_x509_certificate(self.options.recipient)
        words = {
            "subject": certificate.subject.rfc4514_string(),
            "day": date_format(certificate.not_valid_after_utc, "SHORT_DATE_FORMAT"),
        }
        return _("The folder can be opened. Envelopes are for %(subject)s, valid until %(day)s.") % words

    def locate(self, identity: str) -> str:  # noqa: ARG002 the contract has it
        """The same place for all persons."""
        return PLACE

    def put(
        self,
        place: str,  # noqa: ARG002 the contract has it
        item: Item,
        *,
        instead_of: Item | None = None,  # noqa: ARG002 keys are added, and old ones stay
    ) -> Put:
        """Write the file under a temporary name, then rename it; before the rename a fault has no effect."""
        content, name = parcel_of(item), _name(item)
        parcel.require_recipient(content, self.options.recipient)
        aside = name + ASIDE
        found = self._tried(lambda: self._drop.read(name))
        if found == content:
            return Put.ADDED  # nobody else can have made this envelope
        if found is not None:
            raise Refused(_("Another file of the same name lies in the folder."))
        try:
            self._tried(lambda: self._drop.write(aside, content))
        except Unavailable:
            with suppress(OSError):
                self._drop.remove(aside)
            raise
        try:
            self._drop.rename(aside, name)
        except OSError as error:
            self._drop.close()
            raise Doubtful(_("Nobody knows whether the file got its name."), detail=_detail(error)) from error
        return Put.ADDED

    def look(self, place: str, item: Item) -> Presence:  # noqa: ARG002 the contract has it
        """Whether the file lies there; one that is gone may have been taken by the gateway."""
        name = _name(item)
        found = self._tried(lambda: self._drop.read(name))
        if found is not None:
            return Presence.THERE if found == item.parcel else Presence.UNKNOWN
        aside = self._tried(lambda: self._drop.read(name + ASIDE))
        return Presence.UNKNOWN if aside is None else Presence.ABSENT

    def _tried(self, act: Callable[[], Result]) -> Result:
        """Run an action on the drop. Raises Unavailable for its OSError."""
        try:
            return act()
        except OSError as error:
            self._drop.close()
            logger.warning("Gateway drop: %s", _detail(error))
            raise Unavailable(_words(error), detail=_detail(error)) from error


def _name(item: Item) -> str:
    return hashlib.sha256(item.certificate).hexdigest()[:NAME] + SUFFIX


def _detail(error: OSError) -> str:
    return f"{type(error).__name__} {errno.errorcode.get(error.errno or 0, '')}".strip()


def _drop(options: GatewayOptions, secret: str) -> Drop:
    """The folder of the options."""
    if not options.host:
        return Folder(options.folder)
    # Here, because few have it, and every process would hold 8 MB of SSH.
    from identity_manager.targets.gateway.sftp import SftpDrop

    return SftpDrop(options, secret)


def _words(error: OSError) -> str:
    """The error as a sentence without file names."""
    if isinstance(error, HostKeyError):
        return _("The server does not show the host key of the settings. Nothing was said to it.")
    if isinstance(error, SignInError):
        return _("The server does not accept the password or key of the settings.")
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return _("The disk of the folder is full.")
    if isinstance(error, PermissionError):
        return _("The folder may not be read or written to.")
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return _("The folder is not there.")
    if isinstance(error, ConnectionError | TimeoutError):
        return _("The server cannot be reached, or has gone.")
    return _("The server did not do it; its disk may be full.")
