"""Who may do what in the admin: two groups, set to exactly these rights after every migrate.

For further rights make another group; what is added to one of these goes with the next migrate.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from django.apps import AppConfig
from django.contrib.auth.management import create_permissions
from django.db.models import Q, QuerySet

CAMPAIGNERS: Final = "Campaigners"
DELIVERY_OFFICERS: Final = "Delivery officers"

_CONTENT: Final = ("addressee", "campaign", "coverage", "demand", "dossier", "update")


def _content_rights() -> Iterable[str]:
    for model in _CONTENT:
        for right in ("add", "change", "view"):
            yield f"petitions.{right}_{model}"
    # Parts of a page are taken away while it is written; what has an address of its own stays.
    yield from ("petitions.delete_demand", "petitions.delete_coverage")


#: group → permissions. Nobody but a superuser manages logins.
RIGHTS: Final[dict[str, tuple[str, ...]]] = {
    CAMPAIGNERS: (*_content_rights(), "signatures.view_tally"),
    DELIVERY_OFFICERS: (
        "petitions.view_campaign",
        "petitions.view_demand",
        "petitions.view_addressee",
        "signatures.add_delivery",
        "signatures.view_delivery",
        "signatures.approve_delivery",
    ),
}


def give_roles(apps: Any, using: str) -> None:
    """Make both groups, with exactly their rights; idempotent. `apps` as a migration sees them."""
    Group, Permission = apps.get_model("auth", "Group"), apps.get_model("auth", "Permission")
    for name, rights in RIGHTS.items():
        group, _created = Group.objects.using(using).get_or_create(name=name)
        group.permissions.set(_permissions(Permission.objects.using(using), rights))


def _permissions(permissions: QuerySet[Any], rights: Iterable[str]) -> QuerySet[Any]:
    wanted = Q()
    for right in rights:
        app_label, codename = right.split(".")
        wanted |= Q(content_type__app_label=app_label, codename=codename)
    return permissions.filter(wanted)


def give_roles_after_migrate(app_config: AppConfig, using: str, apps: Any = None, **kwargs: Any) -> None:
    """Once a run, when the tables of `petitions` and `signatures` are there. `flush` sends no `apps`."""
    if app_config.label != "signatures":
        return
    from django.apps import apps as installed

    apps = apps or installed
    # Django makes permissions in this same signal, maybe after us; doing it first is harmless.
    for label in ("petitions", "signatures"):
        create_permissions(installed.get_app_config(label), verbosity=0, interactive=False, using=using, apps=apps)
    give_roles(apps, using)
