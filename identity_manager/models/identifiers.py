"""Identifiers: UUIDv7 (RFC 9562 5.7), known before a row is inserted and sorted by time of creation."""

import secrets
import uuid
from datetime import datetime

import uuid6

REFERENCE_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"


def new_id() -> uuid.UUID:
    """Return a new UUIDv7 as the plain UUID that database adapters know."""
    return uuid.UUID(int=uuid6.uuid7().int)


def first_id_of(moment: datetime) -> uuid.UUID:
    """Return what no identifier that is made from that moment on is less than (RFC 9562 5.7).

    Rows in the order of their identifiers are then found by their time, too.
    """
    return uuid.UUID(int=int(moment.timestamp() * 1000) << 80)


def new_reference() -> str:
    """Return a name for a request that people can say on the phone, such as 7K2M-9QXD (40 bits)."""
    symbols = "".join(secrets.choice(REFERENCE_ALPHABET) for _ in range(8))
    return f"{symbols[:4]}-{symbols[4:]}"
