from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class WebConfig(AppConfig):
    name = "web"

    def ready(self) -> None:
        post_migrate.connect(_one_section_at_least, sender=self, dispatch_uid="sections")


def _one_section_at_least(using: str, apps: Any = None, **kwargs: Any) -> None:
    """A campaign needs a section, so an installation begins with one. Who needs more makes more."""
    from django.apps import apps as installed

    sections = (apps or installed).get_model("web", "Section").objects.using(using)
    if not sections.exists():
        sections.create(name="International", slug="international")
