"""Date and time in French where mails, letters and pages write them out. Django's has no word between."""

DATETIME_FORMAT = "j F Y à H:i"
