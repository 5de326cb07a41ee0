"""The same visitors as in the other pages of ADMIN."""

from tests.identity_manager.console.administration.conftest import otto, sara, sven, sven_person

__all__ = ["otto", "sara", "sven", "sven_person"]
