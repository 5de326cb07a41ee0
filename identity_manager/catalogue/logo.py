"""A company's logo: decoded and re-encoded as PNG, so that only the pixels of an upload are stored."""

import hashlib
from dataclasses import dataclass
from io import BytesIO

from django.utils.translation import gettext_lazy as _
from PIL import Image

from identity_manager.transactions.refusals import NotPossible, Reason, refuse

FORMATS = ("PNG", "JPEG", "WEBP")
MOST_BYTES = 512 * 1024
MOST_PIXELS = 4_000_000
LONGEST_SIDES = (600, 450, 300)  # the first of which the PNG has at most MOST_BYTES; the last always has
BEGINNING = 1024  # of a file, where an SVG says what it is

NO_SVG = Reason(
    "svg-logo", _("An SVG can hold scripts and links. Save the logo as PNG, about 600 pixels wide.")
)
NO_IMAGE = Reason("no-image", _("Choose a PNG, JPEG or WebP file with one picture."))
TOO_MANY_BYTES = Reason("logo-too-large", _("A logo has at most 512 kB."))
TOO_MANY_PIXELS = Reason("logo-too-many-pixels", _("A logo has at most 4 million pixels."))


@dataclass(frozen=True)
class Logo:
    """A PNG of ours."""

    content: bytes
    width: int
    height: int

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


def read(content: bytes) -> Logo:
    """The logo of an uploaded file. Raises NotPossible at the field `logo`."""
    refuse(TOO_MANY_BYTES if len(content) > MOST_BYTES else None, field="logo")
    refuse(NO_SVG if b"<svg" in content[:BEGINNING].lower() else None, field="logo")
    try:
        with Image.open(BytesIO(content), formats=FORMATS) as image:  # reads the head alone
            refuse(TOO_MANY_PIXELS if image.width * image.height > MOST_PIXELS else None, field="logo")
            refuse(NO_IMAGE if getattr(image, "n_frames", 1) != 1 else None, field="logo")
            return _encoded(image)
    except Image.DecompressionBombError as error:
        raise NotPossible(TOO_MANY_PIXELS, field="logo") from error
    except (OSError, SyntaxError, ValueError, EOFError) as error:  # what Pillow raises of broken files
        raise NotPossible(NO_IMAGE, field="logo") from error


def _encoded(image: Image.Image) -> Logo:
    """The pixels alone: texts, profiles and what follows the picture in the file are left behind."""
    pixels = image.convert("RGBA")
    for side in LONGEST_SIDES:
        pixels.thumbnail((side, side))
        clean = Image.new("RGBA", pixels.size)
        clean.paste(pixels)
        written = BytesIO()
        clean.save(written, format="PNG", optimize=True)
        if written.tell() <= MOST_BYTES:
            break
    return Logo(written.getvalue(), clean.width, clean.height)
