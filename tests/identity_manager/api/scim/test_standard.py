"""The server is what RFC 7643 and RFC 7644 say, by the tests of others."""

from collections.abc import Iterator

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from scim2_models import ScimProvider
from scim2_server.testing import ScimStorageContract

from identity_manager.api.scim import service
from identity_manager.models import DirectorySource
from identity_manager.people.scim_storage import Storage

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.database,
    pytest.mark.long,
    pytest.mark.nightly_on_postgresql,
]


class TestStorage(ScimStorageContract):
    """scim2-server's own contract of a storage."""

    # What the server does not announce: sorting, and pages by a cursor (RFC 9865).
    test_search_sorted = None
    test_search_sorts_as_search_request_sort = None
    test_cursor_pages_every_resource_once = None
    test_cursor_pages_in_sort_order = None
    test_cursor_pages_equal_sort_values_once = None
    test_cursor_pages_back = None
    test_cursor_gives_stable_pages_when_a_resource_of_the_page_is_deleted = None
    test_cursor_gives_stable_pages_when_a_resource_is_created = None
    test_cursor_pages_back_after_a_deletion = None
    test_cursor_with_count_zero = None
    test_cursor_at_the_root = None

    @pytest.fixture
    def provider(self) -> ScimProvider:
        return service.provider()

    @pytest.fixture
    def storage(self, source: DirectorySource) -> Storage:
        given = service.provider()
        return Storage(source, {each.name: given.model_for(each) for each in given.resource_types})


@pytest.fixture
def application() -> Iterator[WSGIHandler]:
    """The application in this process, on the connection of the test."""
    signals = (request_started, request_finished)
    for signal in signals:
        signal.disconnect(close_old_connections)
    yield get_wsgi_application()
    for signal in signals:
        signal.connect(close_old_connections)


@pytest.mark.nightly
def test_the_tester_of_others_finds_nothing(token: str, application: WSGIHandler) -> None:
    # Imported here: the models that these make take a tenth of the time in which all tests are collected.
    from scim2_client.engines.wsgi import WSGISCIMClient
    from scim2_tester import Status, check_server

    client = WSGISCIMClient(
        application,
        base_url="http://testserver/scim/entra/v2",
        headers={"Authorization": f"Bearer {token}"},
    )
    client.discover()
    results = check_server(client, raise_exceptions=False)
    wrong = [
        f"{each.title}: {each.reason}"
        for each in results
        if each.status not in (Status.SUCCESS, Status.SKIPPED)
    ]
    assert wrong == []
    assert len(results) > 100
