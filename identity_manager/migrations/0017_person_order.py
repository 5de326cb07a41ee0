"""Indexes for the orders of the list of persons, as expressions that SQLite recognises."""

import identity_manager.models.person_search.matching
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('identity_manager', '0016_erasure'),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name='person',
            name='person_kind_name',
        ),
        migrations.AddIndex(
            model_name='person',
            index=models.Index(models.F('kind'), identity_manager.models.person_search.matching.NameOrder('search_text'), name='person_by_name'),
        ),
        migrations.AddIndex(
            model_name='person',
            index=models.Index(models.F('kind'), models.F('department'), identity_manager.models.person_search.matching.NameOrder('search_text'), name='person_by_department'),
        ),
        migrations.AddIndex(
            model_name='person',
            index=models.Index(models.F('kind'), models.F('state'), identity_manager.models.person_search.matching.NameOrder('search_text'), name='person_by_state'),
        ),
        migrations.AddIndex(
            model_name='person',
            index=models.Index(models.F('kind'), models.F('email'), name='person_by_email'),
        ),
    ]
