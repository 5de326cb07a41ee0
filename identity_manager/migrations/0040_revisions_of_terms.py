from django.db import migrations, models


class Migration(migrations.Migration):
    """The revisions of a document's drafts count on from one draft to the next, instead of beginning at 1 again.

    What is being written now counts on from its own revision.
    """

    dependencies = [
        ('identity_manager', '0039_search_first'),
    ]

    operations = [
        migrations.AddField(
            model_name='termsdocument',
            name='revision',
            field=models.PositiveIntegerField(db_default=0, default=0, editable=False),
        ),
    ]
