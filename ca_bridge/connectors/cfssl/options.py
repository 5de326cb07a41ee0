"""The options of a connection to CFSSL."""

from collections.abc import Sequence
from dataclasses import dataclass

from ca_bridge.connection.http import HttpOptions, check_file


@dataclass(frozen=True, kw_only=True)
class CfsslOptions(HttpOptions):
    """OPTIONS of a connection to CFSSL. Raises ValueError, naming the option.

    auth_key_file: the auth key of the profiles, in hexadecimal digits as CFSSL's configuration has it.
    profiles: names of the profiles that may be ordered. CFSSL uses its default profile for unknown names, so
    an unknown one is refused here.
    """

    auth_key_file: str
    profiles: Sequence[str]

    def __post_init__(self) -> None:
        super().__post_init__()
        check_file("auth_key_file", self.auth_key_file)
        names = self.profiles
        if isinstance(names, str) or not names or not all(isinstance(each, str) and each for each in names):
            raise ValueError("profiles must be a list of names, and not empty.")
