"""Decision forms: approve, reject or remove types, postpone."""

import uuid
from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.functional import lazystr
from django.utils.translation import gettext_lazy as _

from identity_manager.console.forms.fields import MomentField, ReasonField
from identity_manager.console.forms.refusals import VerbForm
from identity_manager.models import SoftwareToken
from identity_manager.workflow import step2_approve


class DecisionForm(VerbForm):
    """Carries the snapshot hash shown, so that an outdated page decides nothing."""

    snapshot_hash = forms.CharField(max_length=64, widget=forms.HiddenInput)


class LinesField(forms.MultipleChoiceField):
    """Selected tokens of a request; the verb refuses unknown ones."""

    widget = forms.CheckboxSelectMultiple

    def valid_value(self, value: str) -> bool:
        try:
            return bool(uuid.UUID(value))
        except ValueError:
            return False


class RejectForm(DecisionForm):
    """Rejection with a reason, of the request or of single types."""

    lines = LinesField(
        label=_("What is rejected"),
        help_text=_("What you leave unchecked goes on and waits for its own decision."),
        error_messages={"required": lazystr(step2_approve.NO_LINE)},
    )
    reason = ReasonField(
        help_text=_("The person who asked reads this."), required=lazystr(step2_approve.NO_REASON)
    )

    def __init__(self, *args: Any, lines: Sequence[SoftwareToken], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        ids = [str(token.pk) for token in lines]
        if len(ids) > 1:
            self.fields["lines"].initial = ids
            names = [str(token) for token in lines]
            self.fields["lines"].choices = list(zip(ids, names, strict=True))  # type: ignore[attr-defined]  # a LinesField
        else:
            del self.fields["lines"]
        self._all = {token.pk for token in lines}

    @property
    def single_lines(self) -> list[uuid.UUID]:
        """Types to remove; empty for a rejection of the whole request."""
        chosen = {uuid.UUID(value) for value in self.cleaned_data.get("lines", ())}
        return [] if chosen >= self._all else list(chosen)


class PostponeForm(DecisionForm):
    """Postponement."""

    until = MomentField(
        label=_("Until"),
        help_text=_("The task leaves your list until then. Every other approver still sees it."),
        error_messages=dict.fromkeys(
            ("required", "invalid", "out_of_days"), lazystr(step2_approve.NOT_IN_THE_FUTURE)
        ),
    )
