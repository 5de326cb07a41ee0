"""Links in the company's mail texts: they lead to the portals of the installation, and nowhere else.

Mail programs make links of whatever looks like an address, so whatever looks like one counts: with a scheme,
with `//`, and a bare name of a host. An e-mail address is none.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings

_LABEL = r"[^\W_](?:[\w-]*[^\W_])?"
_HOST = rf"{_LABEL}(?:[.。]{_LABEL})*[.。][^\W\d_]{{2,24}}"
_EMAIL = re.compile(rf"(?<![\w.+/\\@-])[\w.+-]{{1,64}}@{_HOST}(?![\w@]|[/:?#]\S)")
_REST = r"[^\s<>\"']"
_LINK = re.compile(
    rf"(?:[a-z][a-z0-9+.-]{{0,20}}:)?//(?=\S){_REST}+"
    rf"|\b(?:javascript|vbscript|data|file|mailto|tel|sms|blob):(?=\S){_REST}+"
    rf"|(?<![\w.-]){_HOST}(?::\d+)?(?:[/?#]{_REST}*)?",
    re.IGNORECASE,
)
_ENDS_NO_LINK = ".,;:!?)]}»”’"


@dataclass(frozen=True)
class Link:
    """What looks like a link, and where it begins."""

    text: str
    index: int


def foreign(text: str, *, except_in: Iterable[str] = ()) -> Iterator[Link]:
    """What looks like a link in the text and leads elsewhere.

    except_in: values of placeholders: an address that stands whole in one of them was typed by others, as in
    the product's own texts.
    """
    allowed = list(except_in)
    plain, places = _as_mail_programs_read(text)
    without_addresses = _EMAIL.sub(lambda match: " " * len(match[0]), plain)
    for match in _LINK.finditer(without_addresses):
        found = match[0].rstrip(_ENDS_NO_LINK)
        if not _is_own(found) and not any(found in value for value in allowed):
            yield Link(found, places[match.start()])


def _as_mail_programs_read(text: str) -> tuple[str, list[int]]:
    """The text without characters that nobody sees, compatibility forms resolved; whence each one came."""
    symbols, places = [], []
    for index, symbol in enumerate(text):
        if unicodedata.category(symbol) == "Cf":
            continue
        for plain in unicodedata.normalize("NFKC", symbol):
            symbols.append(plain)
            places.append(index)
    return "".join(symbols), places


def _is_own(found: str) -> bool:
    """Whether it leads to a portal: the same scheme, host and port, or its host alone."""
    for base in map(urlsplit, (settings.CONSOLE_BASE_URL, settings.SELFSERVICE_BASE_URL)):
        if "//" in found or ":" in found.partition(".")[0]:
            if _split(found) == (base.scheme, base.netloc.lower()):
                return True
        elif re.split(r"[/?#]", found)[0].lower() in {base.netloc.lower(), (base.hostname or "").lower()}:
            return True
    return False


def _split(found: str) -> tuple[str, str]:
    """Scheme and host with port; a backslash is a slash to browsers, so it is no part of ours."""
    if "\\" in found:
        return "", ""
    try:
        parts = urlsplit(found)
    except ValueError:
        return "", ""
    return parts.scheme.lower(), parts.netloc.lower()
