"""The claim to create the CA: of several hosts with one database, one gets it."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction

from ca_bridge.connectors.embedded import authority
from ca_bridge.connectors.embedded.models import Crl, IssuedCertificate
from ca_bridge.connectors.embedded.options import EmbeddedOptions
from ca_bridge.connectors.embedded.paths import ISSUING
from ca_bridge.errors import CaError


def refuse_second(options: EmbeddedOptions) -> None:
    """Raises CaError where the database knows the CA and its directory is not here.

    The directory is checked last: a process that creates it here at this moment is in the database by then.
    """
    if _is_in_use(options.name) and not authority.is_made(options):
        raise CaError(
            "The database knows this certificate authority already, and its directory is not here.",
            f"Copy {options.directory} from the host that has it, or from a backup.",
            permanent=True,
        )


@contextmanager
def claimed(options: EmbeddedOptions) -> Iterator[None]:
    """Hold the claim while the directory is renamed into its place.

    The row of the first CRL is the claim, and others wait for it. Raises CaError where another host has it,
    and the directory is not here.
    """
    with transaction.atomic():
        _crl, is_first = Crl.objects.get_or_create(ca=options.name, issuer=ISSUING)
        if not is_first:
            refuse_second(options)
        yield


def _is_in_use(name: str) -> bool:
    """Whether a CA of that name was created or has signed anything."""
    return Crl.objects.filter(ca=name).exists() or IssuedCertificate.objects.filter(ca=name).exists()
