"""The accent colour of an installation: moved in OKLCH until it is legible in both modes (WCAG 2.2, 1.4.3).

The conversions are those of Björn Ottosson (OKLab). Lightness is what moves; chroma is reduced only as far as
sRGB demands. tests/identity_manager/test_colours.py measures the result against the tokens of the pages.
"""

import math
import re
from dataclasses import dataclass
from functools import lru_cache

LEGIBLE = 4.55  # contrast 4.5 (WCAG 2.2, 1.4.3), plus a margin for rounding to 8 bits
STEP = 0.005
HOVER_STEP = 0.06
# The grounds of tokens.css on which a link stands that leave the least contrast in their mode.
DARKEST_LIGHT = ((0.955, 0.006, 230), (0.962, 0.018, 200), (0.966, 0.004, 230))
LIGHTEST_DARK = ((0.275, 0.017, 235), (0.275, 0.034, 205), (0.26, 0.016, 235))
WHITE, NEAR_BLACK = "#ffffff", "#0b1418"
CHOSEN_LIGHT, CHOSEN_DARK = (0.962, 0.018), (0.275, 0.034)  # lightness and most chroma of a chosen row
_HEX = re.compile(r"#[0-9a-f]{6}")

Lch = tuple[float, float, float]
Rgb = tuple[float, float, float]


@dataclass(frozen=True)
class Mode:
    """An accent in one mode, as #rrggbb: for text and fills, a fill under the pointer, text on a fill."""

    accent: str
    hover: str
    on_fill: str
    chosen: str


@dataclass(frozen=True)
class Accent:
    """The accent that an officer wanted, as it is in both modes."""

    wanted: str
    light: Mode
    dark: Mode


def is_colour(text: str) -> bool:
    """Whether it is #rrggbb, in small letters."""
    return _HEX.fullmatch(text) is not None


@lru_cache(maxsize=32)
def accent(wanted: str) -> Accent:
    """The nearest colours of the same hue that are legible. Raises ValueError for what is not #rrggbb."""
    if not is_colour(wanted):
        raise ValueError("A colour is # and six hexadecimal digits.")
    return Accent(
        wanted,
        _mode(wanted, DARKEST_LIGHT, direction=-1, chosen=CHOSEN_LIGHT),
        _mode(wanted, LIGHTEST_DARK, direction=1, chosen=CHOSEN_DARK),
    )


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colours (WCAG 2.2)."""
    low, high = sorted((_luminance(_rgb(one)), _luminance(_rgb(other))))
    return (high + 0.05) / (low + 0.05)


def _mode(wanted: str, grounds: tuple[Lch, ...], *, direction: int, chosen: tuple[float, float]) -> Mode:
    lightness, chroma, hue = _lch(_rgb(wanted))
    against = [_in_srgb(*ground) for ground in grounds]
    found = wanted
    while min(contrast(found, ground) for ground in against) < LEGIBLE:
        lightness += direction * STEP
        found = _in_srgb(lightness, chroma, hue)
    hover = _in_srgb(min(max(lightness + direction * HOVER_STEP, 0.0), 1.0), chroma, hue)
    # Of both fills, so that the text need not change under the pointer.
    on_fill = max((WHITE, NEAR_BLACK), key=lambda ink: min(contrast(ink, found), contrast(ink, hover)))
    tint, most = chosen
    return Mode(found, hover, on_fill, _in_srgb(tint, min(chroma, most), hue))


def _in_srgb(lightness: float, chroma: float, hue: float) -> str:
    """The colour, with its chroma reduced until sRGB has it."""
    lightness = min(max(lightness, 0.0), 1.0)
    low, high = 0.0, chroma
    if not _fits(_linear(lightness, chroma, hue)):
        for _round in range(20):
            middle = (low + high) / 2
            low, high = (middle, high) if _fits(_linear(lightness, middle, hue)) else (low, middle)
    else:
        low = chroma
    parts = (_encoded(min(max(each, 0.0), 1.0)) for each in _linear(lightness, low, hue))
    return "#" + "".join(f"{round(each * 255):02x}" for each in parts)


def _fits(linear: Rgb) -> bool:
    return all(-1e-6 <= each <= 1 + 1e-6 for each in linear)


def _linear(lightness: float, chroma: float, hue: float) -> Rgb:
    a, b = chroma * math.cos(math.radians(hue)), chroma * math.sin(math.radians(hue))
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    return (
        4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
        -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
        -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
    )


def _lch(linear: Rgb) -> Lch:
    red, green, blue = linear
    long = math.cbrt(0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue)
    medium = math.cbrt(0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue)
    short = math.cbrt(0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue)
    lightness = 0.2104542553 * long + 0.7936177850 * medium - 0.0040720468 * short
    a = 1.9779984951 * long - 2.4285922050 * medium + 0.4505937099 * short
    b = 0.0259040371 * long + 0.7827717662 * medium - 0.8086757660 * short
    return lightness, math.hypot(a, b), math.degrees(math.atan2(b, a)) % 360


def _rgb(text: str) -> Rgb:
    """The linear parts of #rrggbb."""
    red, green, blue = (_decoded(int(text[at : at + 2], 16) / 255) for at in (1, 3, 5))
    return red, green, blue


def _decoded(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else float(((part + 0.055) / 1.055) ** 2.4)


def _encoded(part: float) -> float:
    return part * 12.92 if part <= 0.0031308 else float(1.055 * part ** (1 / 2.4) - 0.055)


def _luminance(linear: Rgb) -> float:
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
