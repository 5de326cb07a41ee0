from django.db import migrations, models


class Migration(migrations.Migration):
    """What is surplus and has ended is not tried any more. Rows from before are filled when they are tried."""

    dependencies = [
        ('ca_bridge', '0006_surplus_by_hand'),
    ]

    operations = [
        migrations.AddField(
            model_name='surpluscertificate',
            name='not_after',
            field=models.DateTimeField(blank=True, null=True),
        ),
    ]
