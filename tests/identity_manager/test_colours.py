"""Accent colours: whatever an officer enters is legible on every ground of both modes (WCAG 2.2)."""

import pytest

from identity_manager import colours
from tests.identity_manager.ui.test_contrast import GROUNDS, SCHEMES
from tests.identity_manager.ui.test_contrast import colours as tokens

NAMED = ("#ffcc00", "#1f6feb", "#ffffff", "#000000", "#ff0000", "#00ff00", "#0000ff", "#808080")
DRAWN = tuple(f"#{step * 0x6A3F1 % 0x1000000:06x}" for step in range(1, 41))


def luminance(colour: str) -> float:
    return (colours.contrast(colour, "#000000")) * 0.05 - 0.05


@pytest.mark.parametrize("wanted", NAMED + DRAWN)
def test_it_is_legible_on_every_ground_of_the_pages(wanted: str) -> None:
    found = colours.accent(wanted)
    for index, (scheme, mode) in enumerate(zip(SCHEMES, (found.light, found.dark), strict=True)):
        for ground in GROUNDS:
            low, high = sorted((tokens()[ground][index], luminance(mode.accent)))
            assert (high + 0.05) / (low + 0.05) >= 4.5, (scheme, ground)
        assert colours.contrast(mode.on_fill, mode.accent) >= 4.5
        assert colours.contrast(mode.on_fill, mode.hover) >= 4.5
        low, high = sorted((tokens()["text"][index], luminance(mode.chosen)))
        assert (high + 0.05) / (low + 0.05) >= 7
        low, high = sorted((luminance(mode.accent), luminance(mode.chosen)))
        assert (high + 0.05) / (low + 0.05) >= 4.5


def test_a_legible_colour_stays_as_it_is() -> None:
    assert colours.accent("#016068").light.accent == "#016068"
    assert colours.accent("#ffcc00").dark.accent == "#ffcc00"


def test_a_pale_colour_keeps_its_hue() -> None:
    red, green, blue = (int(colours.accent("#ffcc00").light.accent[at : at + 2], 16) for at in (1, 3, 5))
    assert red > green > blue == 0


def test_the_measure_itself() -> None:
    assert colours.contrast("#ffffff", "#000000") == pytest.approx(21)
    assert colours.contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("text", ["", "blue", "#fff", "#1F6FEB", "#1f6feb;", "#1f6feb\n", "url(x)"])
def test_what_is_no_colour_is_refused(text: str) -> None:
    assert not colours.is_colour(text)
    with pytest.raises(ValueError, match="colour"):
        colours.accent(text)
