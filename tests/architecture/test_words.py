"""Names and marks that must not stand in the source."""

import re
from pathlib import Path

import pytest

from tests.architecture.source import PACKAGES, ROOT, modules

BACKENDS = {("postgresql", "base"), ("sqlite", "base")}
EMPTY_NAMES = {"utils", "util", "helpers", "helper", "common", "misc", "base", "core", "lib", "stuff"}
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK|TBD|WIP)\b|\bNotImplemented\b(?!Error)")
BARE_SILENCE = re.compile(r"#\s*noqa(?!:\s*[A-Z]+\d+)|#\s*type:\s*ignore(?!\[[a-z-]+(, ?[a-z-]+)*\])")
UNREASONED_SILENCE = re.compile(r"#\s*(noqa:\s*[A-Z]+\d+(?:,\s*[A-Z]+\d+)*|type:\s*ignore\[[^]]*\])[\s#]*$")
TEXTS = (".py", ".html", ".txt", ".css", ".js", ".md", ".toml", ".svg")
FOLDERS = (*PACKAGES, "templates", "docs", "tests", "locale")
# Coined names and phrases, and what the field calls them. Names of the database and the queue are kept.
COINED = {
    r"\bat_leisure\b": "skip_locked: SELECT ... SKIP LOCKED",
    r"\bat leisure\b": "SKIP LOCKED",
    r"\bput_off_by\b": "retry_later_on_error",
    r"\bone_by_one\(": "for_each_isolated",
    r"\blets_pass\b|\btakes_trial\b": "circuit breaker: allows_call, claim_probe",
    r"\bclaim_apart\b": "claim_through_subquery",
    r"\bleft_behind\(": "with_orphaned_order",
    r"\bto_be_nudged\b|\bNUDGE_INTERVAL\b": "to_be_requeued, REQUEUE_INTERVAL",
    r"\bknow_(?:each|with)\b|\ball_known\b": "prefetched: distribute_prefetched, prefetched_or_all",
    r"\bhasten\b|\bhastens\b": "make_due_now",
    r"\bchase\(|\bbring_back\(": "escalate, return_postponed",
    r"\brefuse\(\s*None if\b": "require(condition, else_=reason)",
    r"\bin_place\b(?! =|:| or)": "htmx fragment",
    r"\btold_by\b|\bTOLD(?:_\w+)?\b": "show_refusal, TRANSITIONS_OF_EVENT, WORDING_COLUMNS",
    r"\bclass Told\b|\bdef _?told\b|(?<!\.)\btold = (?!models)": "reason, message, query: what is told",
    r"\bstretches_of\b|\bLANES\b|\bBatchStretch\b": "batch shards, parallelism",
    r"\bclass (?:Line|Finding|Kind|Row|Step|Change|Work|Asking|Fault)\b": "a name of its own for each class",
    r"\b[Ww]hat nobody foresaw\b": "unexpected exceptions",
}


def texts() -> list[Path]:
    here = Path(__file__)
    files = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if path.suffix in TEXTS]
    return [path for path in files if path != here]


def findings(pattern: re.Pattern[str], paths: list[Path]) -> list[str]:
    return [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in paths
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if pattern.search(line)
    ]


def python_files() -> list[Path]:
    return [path for path in texts() if path.suffix == ".py"]


def test_every_folder_and_module_is_named_by_a_noun_of_the_field() -> None:
    """Templates have their base.html; code has none but those that Django loads a backend by."""
    paths = {module.path.with_suffix("") for module in modules()}
    names = {part for path in paths for part in path.parts if path.parts[-2:] not in BACKENDS}
    assert names & EMPTY_NAMES == set()


@pytest.mark.parametrize("coined", COINED)
def test_a_coined_word_does_not_come_back(coined: str) -> None:
    pattern = re.compile(coined)
    having = [module.path for module in modules() if pattern.search(module.text)]
    found = findings(pattern, [ROOT / path for path in having])
    assert found == [], f"better: {COINED[coined]}"


def test_nothing_is_left_for_later() -> None:
    assert findings(UNFINISHED, texts()) == []


def test_what_is_silenced_is_named() -> None:
    assert findings(BARE_SILENCE, python_files()) == []


def test_what_is_silenced_has_a_reason() -> None:
    assert findings(UNREASONED_SILENCE, python_files()) == []


@pytest.mark.parametrize(
    ("pattern", "line"),
    [
        (UNFINISHED, "# TODO: think"),
        (UNFINISHED, "return NotImplemented"),
        (BARE_SILENCE, "x = 1  # noqa"),
        (BARE_SILENCE, "x = 1  # type: ignore"),
        (UNREASONED_SILENCE, "x = 1  # noqa: S101"),
        (UNREASONED_SILENCE, "x = 1  # type: ignore[attr-defined]"),
    ],
)
def test_the_patterns_find(pattern: re.Pattern[str], line: str) -> None:
    assert pattern.search(line)


@pytest.mark.parametrize(
    "line",
    [
        "x = 1  # noqa: S101 the caller gave PIPE",
        "x = 1  # noqa: E402, F403 the environment comes first",
        "x = 1  # type: ignore[attr-defined]  the stubs do not know it",
        "raise NotImplementedError",
    ],
)
def test_the_patterns_leave_alone(line: str) -> None:
    assert not any(pattern.search(line) for pattern in (UNFINISHED, BARE_SILENCE, UNREASONED_SILENCE))
