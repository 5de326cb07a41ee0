"""The table of pairs of roles in docs/explanation/threat-model.md says what the code does."""

from itertools import combinations

import pytest

from identity_manager.models import Role
from identity_manager.people.officers.role_conflicts import CONFLICTS
from tests.architecture.source import ROOT

HEADING = "## Two roles on one person (separation of duties)"
ROLES = {str(role.label): role for role in Role}


def rows() -> list[tuple[frozenset[Role], str, str, str]]:
    text = (ROOT / "docs/explanation/threat-model.md").read_text(encoding="utf-8")
    section = text.partition(HEADING)[2].partition("\n## ")[0]
    lines = [line.strip("| ").split(" | ") for line in section.splitlines() if " **and** " in line]
    return [
        (frozenset(ROLES[name] for name in roles.split(" **and** ")), word, could, prevents)
        for roles, word, could, prevents in lines
    ]


def test_every_pair_is_in_it_once() -> None:
    pairs = [pair for pair, *_others in rows()]
    assert sorted(map(sorted, pairs)) == sorted(map(sorted, combinations(Role, 2)))


def test_every_row_says_what_both_could_do_and_what_prevents_it() -> None:
    assert all(could and prevents for _pair, _word, could, prevents in rows())


@pytest.mark.parametrize("pair", [frozenset(pair) for pair in combinations(Role, 2)], ids=sorted)
def test_what_it_calls_refused_is_a_conflict_in_the_code_and_nothing_else(pair: frozenset[Role]) -> None:
    words = {said: word for said, word, *_others in rows()}
    assert words[pair] == ("refused" if pair in CONFLICTS else "allowed")
