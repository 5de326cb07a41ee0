"""Date and time in Swedish where mails, letters and pages write them out. Django's has no word between."""

DATETIME_FORMAT = r"j F Y \k\l. H:i"
