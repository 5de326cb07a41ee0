"""The old version runs on while the new schema is there already: no migration may be in its way."""

import pytest
from django.db import migrations, models
from django.db.migrations.state import ModelState, ProjectState

from ca_bridge.database.online_index import AddIndexOnline, AddUniqueOnline
from identity_manager.jobs import month_partitions
from identity_manager.models import AuditEvent, OutgoingMail
from tests.architecture.migrations import BASELINE, Step, danger, not_by_month, plan, steps

# Each with its reason; all are partial, and read their table once. One that is used no more fails.
FINE_ALL_THE_SAME = {
    "identity_manager.0097_standing_orders: AddConstraint directorygroup_group_by_hand_once": (
        "of groups without a source, which the old version does not write"
    ),
    "identity_manager.0063_types_that_archive: RunPython runpython": (
        "creates triggers again that SQLite has dropped"
    ),
    "identity_manager.0063_types_that_archive: AddConstraint archivedkey_archived_key_never_signs": (
        "the column is new, and its default satisfies the rule"
    ),
    "identity_manager.0063_types_that_archive: AddConstraint certificateprofile_profile_archive_dual_use": (
        "the column is new, and its default satisfies the rule"
    ),
    "identity_manager.0065_terms_again: AddConstraint termsacceptance_terms_accepted_once_without_request": (
        "of acceptances without a request, which the old version does not write"
    ),
    "identity_manager.0065_terms_again: AddConstraint termsversion_terms_version_late_policy": (
        "the old version writes the default of the database"
    ),
    "identity_manager.0068_token_imports: AddConstraint tokenrequest_token_request_kind": (
        "allows one more kind than the rule that it replaces"
    ),
    "identity_manager.0083_delivery_problems: AddConstraint mailevent_mail_event_kind": "lets more through",
    "identity_manager.0073_recovery_keys_in_an_hsm: AddConstraint "
    "recoverycertificate_recovery_certificate_kind": "lets more through than the one in its place",
    "identity_manager.0075_consent_of_the_owner: AddConstraint recovery_recovery_consent": (
        "the column is new, and its default satisfies the rule"
    ),
    "identity_manager.0082_batch_kinds: AddConstraint batchline_batch_line_outcome": (
        "allows one more outcome than the rule that it replaces"
    ),
    "identity_manager.0082_batch_kinds: AddConstraint batchline_batch_line_enabled_has_request": (
        "lets more through than the one in its place"
    ),
    "identity_manager.0082_batch_kinds: AddConstraint batchline_batch_line_token_once": (
        "the column is new, and empty"
    ),
    "identity_manager.0082_batch_kinds: AddConstraint batchline_batch_line_request_once": (
        "the column is new, and empty"
    ),
    "identity_manager.0082_batch_kinds: AddConstraint batchorder_batch_order_state": (
        "allows one more state than the rule that it replaces"
    ),
    "identity_manager.0082_batch_kinds: AddConstraint batchorder_batch_order_source": (
        "allows more sources than the rule that it replaces"
    ),
    "identity_manager.0082_batch_kinds: AddConstraint batchorder_batch_order_four_eyes": (
        "the column is new, and empty"
    ),
    "identity_manager.0058_renewal: RunPython runpython": "creates triggers again that SQLite has dropped",
    "identity_manager.0079_purpose_and_postponements: RunPython runpython": (
        "creates triggers again that SQLite has dropped"
    ),
    "identity_manager.0085_devices_of_requests: RunPython runpython": (
        "creates triggers again that SQLite has dropped"
    ),
    "identity_manager.0098_approval_rules_and_deputies: AddConstraint tokenrequest_token_request_approvals": (
        "lets more through than the one in its place"
    ),
    "identity_manager.0098_approval_rules_and_deputies: AddConstraint tokentype_token_type_approvers": (
        "lets more through than the one in its place"
    ),
    "identity_manager.0098_approval_rules_and_deputies: AddConstraint "
    "tokentype_token_type_manager_approval": ("the column is new, and its default satisfies the rule"),
    "identity_manager.0098_approval_rules_and_deputies: RunPython runpython": (
        "creates triggers again that SQLite has dropped"
    ),
    "identity_manager.0101_keys_at_targets: AddConstraint placement_placement_parcel_is_erased": (
        "the column is new, and empty"
    ),
    "identity_manager.0101_keys_at_targets: RunPython runpython": "creates triggers SQLite dropped",
    "identity_manager.0107_targets_alone: AddConstraint softwaretoken_software_token_delivery": (
        "allows two more states than the rule that it replaces"
    ),
    "identity_manager.0107_targets_alone: RunPython runpython": "creates triggers again that SQLite dropped",
    "identity_manager.0066_holder_change: RunPython runpython": "creates triggers again that SQLite dropped",
    "identity_manager.0080_installations: RunPython runpython": "creates triggers again that SQLite dropped",
    "identity_manager.0091_leavers_by_type: RunPython runpython": (
        "creates triggers again that SQLite dropped"
    ),
    "identity_manager.0093_apple_mail_account: RunPython runpython": (
        "creates triggers again that SQLite dropped"
    ),
    "identity_manager.0055_texts_in_languages: RunPython runpython": (
        "creates triggers that carry what either version writes over to the other's columns"
    ),
    "ca_bridge.0002_doubt: AddIndex caorder_ca_order_parked": "holds what is in doubt alone",
    "ca_bridge.0002_doubt: AddIndex caorder_ca_order_to_be_compared": "the column is new, and empty",
    "identity_manager.0025_revoked_by_hand: AddIndex certificate_certificate_by_hand": (
        "the column is new, and empty"
    ),
    "ca_bridge.0003_open_orders: AddIndex caorder_ca_order_open": "holds what is open alone",
    "identity_manager.0032_what_waits: RunPython runpython": "counts on SQLite, and changes nothing of ours",
    "identity_manager.0033_filters_in_search: RunPython runpython": (
        "makes the index of the search anew on SQLite, and old words find in it what they found"
    ),
    "identity_manager.0034_certificates_by_number: RunPython runpython": (
        "builds an index beside the writers on PostgreSQL, counts on SQLite"
    ),
    "identity_manager.0035_keys_of_what_expired: RunPython runpython": (
        "erases what no version reads of a certificate that has ended"
    ),
    "identity_manager.0038_department_and_unit: RunPython runpython": "counts on SQLite",
    "identity_manager.0044_filters_beside_words: RunPython runpython": (
        "builds indexes beside the writers on PostgreSQL, before it drops those that they replace"
    ),
    "identity_manager.0046_upn_key: RunPython runpython": "makes the index of the search anew on SQLite",
    "identity_manager.0047_fill_upn_keys: RunPython runpython": (
        "fills a column that the old version does not know, some rows at a time"
    ),
    "identity_manager.0049_who_entered: AddField person_entered_by": (
        "came with release 1.0, whose installations have it; its index alone can break off after it"
    ),
    "identity_manager.0053_spellings_in_search: RunPython runpython": (
        "builds an index beside the writers; adds lines to search texts, and old words find what they found"
    ),
}


