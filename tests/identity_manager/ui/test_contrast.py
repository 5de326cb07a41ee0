"""The colours of the tokens, measured in both schemes (WCAG 2.2, 1.4.3, 1.4.6 and 1.4.11)."""

import math
import re
from pathlib import Path

import pytest
from django.conf import settings

TOKENS = Path(settings.BASE_DIR, "identity_manager/ui/static/ui/tokens.css").read_text()
OKLCH = r"oklch\(([\d.]+) ([\d.]+) ([\d.]+)\)"
GROUNDS = ("ground", "surface", "sunken", "raised", "hover", "chosen")
MEANINGS = ("done", "waiting", "stopped", "information", "quiet")
SCHEMES = ("light", "dark")


def colours() -> dict[str, tuple[float, float]]:
    """Return the luminance of each token: (light, dark)."""
    pattern = rf"--([\w-]+): light-dark\({OKLCH}, {OKLCH}\);"
    found = {
        name: (luminance(*map(float, numbers[:3])), luminance(*map(float, numbers[3:])))
        for name, *numbers in re.findall(pattern, TOKENS)
    }
    aliases = re.findall(r"--([\w-]+): var\(--([\w-]+)\);", TOKENS)
    return found | {name: found[other] for name, other in aliases if other in found}


def luminance(lightness: float, chroma: float, hue: float) -> float:
    """Return the relative luminance of an OKLCH colour, clipped to sRGB as a screen clips it."""
    a, b = chroma * math.cos(math.radians(hue)), chroma * math.sin(math.radians(hue))
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    red = 4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short
    green = -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short
    blue = -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short
    return sum(
        w * min(max(c, 0), 1) for w, c in zip((0.2126, 0.7152, 0.0722), (red, green, blue), strict=True)
    )


def contrast(ink: str, ground: str, scheme: str) -> float:
    index = SCHEMES.index(scheme)
    low, high = sorted((colours()[ink][index], colours()[ground][index]))
    return (high + 0.05) / (low + 0.05)


def test_the_measure_itself():
    assert luminance(1, 0, 0) == pytest.approx(1, abs=1e-3)
    assert luminance(0, 0, 0) == pytest.approx(0, abs=1e-3)
    assert luminance(0.5999, 0, 0) == pytest.approx(0.2159, abs=1e-3)  # the grey #808080


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("ground", GROUNDS)
def test_body_text_has_seven_to_one(ground, scheme):
    assert contrast("text", ground, scheme) >= 7


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("ground", GROUNDS)
@pytest.mark.parametrize("ink", ["text-quiet", "accent", "stopped-ink"])
def test_other_text_has_four_and_a_half_to_one(ink, ground, scheme):
    assert contrast(ink, ground, scheme) >= 4.5


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("meaning", MEANINGS)
def test_a_meaning_is_legible_on_its_own_fill(meaning, scheme):
    assert contrast(f"{meaning}-ink", f"{meaning}-fill", scheme) >= 4.5
    assert contrast("text", f"{meaning}-fill", scheme) >= 7


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("kind", ["accent", "danger"])
def test_a_filled_button_is_legible(kind, scheme):
    assert contrast(f"{kind}-on-fill", f"{kind}-fill", scheme) >= 4.5
    assert contrast(f"{kind}-on-fill", f"{kind}-fill-hover", scheme) >= 4.5


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("ground", ["ground", "surface", "raised"])
def test_the_edge_of_a_control_and_the_focus_ring_are_seen(ground, scheme):
    assert contrast("line-control", ground, scheme) >= 3
    assert contrast("accent", ground, scheme) >= 3
