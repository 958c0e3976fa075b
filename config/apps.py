"""What holds for the whole installation: rights after each migration, and refusing a bad deployment."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class UndersignedConfig(AppConfig):
    name = "config"
    label = "undersigned"

    def ready(self) -> None:
        from config import checks  # noqa: F401 - registers the system checks
        from config.database.grants import grant_after_migrate

        post_migrate.connect(grant_after_migrate, dispatch_uid="grants")
