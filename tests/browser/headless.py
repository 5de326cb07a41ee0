"""Chromium without windows, as the tests and the screenshots start it."""

import shutil

from playwright.sync_api import Browser, Playwright

# It takes two thirds of the processor time of `chromium --headless`, which draws its windows all the same.
PROGRAM = "chromium-headless-shell"


def launched(playwright: Playwright) -> Browser:
    """Start it. A test that needs it is marked needs_program(PROGRAM)."""
    return playwright.chromium.launch(executable_path=shutil.which(PROGRAM), args=["--no-sandbox"])
