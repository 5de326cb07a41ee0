"""The mutants of a module are the small faults that they are said to be."""

import ast
from pathlib import Path

import pytest

from tests.mutants.mutations import mutants_of, mutated, with_notes

SOURCE = """
LIMIT = 3

class Verbs:
    def approve(self, rows, actor):
        if not actor.is_active and len(rows) > 1:
            raise NotAllowed(actor)
        logger.info("%s %s", 1, 2)
        audit.record(Event.APPROVED, actor=actor)
        return rows.filter(state="open", approver=actor).first() if rows else swap(rows, actor)
"""
FAULTS = [
    ("if not actor.is_active or len(rows) > 1:", "And"),
    ("if not not actor.is_active and len(rows) > 1:", "not"),
    ("if not actor.is_active and len(rows) >= 1:", "comparison"),
    ("if not actor.is_active and len(rows) > 2:", "constant"),
    ("rows.filter(approver=actor).first()", "keyword"),
    ("rows.filter(state='open').first()", "keyword"),
    ("swap(actor, rows)", "arguments"),
    ("return swap(rows, actor) if rows else rows.filter(", "branches"),
]


@pytest.fixture
def module(tmp_path: Path) -> Path:
    file = tmp_path / "verbs.py"
    file.write_text(SOURCE, encoding="utf-8")
    return file


def texts(module: Path) -> list[str]:
    root = module.parent
    return [ast.unparse(mutated(mutant, root)) for mutant in mutants_of(module, root)]


def test_each_mutant_is_another_module(module: Path) -> None:
    found = texts(module)
    assert len(set(found) | {ast.unparse(ast.parse(SOURCE))}) == len(found) + 1
    assert all(mutant.function == "Verbs.approve" for mutant in mutants_of(module, module.parent))


@pytest.mark.parametrize(("text", "fault"), FAULTS, ids=[fault for _text, fault in FAULTS])
def test_this_fault_is_made_once(module: Path, text: str, fault: str) -> None:
    assert [text in mutant for mutant in texts(module)].count(True) == 1


@pytest.mark.parametrize("text", ["raise NotAllowed(actor)", "audit.record(", "return "])
def test_this_statement_is_left_out_once(module: Path, text: str) -> None:
    assert [text not in mutant for mutant in texts(module)].count(True) == 1


def test_log_lines_and_what_is_no_function_stay(module: Path) -> None:
    assert all("LIMIT = 3" in each and "logger.info('%s %s', 1, 2)" in each for each in texts(module))


def test_a_name_is_one_mutants_alone_and_stays_when_lines_move(module: Path) -> None:
    doubled = SOURCE.replace("swap(rows, actor)", "swap(swap(1, 1), rows)")
    module.write_text(doubled, encoding="utf-8")
    names = [mutant.name for mutant in mutants_of(module, module.parent)]
    module.write_text(f"# A comment more.\n{doubled}", encoding="utf-8")
    assert [mutant.name for mutant in mutants_of(module, module.parent)] == names
    assert len(set(names)) == len(names)


def test_each_function_notes_its_name_first(module: Path) -> None:
    verbs = ast.unparse(with_notes(module, module.parent, "note"))
    assert "actor):\n        note('verbs.py:Verbs.approve')\n        if not actor" in verbs
    assert verbs.count("note(") == 1
