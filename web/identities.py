"""Whose site this is: the name, address and languages that a page, a mail or a file shows.

Two questions. Which *site* was asked is the host's to say: its own section's, else the installation's (`site()`). Whose
*identity* is shown, is the site's, or of the section whose petition it is, where several live at one address
(`shown()`). All identities are remembered by the process for two seconds, as maintenance is.
"""

from __future__ import annotations

import contextlib
import time
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from django.conf import settings
from django.db import DatabaseError, InterfaceError
from django.db.models import Q
from django.http import Http404, HttpRequest

from web.connections import unless_away
from web.models import Identity, Section, StandingPage

#: Seconds. As long as a page on the shelf may be old (web/page_cache.py).
FRESH_FOR: Final = 2.0


@dataclass(slots=True)
class _Memory:
    until: float = 0.0
    main: Identity = field(default_factory=Identity.nameless)
    by_host: dict[str, Identity] = field(default_factory=dict)
    by_section: dict[int, Identity] = field(default_factory=dict)
    #: The section whose the installation's standing pages are: the main identity's, else the first there was.
    first: int = 0
    #: {section: {kind of a standing page: where it is, from the site's root}}
    pages: dict[int, dict[str, str]] = field(default_factory=dict)


_memory = _Memory()
#: The host that the request in hand was sent to, and the identity that its page shows where that is not the site's.
_host: ContextVar[str] = ContextVar("host", default="")
_shown: ContextVar[Identity | None] = ContextVar("shown", default=None)
_section: ContextVar[int] = ContextVar("section", default=0)


class Elsewhere(Http404):
    """What was asked for has an address of its own: the origin of its site."""

    def __init__(self, origin: str) -> None:
        super().__init__()
        self.origin = origin


def _remembered() -> _Memory:
    if time.monotonic() >= _memory.until:
        with contextlib.suppress(DatabaseError, InterfaceError):  # as last seen; an error page needs a name, too
            unless_away(_read)
        _memory.until = time.monotonic() + FRESH_FOR
    return _memory


def _read() -> None:
    everybody = list(Identity.objects.select_related("section").order_by("section_id"))
    _memory.by_host = {one.host: one for one in everybody if one.host}
    _memory.by_section = {one.section_id: one for one in everybody}
    here = [one for one in everybody if not one.host]
    # Who has the installation's own address; else who alone has a name there.
    main = _memory.by_host.get(urlsplit(settings.SITE_URL).hostname or "")
    _memory.main = main or (here[0] if len(here) == 1 else Identity.nameless())
    _memory.first = _memory.main.section_id or Section.objects.order_by("pk").values_list("pk", flat=True).first() or 0
    _memory.pages = {}
    for section, slug, kind in StandingPage.objects.values_list("section", "section__slug", "kind"):
        own = section in (_memory.first, *(one.section_id for one in _memory.by_host.values()))
        _memory.pages.setdefault(section, {})[kind] = f"/{kind}/" if own else f"/s/{slug}/{kind}/"


def forget_identities() -> None:
    """Look at the database again."""
    _memory.until = 0.0


def enter(request: HttpRequest) -> None:
    """From here on this request is answered: its host says whose site it is."""
    _host.set(request.META.get("HTTP_HOST", ""))
    _shown.set(None)
    _section.set(0)


def main() -> Identity:
    """The installation's: at SITE_URL, at the desk, and in what is nobody's in particular."""
    return _remembered().main


def site() -> Identity:
    """Whose site the request in hand was sent to; the installation's outside of requests."""
    memory = _remembered()
    host = _host.get()
    if not host or not memory.by_host:
        return memory.main
    return memory.by_host.get(host.partition(":")[0].lower(), memory.main)


def shown() -> Identity:
    """Whose name and address the page in the making bears."""
    return _shown.get() or site()


def show(section_id: int | None) -> None:
    """The page in the making shows something of this section's."""
    _shown.set(identity_of(section_id))
    _section.set(section_id or 0)


def identity_of(section_id: int | None) -> Identity:
    """Of what belongs to this section; the installation's where it has none of its own."""
    memory = _remembered()
    return memory.by_section.get(section_id or 0, memory.main)


def here(section_id: int) -> None:
    """Show this section's identity, for it lives on the site that was asked. Raises Elsewhere."""
    identity = identity_of(section_id)
    if identity.origin != site().origin:
        raise Elsewhere(identity.origin)
    show(section_id)


def of_this_site(section: str = "section") -> Q:
    """What belongs to the site that was asked. `section`: the lookup of what is filtered."""
    memory, mine = _remembered(), site()
    if mine is not memory.main:
        return Q(**{section: mine.section_id})
    others = [one.section_id for one in memory.by_host.values() if one is not mine]
    return ~Q(**{f"{section}__in": others}) if others else Q()


def name_of(section: Section) -> str:
    """As its readers know it."""
    identity = _remembered().by_section.get(section.pk)
    return identity.name if identity else section.name


def desk_name(request: HttpRequest) -> str:
    """What the desk is called: staff of all sections work there."""
    return main().name


def section_of_site() -> int:
    """Whose standing pages are at the root of the site that was asked."""
    return site().section_id or _remembered().first


def pages_of(section_id: int) -> dict[str, str]:
    """{kind: path} of the standing pages that hold for this section: its own, and what it lacks the installation's."""
    memory = _remembered()
    return {**memory.pages.get(memory.first, {}), **memory.pages.get(section_id, {})}


def pages_shown() -> dict[str, str]:
    """Those that the page in the making leads to."""
    return pages_of(_section.get() or section_of_site())


def coloured() -> list[Identity]:
    """Those that have a colour of their own, each colour once."""
    return list({one.colour: one for one in _remembered().by_section.values() if one.colour}.values())
