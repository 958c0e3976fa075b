"""The officer's browser and the workers' pyrage understand each other's age files."""

from __future__ import annotations

import base64

import pyrage
import pytest
from django.templatetags.static import static
from playwright.sync_api import Page

from tests.browser.browsing import DESKTOP
from tests.browser.conftest import Visit

pytestmark = pytest.mark.browser

BYTES = "const bytes = Uint8Array.from(atob(argument), (letter) => letter.charCodeAt(0))"


def in_page(page: Page, script: str, argument: str = "") -> str:
    """Run the body of an async function on a page whose Content-Security-Policy allows scripts of ours only."""
    load = f"window.age = await import('{static('vendor/age-encryption/age.js')}')"
    return page.evaluate(f"async (argument) => {{ {load}; {script} }}", argument)


def test_what_a_worker_encrypts_the_browser_opens_and_the_other_way_round(visit: Visit) -> None:
    told = "Вольга ኃይሌ 李 — ten minutes"
    with visit(viewport=DESKTOP) as page:
        page.goto("/")
        identity, recipient = in_page(
            page,
            """const identity = await age.generateX25519Identity();
            return [identity, await age.identityToRecipient(identity)]""",
        )
        assert identity.startswith("AGE-SECRET-KEY-1")
        assert str(pyrage.x25519.Identity.from_str(identity).to_public()) == recipient

        sealed = pyrage.encrypt(told.encode(), [pyrage.x25519.Recipient.from_str(recipient)])
        opened = in_page(
            page,
            f"""{BYTES}; const decrypter = new age.Decrypter();
            decrypter.addIdentity({identity!r}); return decrypter.decrypt(bytes, "text")""",
            base64.b64encode(sealed).decode(),
        )
        assert opened == told

        worker = pyrage.x25519.Identity.generate()
        returned = in_page(
            page,
            f"""const encrypter = new age.Encrypter(); encrypter.addRecipient("{worker.to_public()}");
            return btoa(String.fromCharCode(...await encrypter.encrypt(argument)))""",
            told,
        )
        assert pyrage.decrypt(base64.b64decode(returned), [worker]).decode() == told
