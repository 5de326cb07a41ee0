"""How forms are drawn, and what cards accept."""

from django import forms
from django.db.models.fields import BLANK_CHOICE_DASH
from django.forms.renderers import get_default_renderer
from django.urls import get_resolver

from identity_manager.account.views import ChangePasswordForm, LoginForm, ReauthenticateForm
from identity_manager.ui.forms import CardsField, FormRenderer, RadioCards
from identity_manager.ui.parts import Card

CARDS = [("vpn", Card("VPN", "1 certificate.")), ("auth", Card("Authentication", reason="Uma has one."))]


class TypesForm(forms.Form):
    types = CardsField(choices=CARDS)
    reason = forms.CharField(help_text="Uma reads this.", required=False)
    noted = forms.BooleanField(label="I have noted the passphrase")


def test_the_renderer_is_ours():
    assert isinstance(get_default_renderer(), FormRenderer)


def test_a_card_with_a_reason_is_drawn_disabled_with_its_reason():
    drawn = str(TypesForm()["types"])
    vpn, auth = drawn.split('value="auth"')
    assert "disabled" not in vpn
    assert "disabled" in auth
    assert "Uma has one." in auth
    assert 'aria-describedby="id_types_1_line"' in auth


def test_a_forged_choice_of_such_a_card_is_refused_with_the_reason():
    form = TypesForm({"types": ["vpn", "auth"], "noted": "on"})
    assert form.errors["types"] == ["Uma has one."]
    assert TypesForm({"types": ["vpn"], "noted": "on"}).is_valid()


def test_an_unknown_card_is_refused():
    assert "types" in TypesForm({"types": ["root"], "noted": "on"}).errors


def test_help_and_error_belong_to_their_field():
    class ReasonForm(forms.Form):
        reason = forms.CharField(help_text="Uma reads this.")

    drawn = str(ReasonForm({}))
    assert 'aria-describedby="id_reason_helptext id_reason_error"' in drawn
    assert 'id="id_reason_helptext"' in drawn
    assert 'id="id_reason_error"' in drawn
    assert 'aria-invalid="true"' in drawn
    assert drawn.index("<label") < drawn.index("id_reason_error") < drawn.index("<input")


def test_what_may_be_left_out_says_so():
    drawn = str(TypesForm())
    assert drawn.count("(optional)") == 1


def test_a_browser_cuts_nothing_off_that_is_too_long_and_the_server_says_it():
    class NoteForm(forms.Form):
        name = forms.CharField(max_length=3)
        note = forms.CharField(max_length=5, widget=forms.Textarea)
        password = forms.CharField(max_length=9, widget=forms.PasswordInput)

    assert "maxlength" not in str(NoteForm())
    drawn = str(NoteForm({"name": "Nina", "note": "not so short"}))
    assert 'value="Nina"' in drawn
    assert "not so short" in drawn
    assert drawn.count("Ensure this value has at most") == 2 * 2  # at the top, and at the field


def test_a_check_box_stands_before_its_label():
    drawn = TypesForm()["noted"].as_field_group()
    assert drawn.index("<input") < drawn.index("<label")


def test_radio_cards_are_radio_buttons():
    class DeviceForm(forms.Form):
        device = forms.ChoiceField(choices=CARDS, widget=RadioCards)

    drawn = str(DeviceForm())
    assert drawn.count('type="radio"') == 2
    assert "<fieldset" in drawn


def test_a_select_draws_groups_the_chosen_option_and_what_must_be_escaped() -> None:
    choices = [("", "All"), ("<Nord>", [("n1", "North & 1"), ("n2", "North 2")])]
    form = type("Units", (forms.Form,), {"unit": forms.ChoiceField(choices=choices)})({"unit": "n2"})
    drawn = str(form["unit"])
    assert '<option value="">All</option><optgroup label="&lt;Nord&gt;">' in drawn
    assert '<option value="n1">North &amp; 1</option><option value="n2" selected>North 2</option>' in drawn


def test_no_choice_is_one_dash() -> None:
    class Choosing(forms.Form):
        choice = forms.ChoiceField(choices=[*BLANK_CHOICE_DASH, ("a", "A")])

    assert '<option value="" selected>–</option>' in str(Choosing({"choice": ""})["choice"])


def test_what_can_be_left_empty_is_asked_for_in_our_words():
    get_resolver()._populate()  # imports all forms
    djangos = forms.Field.default_error_messages["required"]
    lazy = [
        f"{form.__name__}.{name}"
        for form in _forms(forms.BaseForm)
        if form.__module__.startswith(("identity_manager.", "selfservice."))
        and "gallery" not in form.__module__
        if not issubclass(form, LoginForm | ReauthenticateForm | ChangePasswordForm)  # theirs begin later
        for name, field in form.base_fields.items()
        if field.required and not field.widget.is_hidden
        if type(field) not in (forms.ChoiceField, forms.TypedChoiceField)  # one of the list is always chosen
        if field.error_messages["required"] == djangos
    ]
    assert lazy == []


def _forms(kind: type) -> set[type]:
    below = set(kind.__subclasses__())
    return below.union(*(_forms(each) for each in below))
