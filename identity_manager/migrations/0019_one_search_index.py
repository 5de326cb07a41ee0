"""One index answers every search on SQLite: marks before each word make its beginning a part of its own."""

import django.db.models.deletion
import identity_manager.models.people.sqlite_search_tables
from django.db import migrations, models
from identity_manager.models.person_search import matching as person_search


def install_on_sqlite(apps, schema_editor):
    if schema_editor.connection.vendor == "sqlite":
        person_search.install(schema_editor.connection)


class Migration(migrations.Migration):

    dependencies = [
        ('identity_manager', '0018_break_glass'),
    ]

    operations = [
        migrations.CreateModel(
            name='PersonSearchRow',
            fields=[
                ('id', models.IntegerField(primary_key=True, serialize=False)),
                ('search_text', models.TextField()),
            ],
            options={
                'db_table': 'identity_manager_person_search',
                'managed': False,
            },
        ),
        migrations.CreateModel(
            name='PersonPart',
            fields=[
                ('row', models.OneToOneField(db_column='rowid', on_delete=django.db.models.deletion.DO_NOTHING, primary_key=True, related_name='part', serialize=False, to='identity_manager.personsearchrow')),
                ('search_text', identity_manager.models.people.sqlite_search_tables.IndexedText()),
            ],
            options={
                'db_table': 'identity_manager_person_parts',
                'managed': False,
            },
        ),
        migrations.RunPython(install_on_sqlite, migrations.RunPython.noop),
    ]
