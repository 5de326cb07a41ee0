"""Link check of the company's mail texts: only links to the portals of the installation are permitted.

Mail programs turn anything that looks like a URL into a link, so all of these count: with a scheme, with
`//`, and bare host names. An e-mail address does not.
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
    """Text that mail programs show as a link, and its index in the source."""

    text: str
    index: int


def foreign(text: str, *, except_in: Iterable[str] = ()) -> Iterator[Link]:
    """Yield links in the text that lead elsewhere.

    except_in: values of placeholders. A link that is completely in one of them is permitted: it was typed by
    another user, and the product's own texts would show it, too.
    """
    allowed = list(except_in)
    plain, places = _as_mail_programs_read(text)
    without_addresses = _EMAIL.sub(lambda match: " " * len(match[0]), plain)
    for match in _LINK.finditer(without_addresses):
        found = match[0].rstrip(_ENDS_NO_LINK)
        if not _is_own(found) and not any(found in value for value in allowed):
            yield Link(found, places[match.start()])


def _as_mail_programs_read(text: str) -> tuple[str, list[int]]:
    """The text in NFKC without invisible characters, and for each character its index in the source."""
    symbols, places = [], []
    for index, symbol in enumerate(text):
        if unicodedata.category(symbol) == "Cf":
            continue
        for plain in unicodedata.normalize("NFKC", symbol):
            symbols.append(plain)
            places.append(index)
    return "".join(symbols), places


def _is_own(found: str) -> bool:
    """Whether it leads to a portal: same scheme, host and port, or its bare host name."""
    for base in map(urlsplit, (settings.CONSOLE_BASE_URL, settings.SELFSERVICE_BASE_URL)):
        if "//" in found or ":" in found.partition(".")[0]:
            if _split(found) == (base.scheme, base.netloc.lower()):
                return True
        elif re.split(r"[/?#]", found)[0].lower() in {base.netloc.lower(), (base.hostname or "").lower()}:
            return True
    return False


def _split(found: str) -> tuple[str, str]:
    """Scheme and host with port. Browsers read a backslash as a slash, so it ends the host."""
    if "\\" in found:
        return "", ""
    try:
        parts = urlsplit(found)
    except ValueError:
        return "", ""
    return parts.scheme.lower(), parts.netloc.lower()
