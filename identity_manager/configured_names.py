"""Names of the entries of TARGETS, DIRECTORY_SOURCES and SIEM_SINKS.

Needs no models: settings are read before them.
"""

LONGEST_NAME = 60  # of the columns that store them


def is_name(name: str) -> bool:
    """Whether an entry may have this name: lower case ASCII letters, digits and hyphens."""
    plain = name.replace("-", "")
    return plain.isalnum() and plain.isascii() and plain == plain.lower() and len(name) <= LONGEST_NAME
