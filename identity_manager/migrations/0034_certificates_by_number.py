from django.db import migrations, models

from ca_bridge.database import statistics
from ca_bridge.database.online_index import AddIndexOnline
from identity_manager.models.requests import certificate_subject_index


def index_subjects(_apps, schema_editor):
    certificate_subject_index.install(schema_editor.connection)


def do_not_index_subjects(_apps, schema_editor):
    certificate_subject_index.remove(schema_editor.connection)


def take_statistics(apps, schema_editor):
    """SQLite prefers an index of which it has no statistics to those of which it has; so not until the next hour."""
    certificates = apps.get_model('identity_manager', 'Certificate').objects
    if schema_editor.connection.vendor == 'sqlite' and certificates.exists():
        statistics.analyze()


class Migration(migrations.Migration):
    """Certificates are found by the beginning of a serial number whatever PostgreSQL's locale is, by their
    fingerprint, and by words of their subject."""

    atomic = False  # the indexes are built beside the writers

    dependencies = [
        ('identity_manager', '0033_filters_in_search'),
    ]

    operations = [
        AddIndexOnline(
            model_name='certificate',
            index=models.Index(fields=['serial'], name='certificate_serial_begins', opclasses=['varchar_pattern_ops']),
        ),
        AddIndexOnline(
            model_name='certificate',
            index=models.Index(fields=['fingerprint_sha256'], name='certificate_fingerprint'),
        ),
        migrations.RunPython(index_subjects, do_not_index_subjects),
        migrations.RemoveIndex(
            model_name='certificate',
            name='certificate_serial',
        ),
        migrations.RunPython(take_statistics, migrations.RunPython.noop),
    ]
