"""Logos: decoded and encoded anew; what is no plain picture of a moderate size is refused with a sentence."""

import struct
import zlib
from io import BytesIO

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from identity_manager.catalogue import logo
from identity_manager.transactions.refusals import NotPossible

SVG = b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


def picture(kind: str = "PNG", size: tuple[int, int] = (40, 20), **options: object) -> bytes:
    written = BytesIO()
    Image.new("RGB", size, "#1f6feb").save(written, format=kind, **options)
    return written.getvalue()


def bomb(width: int, height: int) -> bytes:
    """A PNG that says that it is that large, and is not."""
    head = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", b"x") + chunk(b"IEND", b"")


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_a_picture_becomes_a_png(kind: str) -> None:
    found = logo.read(picture(kind))
    with Image.open(BytesIO(found.content)) as image:
        assert (image.format, image.size) == ("PNG", (40, 20))
    assert (found.width, found.height) == (40, 20)


def test_a_wide_picture_becomes_smaller() -> None:
    found = logo.read(picture(size=(1200, 300)))
    assert (found.width, found.height) == (600, 150)


def test_nothing_but_the_pixels_is_kept() -> None:
    words = PngInfo()
    words.add_text("Comment", "<script>alert(1)</script>")
    found = logo.read(picture(pnginfo=words) + b"<html><script>alert(2)</script>")
    assert b"script" not in found.content
    assert b"Comment" not in found.content


def test_the_same_file_gives_the_same_logo() -> None:
    assert logo.read(picture()).sha256 == logo.read(picture()).sha256


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (SVG, "svg-logo"),
        (b"   " + SVG.upper(), "svg-logo"),
        (b"", "no-image"),
        (b"%PDF-1.7", "no-image"),
        (picture("GIF"), "no-image"),
        (picture()[:60], "no-image"),
        (picture("JPEG")[:200], "no-image"),
        (bomb(2001, 2000), "logo-too-many-pixels"),
        (bomb(50_000, 50_000), "logo-too-many-pixels"),
        (b"x" * (logo.MOST_BYTES + 1), "logo-too-large"),
    ],
)
def test_anything_else_is_refused(content: bytes, code: str) -> None:
    with pytest.raises(NotPossible) as caught:
        logo.read(content)
    assert (caught.value.reason.code, caught.value.field) == (code, "logo")


def test_a_film_is_refused() -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    written = BytesIO()
    frames[0].save(written, format="WEBP", save_all=True, append_images=frames[1:])
    with pytest.raises(NotPossible) as caught:
        logo.read(written.getvalue())
    assert caught.value.reason == logo.NO_IMAGE
