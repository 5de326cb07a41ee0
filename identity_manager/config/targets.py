"""Reads TARGETS; each secret comes from a variable or a file of its own."""

from collections.abc import Iterable, Mapping
from typing import Any

from identity_manager.config import env
from identity_manager.directory.configuration import SourceConfiguration
from identity_manager.targets import configuration
from identity_manager.targets.configuration import TargetConfiguration

NONE: Mapping[str, SourceConfiguration] = {}


def targets(
    given: dict[str, Any], *, sources: Mapping[str, SourceConfiguration] = NONE
) -> dict[str, TargetConfiguration]:
    """Return the targets by id. Raises ImproperlyConfigured, without any secret.

    sources: the directory sources. A target that writes sign-in mappings needs a bind account that no source
    and no other target uses.
    """
    readers = [str(each.options.get("bind_dn", "")) for each in sources.values()]
    found = {
        name: configuration.parse(name, entry, secret=env.text(secret_setting(name), ""))
        for name, entry in given.items()
    }
    for target in found.values():
        others = [getattr(each.options, "bind_dn", "") for each in found.values() if each is not target]
        if target.kind == configuration.SIGN_IN and _is_among(target.options.bind_dn, [*others, *readers]):
            raise configuration.wrong(target.id, "needs in options a bind_dn that nothing else uses")
    return found


def _is_among(account: str, others: Iterable[str]) -> bool:
    """Whether the account is among the others, compared without case and blanks."""
    plain = {"".join(each.lower().split()) for each in others}
    return "".join(account.lower().split()) in plain


def secret_setting(target_id: str) -> str:
    """The setting with the password of the account; with _FILE, the file that holds it."""
    return f"TARGET_SECRET_{target_id.upper().replace('-', '_')}"
