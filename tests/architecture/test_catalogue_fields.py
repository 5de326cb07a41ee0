"""What a field of the catalogue is called, and what it may hold, stands on the model and nowhere else."""

import ast
from functools import cache
from typing import Any

import pytest
from django.db import models

from identity_manager.catalogue import comparison
from identity_manager.console.catalogue import wording
from identity_manager.console.catalogue.forms import CodedForm, ProfileForm, TypeForm
from identity_manager.console.catalogue.terms_pages import DocumentForm
from identity_manager.models import CertificateProfile, TermsDocument, TokenType
from identity_manager.models.catalogue.entry_fields import content_fields
from tests.architecture.source import modules

FORMS: dict[type[models.Model], type[CodedForm]] = {
    TokenType: TypeForm,
    CertificateProfile: ProfileForm,
    TermsDocument: DocumentForm,
}
FIELDS = [(model, name, field) for model in FORMS for name, field in content_fields(model).items()]
EACH = pytest.mark.parametrize(
    ("model", "name", "field"), FIELDS, ids=[f"{model.__name__}-{name}" for model, name, _field in FIELDS]
)
# Other objects have names, too.
BESIDE_THE_CATALOGUE = ("identity_manager/catalogue", "identity_manager/console/catalogue")


@EACH
def test_the_form_says_what_the_model_says(model: type[models.Model], name: str, field: Any) -> None:
    shown = FORMS[model].base_fields[name]
    assert str(shown.label) == str(field.verbose_name)
    assert str(shown.help_text) == str(field.help_text)
    assert shown.required == (not field.blank and not isinstance(field, models.BooleanField))


@EACH
def test_a_label_stands_in_one_place(model: type[models.Model], name: str, field: Any) -> None:
    label = str(field.verbose_name)
    assert label != name.replace("_", " "), "Django made it up"
    found = [module.path.as_posix() for module in modules() if _is_beside(module) and label in _texts(module)]
    assert found == []


@pytest.mark.parametrize("form", [TypeForm, ProfileForm])
def test_each_field_has_its_place_in_the_form(form: type[Any]) -> None:
    placed = [name for _title, rows in form.GROUPS for row in rows for name in row.split()]
    beside = {"code", "other_usages"}  # a code is asked for of what is new; others are usages, too
    assert sorted(set(placed) - beside) == sorted(content_fields(form._meta.model))
    assert len(placed) == len(set(placed))


@pytest.mark.django_db
@pytest.mark.parametrize("model", [TokenType, CertificateProfile])
def test_a_comparison_knows_each_field(model: type[Any]) -> None:
    said = comparison.content_of(model(**({"terms": TermsDocument()} if model is TokenType else {})))
    assert list(said) == list(content_fields(model))
    changes = [comparison.FieldChange(name, None, value) for name, value in said.items()]
    labels = [str(each.label) for each in wording.differences(changes, model)]
    assert labels == [str(field.verbose_name) for field in content_fields(model).values()]


@pytest.mark.parametrize(
    ("what", "field", "words"),
    [
        ("type-changed", "validity_days", "Valid for, in days"),
        ("profile-changed", "ca_profile", "Profile name at the authority"),
        ("type-changed", "description_de", "What it is for"),
        ("type-changed", "gone_long_ago", "gone_long_ago"),
    ],
)
def test_the_history_reads_old_and_new_names_of_fields(what: str, field: str, words: str) -> None:
    facts = {"what": what, "changes": [{"field": field, "from": 1, "to": 2}]}
    assert wording.changed_fields(facts) == words


def _is_beside(module: Any) -> bool:
    return module.path.as_posix().startswith(BESIDE_THE_CATALOGUE)


@cache
def _texts(module: Any) -> set[str]:
    return {
        node.value for node in module.nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
