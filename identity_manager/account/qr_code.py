"""QR codes as the path of an SVG: no image file, no style of its own."""

from dataclasses import dataclass

import qrcode

QUIET_ZONE = 4  # modules; ISO/IEC 18004 wants as many


@dataclass(frozen=True)
class QrCode:
    """size modules wide and high; path draws the dark ones."""

    size: int
    path: str


def of(text: str) -> QrCode:
    """The code that a camera reads as the text."""
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
