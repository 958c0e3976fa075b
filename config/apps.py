"""What holds for the whole installation: guards and rights after each migration, and no bad deployment."""

import resource

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class UndersignedConfig(AppConfig):
    name = "config"
    label = "undersigned"

    def ready(self) -> None:
        from config import checks, tier_checks  # noqa: F401 - register the system checks
        from config.database.apply import apply_after_migrate

        post_migrate.connect(apply_after_migrate, dispatch_uid="database")
        # A core dump would hold what was typed, and keys. Nobody but root can allow it again.
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
