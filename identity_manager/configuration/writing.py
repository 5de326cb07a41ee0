"""Write the configuration as TOML: the same bytes for the same content, in the order in which people read it.

Kinds stand in the order of an import, entries in the order of their codes, keys in the order of their kind.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import tomlkit
from django.conf import settings
from django.utils.translation import override

from identity_manager.configuration.kind import ConfigurationKind, Values
from identity_manager.configuration.registry import KINDS

FORMAT = 1
HEAD = """\
# Configuration of Identity Manager. An import makes drafts of what differs, and a second officer puts each in
# force. What is not in the file stays as it is. Roles, officers, persons, recovery certificates and secrets
# are never in it.
"""


def text_of(entries: Mapping[str, Mapping[str, Values]]) -> str:
    """The file of these entries, by kind and code."""
    with override(settings.LANGUAGE_CODE):
        parts = [f"{HEAD}format = {FORMAT}\n"]
        for kind in KINDS.values():
            said = entries.get(kind.name, {})
            parts += ["\n".join(_entry(kind, code, said[code])) + "\n" for code in sorted(said)]
            if said:
                parts.insert(len(parts) - len(said), f"# --- {kind.label}: {kind.line}\n")
    return "\n".join(parts)


def exported() -> str:
    """The file of what is in force here."""
    return text_of(
        {name: {code: each.values for code, each in kind.here().items()} for name, kind in KINDS.items()}
    )


def _entry(kind: ConfigurationKind, code: str, values: Values) -> Iterator[str]:
    """Tables of tables come last, as TOML wants it."""
    yield f"[[{kind.name}]]"
    yield f"code = {_value(code)}"
    sections = {}
    for name in kind.keys:
        value = values[name]
        if value is None:
            continue
        if isinstance(value, dict) and value and all(isinstance(each, dict) for each in value.values()):
            sections[name] = value
        else:
            yield f"{name} = {_value(value)}"
    for name, tables in sections.items():
        for title, table in sorted(tables.items()):
            yield ""
            yield f"[{kind.name}.{name}.{_key(title)}]"
            yield from (f"{_key(each)} = {_value(table[each])}" for each in sorted(table, reverse=True))


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, list):
        return _list(value)
    if isinstance(value, dict):
        pairs = ", ".join(f"{_key(name)} = {_value(value[name])}" for name in sorted(value))
        return f"{{ {pairs} }}" if pairs else "{}"
    return repr(value)


def _list(values: list[Any]) -> str:
    """Lists of lists or tables have a line for each, so that `git diff` shows which has changed."""
    written = [_value(each) for each in values]
    if any(isinstance(each, list | dict) for each in values):
        return "\n".join(["[", *(f"  {each}," for each in written), "]"])
    return f"[{', '.join(written)}]"


def _text(value: str) -> str:
    """Several lines as such, unless a reader would normalise them: TOML reads CRLF as it likes."""
    if "\n" in value and "\r" not in value and not value.endswith('"'):
        written = tomlkit.string(value, multiline=True).as_string()
        return written if value.startswith("\n") else '"""\n' + written.removeprefix('"""')
    return tomlkit.string(value).as_string()


def _key(name: str) -> str:
    plain = name.isascii() and name.replace("-", "").replace("_", "").isalnum()
    return name if plain else tomlkit.string(name).as_string()
