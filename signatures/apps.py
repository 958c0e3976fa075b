from django.apps import AppConfig
from django.db.models.signals import post_migrate


class SignaturesConfig(AppConfig):
    name = "signatures"

    def ready(self) -> None:
        from signatures.roles import give_roles_after_migrate

        post_migrate.connect(give_roles_after_migrate, dispatch_uid="roles")
