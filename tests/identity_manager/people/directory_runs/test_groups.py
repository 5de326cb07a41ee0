"""Groups of a directory: who is in them, since when, through nested groups; and who is no longer."""

import pytest

from identity_manager.models import DirectoryGroup, DirectoryMembership, RunMode
from tests.tools.directory import FakeDirectory, run

pytestmark = [pytest.mark.django_db, pytest.mark.database, pytest.mark.nightly_on_postgresql]


def members(name: str) -> set[str]:
    rows = DirectoryMembership.objects.filter(group__name=name)
    return set(rows.values_list("person__personnel_number", flat=True))


def test_nested_groups_are_resolved_also_in_a_ring(corp: FakeDirectory) -> None:
    for name in ("nina", "zoe", "max"):
        corp.add(name)
    corp.groups = {
        "all": ("group-north", "group-south"),
        "north": ("id-nina",),
        "south": ("id-zoe", "group-all", "id-unknown"),
    }

    run()

    assert members("north") == {"D-nina"}
    assert members("south") == members("all") == {"D-nina", "D-zoe"}


def test_a_membership_keeps_its_day_and_ends(corp: FakeDirectory) -> None:
    corp.add("nina")
    corp.add("zoe")
    corp.groups = {"vpn": ("id-nina",)}
    run()
    since = DirectoryMembership.objects.get().since
    corp.groups = {"vpn": ("id-nina", "id-zoe")}
    run()

    assert DirectoryMembership.objects.get(person__personnel_number="D-nina").since == since
    corp.groups = {"vpn": ("id-zoe",)}
    run()
    assert members("vpn") == {"D-zoe"}


def test_a_run_without_groups_leaves_them_as_they_are(corp: FakeDirectory) -> None:
    corp.add("nina")
    corp.groups = {"vpn": ("id-nina",)}
    run()
    corp.groups = {}

    run()

    assert members("vpn") == {"D-nina"}


def test_who_is_absent_is_in_no_group(corp: FakeDirectory) -> None:
    corp.add("nina")
    corp.add("zoe")
    corp.groups = {"vpn": ("id-nina", "id-zoe")}
    run()
    corp.groups = {}
    del corp.entries["id-nina"]

    run(RunMode.IDS)

    assert members("vpn") == {"D-zoe"}


def test_a_group_that_is_gone_has_nobody_and_comes_back(corp: FakeDirectory) -> None:
    corp.add("nina")
    corp.groups = {"vpn": ("id-nina",), "mail": ("id-nina",)}
    run()
    corp.groups = {"mail": ("id-nina",)}
    run()
    assert (members("vpn"), DirectoryGroup.objects.get(name="vpn").gone_at is None) == (set(), False)

    corp.groups = {"vpn": ("id-nina",), "mail": ()}
    run()
    assert members("vpn") == {"D-nina"}
    assert DirectoryGroup.objects.get(name="vpn").gone_at is None
