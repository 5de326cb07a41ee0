"""Recertification of officers' roles: campaigns, reviews by User Administrators, report."""
