"""Registry of directory sources: configuration and reader by name.

The LDAP source is imported when it is wanted: its library takes 4 MB of every process.
"""

from collections.abc import Callable

from django.conf import settings

from identity_manager.directory import csv_folder, scim
from identity_manager.directory.configuration import SourceConfiguration
from identity_manager.directory.contract import Source


def _ldap_source(configuration: SourceConfiguration) -> Source:
    from identity_manager.directory.ldap.source import LdapSource

    return LdapSource(configuration)


READERS: dict[str, Callable[[SourceConfiguration], Source]] = {
    "csv": csv_folder.CsvFolder,
    "ldap": _ldap_source,
    "scim": scim.ScimSource,
}


def configuration_of(name: str) -> SourceConfiguration | None:
    """The configuration of a source; None where the settings do not have it any more."""
    found: SourceConfiguration | None = settings.DIRECTORY_SOURCES.get(name)
    return found


def reader_of(configuration: SourceConfiguration) -> Source:
    """A new reader of the configured kind."""
    return READERS[configuration.kind](configuration)
