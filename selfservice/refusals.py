"""Refusals in forms of Self-Service: form error and HTTP status."""

from collections.abc import Callable
from http import HTTPStatus
from typing import TYPE_CHECKING, TypeVar

from django import forms
from django.utils.text import format_lazy

from identity_manager.transactions.refusals import Reason, Refused
from identity_manager.workflow.step6_passphrase import NO_PASSPHRASE

if TYPE_CHECKING:
    from django_stubs_ext import StrPromise

Done = TypeVar("Done")
STATUS = {NO_PASSPHRASE.code: HTTPStatus.GONE}


class VerbForm(forms.Form):
    """A form whose verb may refuse."""

    refused: Refused | None = None

    def perform(self, verb: Callable[[], Done]) -> Done | None:
        """Call the verb if the form is valid; a refusal becomes a form error."""
        if not self.is_valid():
            return None
        try:
            return verb()
        except Refused as error:
            self.refused = error
            self.add_error(error.field if error.field in self.fields else None, error.reason.to_its_person)
            return None

    @property
    def status(self) -> int:
        """The status of the page that shows this form."""
        if self.refused is not None:
            return STATUS.get(self.refused.reason.code, self.refused.status)
        return HTTPStatus.UNPROCESSABLE_ENTITY if self.errors else HTTPStatus.OK


def error_message(reason: Reason) -> "StrPromise":
    """The sentence of a refusal as the error of a form field, translated when it is shown."""
    return format_lazy("{}", reason.own or reason.sentence)
