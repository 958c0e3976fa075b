"""Every address of the site and who may ask for it: what the role matrix (docs/access.md) is made of.

A page of the admin is ruled beside its code: by `rights`, or by `pages` of its GuardedAdmin. What is no model's
page is ruled here. An address without a rule has `rule` None, and tests/staff/test_access_matrix.py names it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Final

from django.conf import settings
from django.contrib import admin
from django.db.models import Model
from django.urls import URLPattern, URLResolver, get_resolver

from staff.access import RULES, Who
from staff.guarded_admin import GuardedAdmin
from staff.login.middleware import OPEN, OWN
from staff.models import Membership, Role

#: Pages of the public site: the same for everybody, without a session.
PUBLIC: Final = frozenset({
    "home", "campaign", "sign", "work", "thanks", "numbers", "numbers_by_name", "numbers_json", "numbers_csv",
    "tally", "embed", "confirm", "withdraw", "updates", "update", "dossier", "inbox", "mail", "media", "signing_key",
    "signing_key_pem", "verifier", "unsubscribe", "news", "campaign_via", "share_image", "share_image_at", "feed",
    "sitemap", "press", "robots", "brand", "standing", "share", "qr", "my_signatures", "my_signatures_sent", "mine",
    "mine_text", "mine_json", "not_me", "versions", "text",
})  # fmt: skip
#: Of the admin, what belongs to no model. Their lists show only what one's roles show.
SITE_WIDE: Final = frozenset({
    "admin:index", "admin:search", "admin:autocomplete", "admin:jsi18n", "admin:app_list",
    "admin:password_change_done",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Page:
    """One address: its name ("admin:petitions_campaign_change"), its path with parameters, and its rule."""

    name: str
    route: str
    #: An action of the access table, several joined by " or ", or a Who; None where nobody wrote one.
    rule: str | Who | None
    #: Whose page it is, and the part of the name after that ("change"); of a model's pages only.
    model: type[Model] | None = None
    step: str = ""

    @property
    def has_object(self) -> bool:
        return "object_id>" in self.route

    def roles(self) -> frozenset[Role]:
        """Who gets there; a Who is not about roles, so everybody or nobody does."""
        if isinstance(self.rule, Who):
            return frozenset() if self.rule is Who.NOBODY else frozenset(Role)
        return frozenset[Role]().union(*(RULES[action] for action in self.actions()))

    def actions(self) -> list[str]:
        """The actions of which one is enough; none where a Who rules."""
        return [] if self.rule is None or isinstance(self.rule, Who) else self.rule.split(" or ")


def all_pages() -> Iterator[Page]:
    """Each address that can be reached, the public tier's first, in the order in which paths are tried."""
    seen: set[str] = set()
    for name, route in chain.from_iterable(_walk(get_resolver(urls)) for urls in settings.URL_TABLES):
        if route not in seen and not name.endswith(":"):  # a path that an earlier one has is never reached
            seen.add(route)
            yield _page(name, route)


def _walk(resolver: URLResolver, namespace: str = "", prefix: str = "") -> Iterator[tuple[str, str]]:
    for pattern in resolver.url_patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLPattern):
            yield namespace + (pattern.name or ""), route
        else:
            inner = f"{namespace}{pattern.namespace}:" if pattern.namespace else namespace
            yield from _walk(pattern, inner, route)


def _page(name: str, route: str) -> Page:
    if name in OPEN or name in PUBLIC:
        return Page(name, route, Who.ANYBODY)
    if name in OWN:
        return Page(name, route, Who.LOGGED_IN)
    if name in SITE_WIDE:
        return Page(name, route, Who.WORKS_HERE)
    for model, model_admin in admin.site._registry.items():
        prefix = f"admin:{model._meta.app_label}_{model._meta.model_name}_"
        if name.startswith(prefix) and isinstance(model_admin, GuardedAdmin):
            step = name.removeprefix(prefix)
            return Page(name, route, _rule_of(model_admin, step), model, step)
    return Page(name, route, None)


#: The pages that models have by themselves, and what Django calls the right to each.
RIGHT_OF: Final = {
    "changelist": "view", "change": "view", "add": "add", "delete": "delete",
    "translations": "change",
}  # fmt: skip


def _rule_of(model_admin: GuardedAdmin, step: str) -> str | Who | None:
    if step in model_admin.pages:
        return model_admin.pages[step]
    right = RIGHT_OF.get(step)
    return None if right is None else model_admin.rights.get(right, Who.NOBODY)  # type: ignore[call-overload]


# --- as a document ------------------------------------------------------------------------------------------------

MARKS: Final = {True: "●", False: ""}
HEAD: Final = """\
# Who may do what

Made by `manage.py write_access_table` from [staff/access.py](../staff/access.py) and the site's addresses; do not edit
it here. A test asks for every address as every role, in the own and in another section, and holds this table to what
happens.

A role holds in the sections of its membership; {everywhere} may hold theirs in
every section at once. What is not in one's own section does not exist: 404. An administrator manages people and
roles, and sees nothing of any signer. No page of the admin opens without a second factor, and a superuser is nobody
special.
"""


def access_table() -> str:
    """The role matrix, in Markdown: actions, then the admin's pages."""
    roles = list(Role)
    names = " and ".join(f"{role.label.lower()}s" for role in Membership.EVERYWHERE)
    return "\n".join([
        HEAD.format(everywhere=names),
        "## Actions\n",
        *_table("action", [(f"`{action}`", "", allowed) for action, allowed in RULES.items()], roles),
        "\n## Pages of the admin\n",
        *_table("page", [(_path(p), _words(p), p.roles()) for p in all_pages() if _has_roles(p)], roles),
        "\n## The first page of each role\n",
        *(_pictures(role) for role in roles),
        "\n## Pages that need no role\n",
        *(f"- {_path(p)}: {p.rule}" for p in all_pages() if not _has_roles(p)),
        "",
    ])  # fmt: skip


def _pictures(role: Role) -> str:
    """Its first page on a desktop and on a phone, as tests/browser/screenshots.py takes it of the demo."""
    desktop, phone = (f"images/home-{role.value}-{width}.png" for width in (1280, 360))
    return (
        f"**{role.label}**\n\n"
        f'<img src="{desktop}" alt="{role.label}: the first page on a desktop" width="640">\n'
        f'<img src="{phone}" alt="{role.label}: the first page on a phone" width="180">\n'
    )


def _has_roles(page: Page) -> bool:
    return not isinstance(page.rule, Who) or page.rule is Who.NOBODY


def _path(page: Page) -> str:
    return f"`/{re.sub('<[a-z]+:object_id>', '<id>', page.route)}`"


def _words(page: Page) -> str:
    return " or ".join(f"`{action}`" for action in page.actions()) or str(page.rule)


def _table(first: str, rows: list[tuple[str, str, frozenset[Role]]], roles: list[Role]) -> Iterator[str]:
    ruled = any(rule for _name, rule, _allowed in rows)
    columns = [first, *(["rule"] if ruled else []), *(str(role.label) for role in roles)]
    yield f"| {' | '.join(columns)} |"
    yield f"|{'---|' * (len(columns) - len(roles))}{':-:|' * len(roles)}"
    for name, rule, allowed in rows:
        cells = [name, *([rule] if ruled else []), *(MARKS[role in allowed] for role in roles)]
        yield f"| {' | '.join(cells)} |"
