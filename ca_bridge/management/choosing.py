"""Which CA a command is about, and its options."""

from argparse import ArgumentParser

from django.core.management.base import CommandError

from ca_bridge import registry
from ca_bridge.connectors.embedded.connector import EmbeddedConnector


def add_argument(parser: ArgumentParser) -> None:
    """Let the command be told; it need not be where there is one embedded CA."""
    parser.add_argument("--ca", metavar="ALIAS", help="which one, where there are several")


def embedded_ca(alias: str | None) -> EmbeddedConnector:
    """Return the embedded CA of this alias, or the only one. Raises CommandError."""
    connectors = {each: registry.connector(each) for each in registry.aliases()}
    found = {name: each for name, each in connectors.items() if isinstance(each, EmbeddedConnector)}
    if alias is None and len(found) > 1:
        raise CommandError(f"Name one of them with --ca: {', '.join(found)}.")
    name = alias or next(iter(found), "")
    if name not in found:
        raise CommandError("There is no such embedded CA in CA_CONNECTORS.")
    return found[name]
