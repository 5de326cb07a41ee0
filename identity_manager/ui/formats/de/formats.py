"""Date and time in German where mails, letters and pages write them out. Django's has no word between."""

DATETIME_FORMAT = r"j. F Y, H:i \U\h\r"
