"""The index of the road and of what follows it (identity_manager/workflow/) is true: what it names exists."""

from importlib import import_module
from pathlib import Path

import pytest
from celery import current_app
from django.urls import get_resolver

from identity_manager.mail import specimens
from identity_manager.models import SoftwareToken, TokenRequest
from identity_manager.workflow import ROAD, RoadStep
from identity_manager.workflow.after_delivery import AFTER_DELIVERY

ROOT = Path(__file__).parent.parent.parent
ENTRIES = (*ROAD, *AFTER_DELIVERY)


def names_of(step: RoadStep) -> str:
    return f"{step.number} {step.name}"


@pytest.mark.parametrize("step", ENTRIES, ids=names_of)
def test_its_verbs_exist(step: RoadStep) -> None:
    for path in step.verbs:
        module, _, name = path.rpartition(".")
        verb = getattr(import_module(f"identity_manager.workflow.{module}"), name)
        assert verb.__doc__, path


@pytest.mark.parametrize("step", [step for step in ENTRIES if step.page], ids=names_of)
def test_its_page_exists(step: RoadStep) -> None:
    namespace, name = step.page.split(":")
    _prefix, resolver = get_resolver().namespace_dict[namespace]
    assert name in {key for key in resolver.reverse_dict if isinstance(key, str)}


@pytest.mark.parametrize("step", ENTRIES, ids=names_of)
def test_its_states_and_the_way_between_them_exist(step: RoadStep) -> None:
    for model, pair in ((TokenRequest, step.request), (SoftwareToken, step.token)):
        if pair is not None:
            ways = {
                (each.source, each.target)
                for each in model._meta.get_field("state").get_all_transitions(model)
            }
            assert pair in ways, f"{model.__name__} has no transition {pair}"


@pytest.mark.parametrize("step", [step for step in ENTRIES if step.task], ids=names_of)
def test_its_task_is_registered(step: RoadStep) -> None:
    assert step.task in current_app.tasks


@pytest.mark.parametrize("step", ENTRIES, ids=names_of)
def test_its_mails_have_a_function_and_a_folder(step: RoadStep) -> None:
    for mail in step.mails:
        assert mail in specimens.names()
        for part in ("subject.txt", "body.txt", "body.html"):
            assert (ROOT / "templates" / "emails" / mail / part).is_file()


@pytest.mark.parametrize("step", ENTRIES, ids=names_of)
def test_its_tests_exist(step: RoadStep) -> None:
    for path in step.tests:
        assert "def test_" in (ROOT / path).read_text(encoding="utf-8"), path


@pytest.mark.parametrize("step", [step for step in ENTRIES if step.survives], ids=names_of)
def test_what_it_survives_is_proven(step: RoadStep) -> None:
    for fault, proof in step.survives:
        path, name = proof.split("::")
        assert f"def {name}(" in (ROOT / path).read_text(encoding="utf-8"), fault


def test_where_a_ca_is_asked_it_is_said_what_may_fail() -> None:
    """Step 5 has the most of it: a CA, a worker, a person and a request may all fail or change."""
    assert len([fault for step in ROAD if step.number == 5 for fault in step.survives]) > 10


def test_each_of_the_seven_steps_is_there() -> None:
    assert {step.number for step in ROAD} == set(range(1, 8))


@pytest.mark.parametrize("step", AFTER_DELIVERY, ids=names_of)
def test_of_what_follows_it_is_said_what_may_fail(step: RoadStep) -> None:
    assert step.number == 8
    assert step.survives


def test_each_step_file_is_in_the_index() -> None:
    files = {path.stem for path in (ROOT / "identity_manager" / "workflow").glob("step*.py")}
    assert files <= {verb.split(".")[0] for step in ROAD for verb in step.verbs}
