"""Every row of rows.py has its tests, and each of these is there."""

import re
from pathlib import Path

import pytest

from tests.journeys.edge_inputs.rows import NOT_YET, ROWS

pytestmark = pytest.mark.long

TESTS = Path(__file__).resolve().parent.parent.parent


def test_the_rows_are_thirty() -> None:
    assert sorted(ROWS) == list(range(1, 31))
    assert set(NOT_YET) <= set(ROWS)


@pytest.mark.parametrize("number", sorted(ROWS))
def test_the_tests_of_a_row_are_there(number: int) -> None:
    _situation, tests = ROWS[number]
    assert tests
    for each in tests:
        file, _, name = each.partition("::")
        text = (TESTS / file).read_text(encoding="utf-8")
        assert re.search(rf"^def {name or 'test_'}", text, re.MULTILINE), each


def test_every_test_of_a_row_is_in_the_index() -> None:
    """Both ways: a test that bears a number is named by the row of that number."""
    for path in sorted(Path(__file__).parent.glob("test_*.py")):
        for name in re.findall(
            r"^def (test_rows?_[a-z0-9_]+)", path.read_text(encoding="utf-8"), re.MULTILINE
        ):
            numbers = [int(digits) for digits in re.findall(r"_(\d\d)_", name.replace("_and_", "__"))]
            assert numbers
            for number in numbers:
                assert any(each.endswith(f"::{name}") for each in ROWS[number][1]), name
