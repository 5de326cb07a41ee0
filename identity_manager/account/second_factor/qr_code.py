"""QR codes as an SVG path."""

from dataclasses import dataclass

import qrcode

QUIET_ZONE = 4  # modules, as ISO/IEC 18004 demands


@dataclass(frozen=True)
class QrCode:
    """size: width and height in modules; path: the dark modules."""

    size: int
    path: str


def of(text: str) -> QrCode:
    """The QR code of a text."""
    code = qrcode.QRCode(border=QUIET_ZONE, error_correction=qrcode.ERROR_CORRECT_M)
    code.add_data(text)
    rows = code.get_matrix()
    dark = (
        f"M{column} {line}h1v1h-1z"
        for line, row in enumerate(rows)
        for column, is_dark in enumerate(row)
        if is_dark
    )
    return QrCode(len(rows), "".join(dark))
