"""The forms in which a secret is planted: how it is written, and how that is encoded."""

import base64
import functools
import html
import json
import quopri
import secrets
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from urllib.parse import quote_from_bytes

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from ca_bridge.contract import KeyAlgorithm
from ca_bridge.keys import keys
from ca_bridge.keys.keys import PrivateKey
from ca_bridge.pkcs12 import passphrase
from tests.sinks.search import Secret

# Written as UTF-8, and that taken for Latin-1, these two become a line break and a space.
_mended = {0xC5, 0xE0}
_visible = sorted({*range(33, 127), *range(161, 256)} - _mended)
PKCS8, TRADITIONAL = PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL  # the latter: PKCS#1 or SEC1


def _base64(before: bytes) -> Callable[[bytes], bytes]:
    """Behind as many bytes as shift its alignment."""
    return lambda plain: base64.b64encode(before + plain)


def _in_lines(plain: bytes, *, length: int = 11, end: bytes = b"\r\n") -> bytes:
    encoded = base64.b64encode(plain)
    return end.join(encoded[start : start + length] for start in range(0, len(encoded), length))


def _quoted_printable(plain: bytes) -> bytes:
    """Each byte escaped, with soft line breaks everywhere."""
    escaped = [b"=%02X" % byte for byte in plain]
    return b"=\r\n".join(b"".join(escaped[start : start + 3]) for start in range(0, len(escaped), 3))


def in_one_line(text: str) -> str:
    """For places that cannot hold a line break, such as a header."""
    return text.replace("=\r\n", "").replace("\r", "").replace("\n", "")


def _session_like(plain: bytes) -> bytes:
    """As Django's signing packs a session: JSON, deflated, in URL-safe base64."""
    content = json.dumps({"secret": plain.decode("latin-1")}).encode()
    return b"." + base64.urlsafe_b64encode(zlib.compress(content)).rstrip(b"=") + b":1tXyZ:signature"


ENCODINGS: dict[str, Callable[[bytes], bytes]] = {
    "plain": lambda plain: plain,
    "base64": _base64(b""),
    "base64, shifted by one": _base64(b"a"),
    "base64, shifted by two": _base64(b"ab"),
    "base64, URL-safe": lambda plain: base64.urlsafe_b64encode(plain).rstrip(b"="),
    "base64, in lines": _in_lines,
    "base64, in base64": lambda plain: base64.b64encode(base64.b64encode(plain)),
    "quoted-printable": _quoted_printable,
    "quoted-printable, as usual": lambda plain: quopri.encodestring(plain, quotetabs=True),
    "hex": lambda plain: plain.hex().encode(),
    "hex, with colons": lambda plain: plain.hex(":").upper().encode(),
    "UTF-16 LE": lambda plain: plain.decode("latin-1").encode("utf-16-le"),
    "UTF-16 BE": lambda plain: plain.decode("latin-1").encode("utf-16-be"),
    "UTF-16 LE, in base64": lambda plain: base64.b64encode(plain.decode("latin-1").encode("utf-16-le")),
    "percent": lambda plain: "".join(f"%{byte:02X}" for byte in plain).encode(),
    "percent, as usual": lambda plain: quote_from_bytes(plain).encode(),
    "JSON": lambda plain: json.dumps(plain.decode("latin-1")).encode(),
    "JSON, all escaped": lambda plain: "".join(f"\\u{byte:04x}" for byte in plain).encode(),
    "HTML": lambda plain: html.escape(plain.decode("latin-1")).encode("latin-1"),
    "HTML, all escaped": lambda plain: "".join(f"&#{byte};" for byte in plain).encode(),
    "Latin-1 as UTF-8": lambda plain: plain.decode("latin-1").encode(),
    "Python's repr": lambda plain: repr(plain).encode(),
    "packed as a session": _session_like,
}


@dataclass(frozen=True)
class Planted:
    """A secret and one way to write it."""

    secret: Secret
    written: bytes


def _key_as(key: PrivateKey, encoding: Encoding, form: PrivateFormat) -> bytes:
    return key.private_bytes(encoding, form, NoEncryption())


PASSPHRASE_WRITINGS: dict[str, Callable[[str], str]] = {
    "passphrase, as displayed": lambda text: text,
    "passphrase, without hyphens": lambda text: text.replace("-", ""),
    "passphrase, in lower case": lambda text: text.lower(),
}
KEY_WRITINGS = {
    "RSA key, PKCS#8": (KeyAlgorithm.RSA_2048, Encoding.DER, PKCS8),
    "RSA key, PKCS#1": (KeyAlgorithm.RSA_2048, Encoding.DER, TRADITIONAL),
    "EC key, PKCS#8": (KeyAlgorithm.EC_P256, Encoding.DER, PKCS8),
    "EC key, SEC1": (KeyAlgorithm.EC_P384, Encoding.DER, TRADITIONAL),
    "RSA key, PEM": (KeyAlgorithm.RSA_2048, Encoding.PEM, PKCS8),
    "EC key, PEM": (KeyAlgorithm.EC_P256, Encoding.PEM, TRADITIONAL),
}


@functools.cache
def writings() -> list[Planted]:
    """Secrets of every kind, each another one, each written in its own way."""
    planted = [passphrase_written(name) for name in PASSPHRASE_WRITINGS]
    for name, (algorithm, encoding, form) in KEY_WRITINGS.items():
        key = keys.generate(algorithm)
        planted.append(Planted(Secret.key(key, name=name), _key_as(key, encoding, form)))
    return planted


def passphrase_written(writing: str) -> Planted:
    """A new passphrase, written so."""
    text = passphrase.generate()
    written = PASSPHRASE_WRITINGS[writing](text).encode("ascii")
    return Planted(Secret.passphrase(text, name=writing), written)


def matrix() -> dict[str, Planted]:
    """For each encoding a passphrase and a key, each another one, by what they are; and other writings."""
    displayed, *other = PASSPHRASE_WRITINGS
    found = {name: passphrase_written(name) for name in other}
    for encoding, encode in ENCODINGS.items():
        for plain in (passphrase_written(displayed), _robust_key()):
            name = f"{plain.secret.name}: {encoding}"
            found[name] = Planted(replace(plain.secret, name=name), encode(plain.written))
    return found


def _robust_key() -> Planted:
    """A key without line ends or other controls among the bytes that are searched for: text mends those."""
    number = bytes(secrets.choice(_visible) for _ in range(32))
    key = ec.derive_private_key(int.from_bytes(number, "big"), ec.SECP256R1())
    return Planted(Secret.key(key, name="EC key"), _key_as(key, Encoding.DER, PKCS8))
