from django.db import migrations, models

import identity_manager.models.person_search.matching
from ca_bridge.database import statistics
from ca_bridge.database.online_index import AddIndexOnline


def take_statistics(apps, schema_editor):
    """SQLite prefers an index of which it has no statistics to those of which it has; so not until the next hour."""
    if schema_editor.connection.vendor == 'sqlite' and apps.get_model('identity_manager', 'Person').objects.exists():
        statistics.analyze()


class Migration(migrations.Migration):
    """The persons of a department within a unit, by name: two indexes were compared, as long as the department is."""

    atomic = False  # the index is built beside the writers

    dependencies = [
        ('identity_manager', '0037_what_is_stuck'),
    ]

    operations = [
        AddIndexOnline(
            model_name='person',
            index=models.Index(models.F('kind'), models.F('department'), models.F('organisational_unit'), identity_manager.models.person_search.matching.NameOrder('search_text'), name='person_by_place'),
        ),
        migrations.RunPython(take_statistics, migrations.RunPython.noop),
    ]
