"""After too many wrong tries a form says so, and the page is answered with 429."""

from django import forms

SECONDS = 15 * 60
CODE = "too_many_login_attempts"


def is_told_by(form: forms.Form) -> bool:
    """Whether the form was refused because somebody tried too often."""
    return any(error.code == CODE for errors in form.errors.as_data().values() for error in errors)
