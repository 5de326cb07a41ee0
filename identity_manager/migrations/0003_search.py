"""Search: indexes for large installations, searches that officers keep, names first in the search text."""

import django.db.models.deletion
import django.db.models.functions.text
import django.utils.timezone
import identity_manager.models.identifiers
from django.db import migrations, models
from identity_manager.models.person_search import matching as person_search


BATCH = 200


def compose_search_texts(apps, schema_editor):
    """Rows of before have the names among the rest; lists are sorted by the first line now."""
    persons = apps.get_model("identity_manager", "Person").objects
    keys = list(persons.values_list("pk", flat=True))
    for start in range(0, len(keys), BATCH):
        rows = list(persons.filter(pk__in=keys[start : start + BATCH]))
        for row in rows:
            row.search_text = person_search.text_of(row)
        persons.bulk_update(rows, ["search_text"])


class Migration(migrations.Migration):

    dependencies = [
        ('ca_bridge', '0001_initial'),
        ('identity_manager', '0002_person_search'),
    ]

    operations = [
        migrations.CreateModel(
            name='SavedSearch',
            fields=[
                ('id', models.UUIDField(default=identity_manager.models.identifiers.new_id, editable=False, primary_key=True, serialize=False)),
                ('name', models.CharField(max_length=60)),
                ('kind', models.CharField(max_length=16)),
                ('query', models.CharField(max_length=2000)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                'ordering': ['name', 'pk'],
            },
        ),
        migrations.AddIndex(
            model_name='certificate',
            index=models.Index(fields=['serial'], name='certificate_serial'),
        ),
        migrations.AddIndex(
            model_name='certificate',
            index=models.Index(fields=['not_after'], name='certificate_expiry'),
        ),
        migrations.AddIndex(
            model_name='person',
            index=models.Index(models.F('kind'), django.db.models.functions.text.Left('search_text', 64), name='person_kind_name'),
        ),
        migrations.AddIndex(
            model_name='person',
            index=models.Index(fields=['department'], name='person_department'),
        ),
        migrations.AddIndex(
            model_name='person',
            index=models.Index(fields=['organisational_unit'], name='person_unit'),
        ),
        migrations.AddField(
            model_name='savedsearch',
            name='owner',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='saved_searches', to='identity_manager.person'),
        ),
        migrations.AddConstraint(
            model_name='savedsearch',
            constraint=models.UniqueConstraint(models.F('owner'), django.db.models.functions.text.Lower('name'), name='saved_search_name_once'),
        ),
        migrations.RunPython(compose_search_texts, migrations.RunPython.noop),
    ]