def test_no_migration_is_in_the_way_of_the_old_version() -> None:
    found = {step.name: words for step in steps() if (words := danger(step))}
    assert {name: words for name, words in found.items() if name not in FINE_ALL_THE_SAME} == {}
    assert set(FINE_ALL_THE_SAME) <= set(found), "these exceptions are used no more"


def test_the_baseline_is_there() -> None:
    """Each app of ours has one, and a migration of that number."""
    ours = {
        each.app_label for each in plan() if each.__module__.startswith(("identity_manager.", "ca_bridge."))
    }
    assert ours == set(BASELINE)
    numbers = {(each.app_label, each.name[:4]) for each in plan()}
    assert set(BASELINE.items()) <= numbers


def step(operation: object, *others: object, atomic: bool = True) -> Step:
    """As if a migration had this operation, on a table of things."""
    migration = migrations.Migration("0099_test", "identity_manager")
    migration.operations, migration.atomic = [operation, *others], atomic
    state = ProjectState()
    fields = [
        ("id", models.AutoField(primary_key=True)),
        ("name", models.CharField(max_length=9, null=True)),
        ("price", models.DecimalField(max_digits=5, decimal_places=2)),
        ("words", models.TextField(max_length=9)),
    ]
    state.add_model(ModelState("identity_manager", "Thing", fields))
    return Step(migration, operation, state)  # type: ignore[arg-type]  # any operation


INDEX = models.Index(fields=["name"], name="thing_name")
THING = migrations.CreateModel("Thing", [("id", models.AutoField(primary_key=True))])
UNSAFE = [
    migrations.RemoveField("thing", "name"),
    migrations.RenameField("thing", "name", "title"),
    migrations.RenameModel("Thing", "Object"),
    migrations.DeleteModel("Thing"),
    migrations.AlterModelTable("thing", "things"),
    migrations.AddField("thing", "flag", models.BooleanField(default=False)),
    migrations.AddField("thing", "code", models.CharField(max_length=9, db_default="", unique=True)),
    migrations.AlterField("thing", "name", models.CharField(max_length=9, default="")),
    migrations.AlterField("thing", "name", models.CharField(max_length=8, null=True)),
    migrations.AlterField("thing", "name", models.CharField(max_length=9, null=True, unique=True)),
    migrations.AlterField("thing", "name", models.IntegerField(null=True)),
    migrations.AlterField("thing", "name", models.TextField(null=True)),
    migrations.AlterField("thing", "name", models.CharField(max_length=20, null=True)),
    migrations.AlterField("thing", "name", models.CharField(max_length=9, null=True, db_collation="C")),
    migrations.AlterField("thing", "price", models.DecimalField(max_digits=9, decimal_places=2)),
    migrations.AddConstraint("thing", models.UniqueConstraint(fields=["name"], name="thing_once")),
    migrations.AddIndex("thing", INDEX),
    AddIndexOnline("thing", INDEX),
    migrations.RunPython(migrations.RunPython.noop),
    migrations.RunSQL("SELECT 1"),
]
SAFE = [
    THING,
    migrations.AddField("thing", "flag", models.BooleanField(db_default=False)),
    migrations.AddField("thing", "seen_at", models.DateTimeField(null=True)),
    migrations.AddField("thing", "code", models.CharField(max_length=9, null=True, unique=True)),
    migrations.AlterField("thing", "name", models.CharField("Name", max_length=9, null=True)),
    migrations.AlterField("thing", "words", models.TextField(max_length=20)),
    migrations.RemoveIndex("thing", "thing_name"),
]


