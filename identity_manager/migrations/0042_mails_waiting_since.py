from django.db import migrations, models


class Migration(migrations.Migration):
    """A mail says since when it has had to go out, where that is later than it was written."""

    dependencies = [
        ('identity_manager', '0041_clocks_of_processes'),
    ]

    operations = [
        migrations.AddField(
            model_name='outgoingmail',
            name='waiting_since',
            field=models.DateTimeField(editable=False, null=True),
        ),
    ]
