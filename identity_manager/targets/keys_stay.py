"""What targets that take keys have in common: nothing is taken back, and nobody asks them for everything."""

import hashlib
from collections.abc import Iterator

from django.utils.translation import gettext as _

from identity_manager.targets.contract import Held, Item, Refused, Unavailable


class KeysStay:
    """Part of a KeyConnector. Old keys open old mail: a certificate that ends leaves its key where it is."""

    def mark(self, item: Item) -> str:
        """The certificate's own: nothing is surveyed."""
        return hashlib.sha256(item.certificate).hexdigest()

    def take_back(self, place: str, item: Item) -> None:  # noqa: ARG002 the contract has them
        """Refuse."""
        raise Refused(_("Keys that went to this target stay there."))

    def survey(self) -> Iterator[Held]:
        """Refuse."""
        raise Unavailable(_("Targets that take keys are not compared with the journal."))


def parcel_of(item: Item) -> bytes:
    """The sealed key. Raises Refused where there is none: the target took certificates before."""
    if not item.parcel:
        raise Refused(_("This target takes keys, and none was sealed for it with this certificate."))
    return item.parcel
