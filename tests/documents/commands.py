"""docs/reference/commands.md: the product's own commands of manage.py, as their parsers know them."""

import argparse
from collections.abc import Iterator

from django.core.management import get_commands, load_command_class
from django.core.management.base import BaseCommand, CommandParser

from tests.architecture.source import PACKAGES
from tests.documents import markdown


def page() -> str:
    """Every command, by name."""
    names = sorted(name for name, app in get_commands().items() if app in PACKAGES)
    return markdown.page("reference/commands.md", *(_command(name) for name in names))


def _command(name: str) -> str:
    app = get_commands()[name]
    assert isinstance(app, str)
    command = load_command_class(app, name)
    parser = command.create_parser("manage.py", name)
    rows = [row for prefix, each in _parsers(parser) for row in _rows(each, prefix=prefix)]
    own = [row for row in rows if row not in _django_rows()]
    parts = [_sentences(command.help)]
    if own:
        parts.append(markdown.table(("argument", "meaning", "default"), own))
    return markdown.section(f"manage.py {name}", *parts)


def _parsers(parser: argparse.ArgumentParser) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """The parser, and those of its subcommands under their names."""
    yield "", parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            yield from action.choices.items()


def _rows(parser: argparse.ArgumentParser, *, prefix: str) -> Iterator[tuple[str, str, str]]:
    for action in parser._actions:
        if isinstance(action, argparse._HelpAction):
            continue
        if isinstance(action, argparse._SubParsersAction):
            for choice in action._choices_actions:
                yield markdown.code(choice.dest), _sentences(choice.help or ""), ""
        else:
            yield markdown.code(f"{prefix} {_written(action)}".strip()), _meaning(action), _default(action)


def _written(action: argparse.Action) -> str:
    """As it is typed: the long form, and what follows it."""
    value = "" if action.nargs == 0 else str(action.metavar or action.dest).upper()
    if not action.option_strings:
        return value
    return f"{action.option_strings[-1]} {value}".strip()


def _meaning(action: argparse.Action) -> str:
    words = _sentences(action.help or "")
    chosen = f"one of {markdown.codes(action.choices)}" if action.choices else ""
    needed = "demanded" if action.required and action.option_strings else ""
    return "; ".join(filter(None, (words, chosen, needed)))


def _default(action: argparse.Action) -> str:
    silent = action.default in (None, False, [], "", argparse.SUPPRESS) or action.nargs == 0
    return "" if silent else markdown.code(action.default)


def _sentences(text: str) -> str:
    return " ".join(text.replace("%%", "%").split())


def _django_rows() -> list[tuple[str, str, str]]:
    parser = CommandParser(prog="manage.py")
    bare = BaseCommand().create_parser("manage.py", "bare")
    return [row for each in (parser, bare) for row in _rows(each, prefix="")]
