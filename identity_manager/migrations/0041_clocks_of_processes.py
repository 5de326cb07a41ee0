from django.db import migrations, models


class Migration(migrations.Migration):
    """Each process says how far its clock is from the database's; those of the version before do not."""

    dependencies = [
        ('identity_manager', '0040_revisions_of_terms'),
    ]

    operations = [
        migrations.AddField(
            model_name='liveprocess',
            name='clock_ahead',
            field=models.FloatField(null=True),
        ),
    ]
