from django.db import migrations, models


class Migration(migrations.Migration):
    """What a test of a CA connection found is kept by name, so that pages say it in the reader's language."""

    dependencies = [
        ('identity_manager', '0042_mails_waiting_since'),
    ]

    operations = [
        migrations.AddField(
            model_name='cacheck',
            name='findings',
            field=models.JSONField(db_default=[], default=list),
        ),
    ]
