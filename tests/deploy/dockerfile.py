"""Reads deploy/docker/Dockerfile and .dockerignore, as far as they go: which files does the image get?"""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.architecture.source import ROOT

DOCKERFILE = ROOT / "deploy" / "docker" / "Dockerfile"
IGNORE = ROOT / ".dockerignore"


class Instruction(NamedTuple):
    """One instruction, in the stage that it belongs to (the last one is called "")."""

    stage: str
    word: str
    rest: str


def instructions() -> list[Instruction]:
    """Every instruction, its lines joined and comments left out."""
    text = "\n".join(line for line in DOCKERFILE.read_text().splitlines() if not line.startswith("#"))
    found, stage = [], ""
    for line in filter(None, text.replace("\\\n", " ").splitlines()):
        word, _space, rest = line.partition(" ")
        if word == "FROM":
            stage = rest.partition(" AS ")[2]
        found.append(Instruction(stage, word, " ".join(rest.split())))
    return found


def copied(stage: str) -> Iterator[tuple[Path, str]]:
    """Each file of the context that the stage copies, and where to."""
    for instruction in instructions():
        if (instruction.stage, instruction.word) == (stage, "COPY") and "--from" not in instruction.rest:
            *sources, target = shlex.split(instruction.rest)
            for source in sources:
                yield from _files(source, target)


def _files(source: str, target: str) -> Iterator[tuple[Path, str]]:
    path = ROOT / source
    if path.is_file():
        yield path, f"{target}{path.name}" if target.endswith("/") else target
    for each in sorted(path.rglob("*")) if path.is_dir() else ():
        if each.is_file() and in_context(each.relative_to(ROOT).as_posix()):
            yield each, f"{target}/{each.relative_to(path).as_posix()}"


def installed(owner: str) -> list[str]:
    """The directories that the image has for that owner."""
    made = [
        each.rest
        for each in instructions()
        if each.stage == "" and f"install --directory --owner {owner}" in each.rest
    ]
    return [
        word for rest in made for word in rest.split("install --directory")[1].split() if word.startswith("/")
    ]


def in_context(path: str) -> bool:
    """Whether the builder sees that file: the last pattern that fits it, or a parent of it, says so."""
    seen, parts = True, path.split("/")
    names = ["/".join(parts[: end + 1]) for end in range(len(parts))]
    for line in IGNORE.read_text().splitlines():
        pattern = line.removeprefix("!")
        if pattern and not line.startswith("#") and any(map(_expression(pattern).fullmatch, names)):
            seen = line.startswith("!")
    return seen


def _expression(pattern: str) -> re.Pattern[str]:
    parts = re.split(r"(\*\*/|\*)", pattern)
    meanings = {"**/": "(?:.*/)?", "*": "[^/]*"}
    return re.compile("".join(meanings.get(part, re.escape(part)) for part in parts))
