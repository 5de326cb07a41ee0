"""Command argument that selects the embedded CA."""

from argparse import ArgumentParser

from django.core.management.base import CommandError

from identity_manager.authorities import embedded


def add_argument(parser: ArgumentParser) -> None:
    """Add the argument; optional where there is one embedded CA."""
    parser.add_argument("--ca", metavar="ALIAS", help="which one, where there are several")


def embedded_ca(alias: str | None) -> str:
    """The given alias, or that of the only embedded CA. Raises CommandError."""
    found = embedded.aliases()
    if alias is None and len(found) > 1:
        raise CommandError(f"Name one of them with --ca: {', '.join(found)}.")
    name = alias or next(iter(found), "")
    if name not in found:
        raise CommandError("There is no such embedded CA in CA_CONNECTORS.")
    return name
