"""Identifiers: UUIDv7 (RFC 9562 5.7), known before a row is inserted and sorted by time of creation."""

import secrets
import uuid
from datetime import datetime

import uuid6

REFERENCE_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"


def new_id() -> uuid.UUID:
    """A new UUIDv7 as a plain UUID, which database adapters know."""
    return uuid.UUID(int=uuid6.uuid7().int)


def first_id_of(moment: datetime) -> uuid.UUID:
    """The smallest UUIDv7 of that moment (RFC 9562 5.7).

    So the index of a primary key also finds rows by time of creation.
    """
    return uuid.UUID(int=int(moment.timestamp() * 1000) << 80)


def new_reference() -> str:
    """Return a name for a request that people can say on the phone, such as 7K2M-9QXD (40 bits)."""
    symbols = "".join(secrets.choice(REFERENCE_ALPHABET) for _ in range(8))
    return f"{symbols[:4]}-{symbols[4:]}"
