"""The program that photographs the pages: what it takes, where it lays it, and what it complains of."""

import subprocess
import sys
import time
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser import headless
from tests.browser.album import DOCS
from tests.browser.screenshots import ROOT, Camera, Plan, Shot, plan_of

PNG = b"\x89PNG\r\n\x1a\n"
IMAGES = ROOT / "docs" / "images"
MOST_BYTES = 1_500_000  # of all pictures of the documentation
pytestmark = [pytest.mark.needs_program(headless.PROGRAM), pytest.mark.xdist_group("browser")]


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.browser.screenshots", "--folder", str(folder), *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)


@pytest.mark.nightly
@pytest.mark.timeout(400)
def test_it_takes_what_the_filter_says(tmp_path: Path) -> None:
    done = run(tmp_path, "--only", "selfservice-dashboard", "--width", "390", "--content", "empty")
    assert done.returncode == 0, done.stderr
    taken = {str(path.relative_to(tmp_path)): path.read_bytes()[:8] for path in tmp_path.rglob("*.png")}
    names = {f"empty/selfservice-dashboard-390-{scheme}.png" for scheme in ("light", "dark")}
    assert taken == dict.fromkeys(names, PNG)


@pytest.mark.nightly
@pytest.mark.timeout(400)
def test_it_ends_when_the_time_is_up(tmp_path: Path) -> None:
    done = run(tmp_path, "--content", "empty", "--minutes", "0")
    assert done.returncode == 1
    assert "The time was up before empty/console-start" in done.stderr
    assert list(tmp_path.rglob("*.png")) == []


@pytest.mark.nightly
def test_a_page_that_is_wider_than_its_window_is_a_fault(browser: Browser, tmp_path: Path) -> None:
    plan, _for_docs = plan_of(["--width", "768", "--scheme", "dark", "--folder", str(tmp_path)])
    camera = Camera(browser, "http://127.0.0.1:9", plan)
    wide = "<!DOCTYPE html><title>Wide</title><body style='margin: 0; inline-size: 2000px'>too wide"
    camera.take(Shot("wide", "/wide/", {}, html=wide), tmp_path)
    camera.take(Shot("fits", "/fits/", {}, html="<!DOCTYPE html><title>Fits</title>fits"), tmp_path)
    assert plan.faults == ["wide is 2000 px wide in a window of 768 px"]
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "fits-768-dark.png",
        "wide-768-dark.png",
    ]


@pytest.mark.nightly
def test_words_that_stand_out_of_their_box_are_a_fault(browser: Browser, tmp_path: Path) -> None:
    plan, _for_docs = plan_of(["--width", "768", "--scheme", "light", "--folder", str(tmp_path)])
    camera = Camera(browser, "http://127.0.0.1:9", plan)
    page = "<!DOCTYPE html><title>Box</title><div class='card' style='inline-size: {}px'><b>{}</b></div>"
    camera.take(Shot("spills", "/spills/", {}, html=page.format(50, "W" * 20)), tmp_path)
    camera.take(Shot("holds", "/holds/", {}, html=page.format(700, "W" * 20)), tmp_path)
    assert len(plan.faults) == 1
    assert plan.faults[0].startswith("spills spills at 768 px: ['<b>WWW")


def test_without_arguments_everything_is_taken_and_the_documentation_too() -> None:
    plan, for_docs = plan_of([])
    assert for_docs
    assert isinstance(plan, Plan)
    assert plan.until > time.monotonic()
    assert (plan.widths, plan.contents) == ([390, 768, 1280, 1600], ["realistic", "extreme", "empty"])
    assert plan_of(["--only", "search"])[1] is False


def test_the_pictures_of_the_documentation_are_there_and_small() -> None:
    pictures = {path.stem: path.stat().st_size for path in IMAGES.glob("*.png")}
    assert set(pictures) >= set(DOCS)
    assert sum(pictures.values()) < MOST_BYTES
