import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """Call stretches of batch orders shards, in the code alone: table and columns stay, and old code runs on."""

    dependencies = [
        ('identity_manager', '0068_token_imports'),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.RenameModel('BatchStretch', 'BatchShard'),
                migrations.AlterModelTable('BatchShard', 'identity_manager_batchstretch'),
                migrations.AlterField(
                    'BatchShard',
                    'order',
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='shards', to='identity_manager.batchorder'),
                ),
            ]
        ),
    ]
