"""A test that needs a program of the machine says so: @pytest.mark.needs_program("chromium").

Where the program is missing the test is skipped, and the run's end says what was missed and how to get it;
under CI=true it fails.
"""

import os
import shutil
from collections.abc import Iterable

import pytest

PROPERTY = "missing_program"
INSTALL = "make test-programs"
INSTALL_NIGHTLY = "make nightly-programs"


def in_ci() -> bool:
    return os.environ.get("CI") == "true"


def missing(names: Iterable[str]) -> list[str]:
    return [name for name in names if shutil.which(name) is None]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "needs_program(*names): needs these programs in PATH")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    names = missing(name for marker in item.iter_markers("needs_program") for name in marker.args)
    if not names:
        return
    install = INSTALL_NIGHTLY if item.get_closest_marker("nightly") else INSTALL
    item.user_properties.extend((PROPERTY, f"{name} ({install})") for name in names)
    sentence = f"needs {', '.join(names)}; install with: {install}"
    if in_ci():
        pytest.fail(sentence, pytrace=False)
    pytest.skip(sentence)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    missed: dict[str, int] = {}
    for report in terminalreporter.getreports("skipped"):
        for key, name in report.user_properties:
            if key == PROPERTY:
                missed[str(name)] = missed.get(str(name), 0) + 1
    if missed:
        terminalreporter.section("missed for want of a program")
        for name, count in sorted(missed.items()):
            terminalreporter.line(f"{name}: {count} tests")
