"""Chromium without windows, as the tests and the screenshots start it."""

import shutil

from playwright.sync_api import Browser, Playwright

# Debian's first takes two thirds of the processor time of the second, which draws its windows all the same.
NAMES = ("chromium-headless-shell", "chromium")
PROGRAM = next(filter(shutil.which, NAMES), NAMES[0])


def launched(playwright: Playwright) -> Browser:
    """Start it. A test that needs it is marked needs_program(PROGRAM)."""
    return playwright.chromium.launch(executable_path=shutil.which(PROGRAM), args=["--no-sandbox"])
