"""Faults that tell everything they can get hold of, as a careless library or a foreign program would."""

import dataclasses
from collections.abc import Callable
from typing import Any, NoReturn

from cryptography.hazmat.primitives.asymmetric import ec, rsa

from ca_bridge.keys import keys

FAULT = "planted fault"
DEPTH = 4


class LoudError(Exception):
    """Tells everything that it was given."""


def everything(value: Any, depth: int = DEPTH) -> str:
    """All that can be read from a value: its fields, their fields, and keys by their numbers."""
    if isinstance(value, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
        return keys.to_pkcs8(value).hex()
    if depth and isinstance(value, dict):
        return " ".join(f"{name}={everything(each, depth - 1)}" for name, each in value.items())
    if depth and isinstance(value, list | tuple | set):
        return " ".join(everything(each, depth - 1) for each in value)
    fields = _fields_of(value) if depth else {}
    return f"{value!r} {everything(fields, depth - 1) if fields else ''}"


def _fields_of(value: Any) -> dict[str, Any]:
    if dataclasses.is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    return dict(getattr(value, "__dict__", {}))


def loud(kind: Callable[[str], Exception] = LoudError) -> Callable[..., NoReturn]:
    """A function that does nothing but fail, and tells what it was called with."""

    def fail(*arguments: Any, **options: Any) -> NoReturn:
        raise kind(f"{FAULT}: {everything(arguments)} {everything(options)}")

    return fail


def quiet(kind: Callable[[str], Exception] = LoudError) -> Callable[..., NoReturn]:
    """A function that is handed a secret by right, and fails without a word of it."""

    def fail(*_arguments: Any, **_options: Any) -> NoReturn:
        raise kind(FAULT)

    return fail