@pytest.mark.parametrize("operation", UNSAFE, ids=lambda each: type(each).__name__)
def test_what_is_in_the_way_is_found(operation: object) -> None:
    assert danger(step(operation))


@pytest.mark.parametrize("operation", SAFE, ids=lambda each: type(each).__name__)
def test_what_is_not_in_the_way_is_let_through(operation: object) -> None:
    assert danger(step(operation)) == ""


def test_workers_whose_statements_would_end_are_named_as_the_reason() -> None:
    longer = migrations.AlterField("thing", "name", models.CharField(max_length=20, null=True))
    assert "cached plan must not change result type" in danger(step(longer))


def test_an_index_is_built_beside_the_writers_or_on_a_new_table() -> None:
    assert danger(step(AddIndexOnline("thing", INDEX), atomic=False)) == ""
    assert danger(step(migrations.AddIndex("thing", INDEX), THING)) == ""


@pytest.mark.parametrize(
    "operation", [THING, migrations.AddField("thing", "on", models.BooleanField(null=True))]
)
def test_without_a_transaction_each_operation_can_be_repeated(operation: object) -> None:
    assert "cannot be repeated" in danger(step(operation, AddIndexOnline("thing", INDEX), atomic=False))


# --- Tables divided by month -----------------------------------------------------------------------
def test_no_migration_fails_where_tables_are_divided_by_month_alone() -> None:
    assert {each.name: words for each in steps() if (words := not_by_month(each))} == {}


def test_what_is_unique_over_all_months_is_what_something_else_keeps_so() -> None:
    """The numbers by the sealer, the occasions by a table of their own: jobs/month_division.py."""
    assert month_partitions.unique_columns(AuditEvent) == ["number"]
    assert month_partitions.unique_columns(OutgoingMail) == ["occasion"]
    for model in month_partitions.TABLES:
        assert not model._meta.total_unique_constraints
        assert not [each for each in model._meta.constraints if isinstance(each, models.UniqueConstraint)]
        assert not model._meta.unique_together


ONCE = models.UniqueConstraint(fields=["name"], name="event_once", condition=models.Q(form=2))
MAIL = "identity_manager.outgoingmail"
NOT_BY_MONTH = [
    migrations.AddConstraint("auditevent", ONCE),
    AddUniqueOnline("auditevent", ONCE),
    migrations.AddField("outgoingmail", "code", models.CharField(max_length=9, null=True, unique=True)),
    migrations.AlterField("AuditEvent", "name", models.CharField(max_length=60, unique=True)),
    migrations.AlterUniqueTogether("auditevent", [("name", "at")]),
    migrations.AddField("thing", "event", models.ForeignKey("AuditEvent", models.CASCADE, null=True)),
    migrations.AddField("thing", "events", models.ManyToManyField("identity_manager.AuditEvent")),
    migrations.AddField("thing", "mail", models.ForeignKey(MAIL, models.CASCADE, to_field="occasion")),
    migrations.CreateModel("New", [("event", models.OneToOneField("AuditEvent", models.CASCADE))]),
    migrations.SeparateDatabaseAndState([migrations.AddConstraint("auditevent", ONCE)]),
]
BY_MONTH = [
    migrations.AddConstraint("thing", models.UniqueConstraint(fields=["name"], name="thing_once")),
    migrations.AddConstraint(
        "auditevent", models.CheckConstraint(condition=models.Q(form__gte=0), name="event_form")
    ),
    migrations.AddField("outgoingmail", "code", models.CharField(max_length=9, null=True)),
    migrations.AddField("thing", "mail", models.ForeignKey(MAIL, models.CASCADE, null=True)),
    migrations.AddField("auditevent", "thing", models.ForeignKey("Thing", models.CASCADE, null=True)),
]


@pytest.mark.parametrize("operation", NOT_BY_MONTH, ids=lambda each: type(each).__name__)
def test_what_no_divided_table_can_hold_is_found(operation: object) -> None:
    assert not_by_month(step(operation))


@pytest.mark.parametrize("operation", BY_MONTH, ids=lambda each: type(each).__name__)
def test_what_divided_tables_hold_is_let_through(operation: object) -> None:
    assert not_by_month(step(operation)) == ""
