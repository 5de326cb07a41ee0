"""START where nothing is there yet."""

import pytest

from identity_manager.models import OFFICER_ROLES, Role
from tests.identity_manager.console.start.test_start import START
from tests.identity_manager.console.visitors import officer, signed_in

pytestmark = [pytest.mark.database, pytest.mark.long_on_postgresql]


@pytest.mark.parametrize("role", sorted(OFFICER_ROLES))
def test_an_empty_installation_has_words_for_every_role(db: None, role: Role) -> None:
    response = signed_in(officer("olga", role)).get(START)

    assert response.status_code == 200
    assert "Start" in response.text
    assert list(response.context["waits"]) == []
    assert list(response.context["troubles"]) == []
