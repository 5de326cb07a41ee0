from django.db import migrations, models

import identity_manager.models.person_search.matching
from ca_bridge.database import statistics
from ca_bridge.database.online_index import AddIndexOnline


def take_statistics(apps, schema_editor):
    """SQLite prefers an index of which it has no statistics to those of which it has; so not until the next hour."""
    persons = apps.get_model('identity_manager', 'Person').objects
    if schema_editor.connection.vendor == 'sqlite' and persons.exists():
        statistics.analyze()


class Migration(migrations.Migration):
    """What is due is found by an index of what waits, whatever statistics say of all that ever was; the
    persons of a unit, in the order of their names, by one of theirs."""

    atomic = False  # the indexes are built beside the writers

    dependencies = [
        ('identity_manager', '0031_flat_lists'),
    ]

    operations = [
        AddIndexOnline(
            model_name='certificate',
            index=models.Index(condition=models.Q(('next_attempt_at__isnull', False)), fields=['next_attempt_at'], name='certificate_next'),
        ),
        AddIndexOnline(
            model_name='softwaretoken',
            index=models.Index(condition=models.Q(('next_attempt_at__isnull', False)), fields=['next_attempt_at'], name='software_token_next'),
        ),
        AddIndexOnline(
            model_name='person',
            index=models.Index(models.F('kind'), models.F('organisational_unit'), identity_manager.models.person_search.matching.NameOrder('search_text'), name='person_by_unit'),
        ),
        migrations.RemoveIndex(
            model_name='certificate',
            name='certificate_due',
        ),
        migrations.RemoveIndex(
            model_name='softwaretoken',
            name='software_token_due',
        ),
        migrations.RunPython(take_statistics, migrations.RunPython.noop),
    ]
