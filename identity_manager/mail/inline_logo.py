"""The company's logo in a mail: an inline image that the HTML references by Content-ID (RFC 2392).

The HTML is composed before it is sent, so its Content-ID has the digest of the logo of that time.
"""

import re
from base64 import b64encode
from email.mime.image import MIMEImage

from identity_manager.models import Looks
from identity_manager.queries import looks

_DOMAIN = "looks"
_NAMED = re.compile(rf"cid:([0-9a-f]{{64}})@{_DOMAIN}")


def address(row: Looks) -> str:
    """The `cid:` URL of the logo; empty without one."""
    return f"cid:{row.logo_sha256}@{_DOMAIN}" if row.logo_sha256 else ""


def part(html: str) -> MIMEImage | None:
    """The inline image that the HTML references, if any."""
    content = _content(html)
    if content is None:
        return None
    image = MIMEImage(content, "png")
    image["Content-ID"] = f"<{_NAMED.findall(html)[0]}@{_DOMAIN}>"
    image["Content-Disposition"] = "inline"
    return image


def shown(html: str) -> str:
    """The HTML for display on a page, with the image as a data URL instead of `cid:`."""
    content = _content(html)
    if content is None:
        return html
    return _NAMED.sub(f"data:image/png;base64,{b64encode(content).decode()}", html)


def _content(html: str) -> bytes | None:
    named = _NAMED.search(html)
    return looks.logo(named[1]) if named else None
