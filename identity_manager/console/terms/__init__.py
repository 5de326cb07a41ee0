"""Acceptances of terms, for officers: by person and version."""
