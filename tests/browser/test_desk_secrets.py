"""What officers look for, and what they are shown, stands nowhere in clear but on their screen (I10)."""

from __future__ import annotations

import contextlib
import re
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visit
from tests.browser.test_admin_pages import logged_in
from tests.browser.test_desk import LOOK, choose, identity_of, look_by_address, look_by_number, look_through_list
from tests.faults.searching import in_clear
from tests.faults.test_secrets import all_of_redis, dump, needles, overheard
from tests.support.stack import LOCAL, RECOVERY, Stack, children_of, command_lines, wait_until

pytestmark = pytest.mark.browser

#: In letters: a name with so many digits would be a telephone number.
MARK = uuid.uuid4().hex.translate(str.maketrans("0123456789", "ghijklmnop"))
NAME, MASK = f"Ўршуля{MARK} Ґанна{MARK}", "Ў… Ґ…"
PLACE, COMMENT = f"Place {MARK}", f"Because of {MARK}."
ADDRESS = f"planted-{MARK}@example.org"
#: An address that only an officer ever types.
SOUGHT = f"sought-{uuid.uuid4().hex}@example.net"


def sign(site: Stack) -> int:
    """The planted person signs; the number. Then web begins anew: what it took in is not what is looked for here."""
    before = site.counts(LOCAL).counted
    assert site.sign(LOCAL, ADDRESS, name=NAME, place=PLACE).status == 303
    added = {"comment": COMMENT, "share_name": "on"}
    assert site.request("POST", site.links_for(ADDRESS)["confirm"], added).status == 303
    wait_until(lambda: site.counts(LOCAL).counted == before + 1, RECOVERY, "it is counted")
    site.web.stop()
    site.web.start()
    site.wait_for_web()
    return site.counts(LOCAL).last_number


def memory_of(pid: int) -> Iterator[bytes]:
    """What a process has in memory, region by region, as far as it can be read."""
    with contextlib.suppress(OSError):
        regions = Path(f"/proc/{pid}/maps").read_text().splitlines()
        with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
            for region in regions:
                begin, end = (int(part, 16) for part in region.split()[0].split("-"))
                if " rw" in region:
                    with contextlib.suppress(OSError, ValueError, OverflowError):
                        memory.seek(begin)
                        yield memory.read(end - begin)


def test_looks_leave_nothing_in_clear_in_web_database_redis_logs_or_output(site: Stack, visit: Visit) -> None:
    number = sign(site)
    with overheard(site) as heard, logged_in(site, visit, "privacy") as page:
        keep_the_sites_copy(page)
        page.goto(LOOK)
        choose(page, identity_of(site, "privacy"))
        look_by_number(page, number)
        shown(page, ADDRESS)
        look_by_address(page, ADDRESS)
        shown(page, NAME)
        look_by_address(page, SOUGHT)
        expect(
            page.get_by_text("There is no signature with this e-mail address in the campaigns of this section.")
        ).to_be_visible(timeout=30_000)
        masked(site, visit, number)
        running = list(command_lines())
        web = [site.web.pid, *children_of(site.web.pid or 0)]
        remembered = [chunk for pid in web if pid for chunk in memory_of(pid)]
        database = dump(site)
    assert len(re.findall(rb"age-encryption.org/v1".hex().encode(), database)) >= 4, "no answer was in the dump"

    everywhere = {
        "the database": database,
        "Redis": "\n".join(heard).encode() + b"".join(all_of_redis(site)),
        "a command line": b"\n".join(running),
    }
    for place, text in everywhere.items():
        assert [needle for needle in needles([MARK, SOUGHT, MASK]) if needle in text] == [], f"in {place}"
    raw = [secret.encode() for secret in (MARK, SOUGHT, MASK)]
    assert any(b"csrfmiddlewaretoken" in chunk for chunk in remembered), "the memory of web was not read"
    assert [secret for secret in raw if any(secret in chunk for chunk in remembered)] == [], "in the memory of web"
    assert in_clear(site.home, raw) == []


def keep_the_sites_copy(page: Page) -> None:
    """The page closes what it has opened at once; here the answers stay until they have been searched."""
    page.route("**/close/", lambda route: route.fulfill(status=204))


def shown(page: Page, text: str) -> None:
    expect(page.get_by_role("article").get_by_text(text)).to_be_visible(timeout=30_000)


def masked(site: Stack, visit: Visit, number: int) -> None:
    """The moderator sees the same person in a review list, masked."""
    held = "UPDATE signatures_signature SET state = %s WHERE number = %s AND campaign_id ="
    held += " (SELECT id FROM petitions_campaign WHERE slug = %s)"
    site.sql(held, "quarantined", number, LOCAL)
    try:
        with logged_in(site, visit, "moderator") as page:
            keep_the_sites_copy(page)
            page.goto(LOOK)
            choose(page, identity_of(site, "moderator"))
            look_through_list(page)
            expect(page.get_by_role("cell", name=MASK)).to_be_visible(timeout=30_000)
            assert MARK not in page.content()
    finally:
        site.sql(held, "counted", number, LOCAL)
