"""The ways in which bytes can be read: as they are, and with each encoding that may hide a secret undone.

A reading is of use to a search only, so a decoder need not be exact about what surrounds a secret: it throws
away what is not of its alphabet and tries each alignment.
"""

import base64
import binascii
import math
import quopri
import re
import zlib
from collections.abc import Callable, Iterator
from urllib.parse import unquote_to_bytes

SYMBOLS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
DIGITS = b"0123456789abcdefABCDEF"
SHORTEST = 10  # bytes; no piece of a secret that is searched for is shorter
INFLATED_BYTES = 4_000_000
# How many encodings are undone one after the other in content of up to so many bytes.
DEPTHS = ((50_000, 4), (1_000_000, 3), (math.inf, 2))
PACKED_AT_MOST = 3  # PEM is base64 already; a broker wraps it once more, and a message once more

_everything = bytes(range(256))
_not_symbols = bytes(set(_everything) - set(SYMBOLS) - set(b"-_"))
_not_digits = bytes(set(_everything) - set(DIGITS))
_url_safe = bytes.maketrans(b"-_", b"+/")
_escape = re.compile(rb"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|([0-7]{3})|(.))", re.DOTALL)
_plain_escapes = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f", b"v": b"\v", b"a": b"\a"}
_tag = re.compile(rb"<[^<>]{0,300}>")
_entity = re.compile(rb"&(?:#x([0-9a-fA-F]{1,6})|#([0-9]{1,7})|(amp|lt|gt|quot|apos));")
_named_entities = {b"amp": b"&", b"lt": b"<", b"gt": b">", b"quot": b'"', b"apos": b"'"}
_deflated = re.compile(rb"x[\x01\x5e\x9c\xda]|\x1f\x8b\x08")
_perhaps_wide = re.compile(rb"\0.\0.\0.\0.\0", re.DOTALL)
_wide = re.compile(rb"(?:.\0){8,}", re.DOTALL)
_hex_prefix = re.compile(rb"0x|\\x")


def _unpack_base64(data: bytes) -> bytes:
    """RFC 4648 sections 4 and 5, at all four alignments, over whatever breaks the lines."""
    symbols = data.translate(_url_safe, delete=_not_symbols)
    starts = (symbols[start:] for start in range(4))
    return b"\n".join(base64.b64decode(each[: len(each) // 4 * 4]) for each in starts)


def _unpack_hex(data: bytes) -> bytes:
    """At both alignments; colons, spaces and 0x between the digits do not matter."""
    digits = _hex_prefix.sub(b"", data).translate(None, delete=_not_digits)
    return b"\n".join(binascii.unhexlify(each[: len(each) // 2 * 2]) for each in (digits, digits[1:]))


def _character(number: int) -> bytes:
    return bytes([number]) if number < 256 else chr(min(number, 0x10FFFF)).encode(errors="replace")


def _unescape(data: bytes) -> bytes:
    """JSON, Python's repr and what they have in common with C: escapes by a backslash."""

    def plain(match: re.Match[bytes]) -> bytes:
        two, four, octal, one = match.groups()
        if two or four:
            return _character(int(two or four, 16))
        return _character(int(octal, 8) & 255) if octal else _plain_escapes.get(one, one)

    return _escape.sub(plain, data)


def _read_form(data: bytes) -> bytes:
    """What a form sends: percent signs, and a plus sign for each space."""
    return unquote_to_bytes(data.replace(b"+", b" ")) if b"%" in data else data


def _read_markup(data: bytes) -> bytes:
    """HTML: no tags, no character references."""

    def plain(match: re.Match[bytes]) -> bytes:
        hexadecimal, decimal, name = match.groups()
        if name:
            return _named_entities[name]
        return _character(int(hexadecimal, 16) if hexadecimal else int(decimal))

    return _entity.sub(plain, _tag.sub(b"", data))


def _read_quoted_printable(data: bytes) -> bytes:
    """RFC 2045 6.7, soft line breaks included."""
    return quopri.decodestring(data)


def _inflate(data: bytes) -> bytes:
    """Whatever zlib or gzip wrote, wherever it begins; sessions are kept so."""
    found = (_inflated(data[match.start() :]) for match in _deflated.finditer(data))
    return b"\n".join(plain for plain in found if len(plain) >= SHORTEST)


def _inflated(data: bytes) -> bytes:
    """Byte by byte: what comes before a fault, such as a wrong checksum, counts."""
    engine, plain = zlib.decompressobj(wbits=47), bytearray()
    try:
        for position in range(len(data)):
            plain += engine.decompress(data[position : position + 1])
            if engine.eof or len(plain) > INFLATED_BYTES:
                break
    except zlib.error:
        pass
    return bytes(plain)


def _one_byte_characters(data: bytes) -> bytes:
    """Bytes that were taken for Latin-1 and written as UTF-8."""
    return data.decode("utf-8", errors="ignore").encode("latin-1", errors="ignore")


def _narrow(data: bytes) -> bytes:
    """The low bytes of what looks like UTF-16 of either order, or (narrowed twice) like UTF-32."""
    if not _perhaps_wide.search(data):  # many times quicker, and nearly always the answer
        return b""
    return b"\n".join(match[0][::2] for match in _wide.finditer(data))


PACKING: dict[str, Callable[[bytes], bytes]] = {"base64": _unpack_base64, "hex": _unpack_hex}
ESCAPING: dict[str, Callable[[bytes], bytes]] = {
    "quoted-printable": _read_quoted_printable,
    "percent": unquote_to_bytes,
    "form": _read_form,
    "backslash": _unescape,
    "HTML": _read_markup,
    "zlib": _inflate,
    "Latin-1 as UTF-8": _one_byte_characters,
    "UTF-16": _narrow,
}


def readings(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield each different reading with its name: the encodings that were undone, the innermost first."""
    depth = next(depth for size, depth in DEPTHS if len(data) <= size)
    seen: set[bytes] = {b""}
    waiting: list[tuple[tuple[str, ...], bytes]] = [((), data)]
    while waiting:
        path, reading = waiting.pop(0)
        if reading in seen or len(reading) < SHORTEST:
            continue
        seen.add(reading)
        yield " in ".join(reversed(path)) or "plain", reading
        if len(path) < depth:
            waiting.extend(_deeper(path, reading))


def _deeper(path: tuple[str, ...], reading: bytes) -> Iterator[tuple[tuple[str, ...], bytes]]:
    packed = sum(name in PACKING for name in path)
    for name, decode in {**ESCAPING, **(PACKING if packed < PACKED_AT_MOST else {})}.items():
        yield (*path, name), decode(reading)
