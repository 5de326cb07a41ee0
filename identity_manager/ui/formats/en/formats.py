"""Dates in English where mails, letters and pages write them out: as ui.dates does, day before month.

Django's own are American, and 3/4/2026 is another day elsewhere.
"""

DATE_FORMAT = SHORT_DATE_FORMAT = "j F Y"
DATETIME_FORMAT = SHORT_DATETIME_FORMAT = "j F Y, H:i"
TIME_FORMAT = "H:i"
