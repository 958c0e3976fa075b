"""An alarm that could not be mailed is mailed later: when it went out is kept."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("signatures", "0024_confirming_in_one_call")]

    operations = [migrations.AddField("watch", "told_at", models.DateTimeField(null=True))]
