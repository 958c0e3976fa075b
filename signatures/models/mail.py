"""What is counted of the mails that were sent."""

from __future__ import annotations

from django.db import models


class MailCount(models.Model):
    """How many mails one mailbox got on one day, under a label that nobody without the keyring can make."""

    label = models.BinaryField(primary_key=True, max_length=16)
    #: For pruning: gone the day after.
    on = models.DateField()
    n = models.IntegerField(db_default=0)
