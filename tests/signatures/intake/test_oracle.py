"""No oracle: whether somebody has signed cannot be asked. Same response, same statements, whatever is known already."""

import re

import pytest
from django.conf import settings as django_settings
from django.db import connection
from django.test.utils import CaptureQueriesContext

from signatures.models import Signature
from signatures.register import admission
from tests.signatures.views.test_signing import TYPED, sign_url
from tests.support.fixtures import acting_as

#: What the two requests of a pair differ in: a mailbox of which nothing is known, and one of which something is.
KNOWN = ("counted", "pending", "quarantined", "withheld")
#: What a process reads again every few seconds, whoever asks.
REMEMBERED = ("signatures_networkrule", "web_maintenance", 'FROM "petitions_campaign"')


@pytest.fixture
def known(campaign, sign):
    """Mailboxes by what is known of them."""
    mailboxes = {kind: f"{kind}@example.org" for kind in KNOWN}
    sign(campaign, email=mailboxes["counted"])
    sign(campaign, email=mailboxes["quarantined"], signals={"network": "one", "trap": True})
    with acting_as(django_settings.WORKER_ROLE):
        admission.admit_all(campaign)
    sign(campaign, email=mailboxes["pending"], confirmed=False)
    for _ in range(4):
        sign(campaign, email=mailboxes["withheld"], confirmed=False)
    assert set(campaign.signatures.values_list("state", flat=True)) == {
        Signature.State.COUNTED, Signature.State.QUARANTINED,
    }  # fmt: skip
    return mailboxes


def answer(client, campaign, email, **typed):
    """What comes back, and what the database was asked, without the values."""
    with CaptureQueriesContext(
        connection,
    ) as asked:
        response = client.post(sign_url(campaign), TYPED | {"email": email} | typed)
    said = [re.sub(r"'[^']*'", "?", query["sql"]) for query in asked]
    statements = [sql for sql in said if not any(table in sql for table in REMEMBERED)]
    return response.status_code, sorted(response.items()), response.content, statements


@pytest.mark.parametrize("kind", KNOWN)
@pytest.mark.parametrize("typed", [{}, {"name": ""}, {"country": "XX"}], ids=["good", "no name", "no country"])
def test_paired_requests_get_the_same_answer_for_the_same_work(client, campaign, known, kind, typed):
    answer(client, campaign, "warm@example.org")  # the session key is made by the first
    for n in range(3 if typed else 10):  # a page that is drawn again takes longer than all the rest
        new = answer(client, campaign, f"new-{n}-{'x' * (len(kind) - 4)}@example.org", **typed)
        old = answer(client, campaign, known[kind], **typed)
        page = [each[2].replace(known[kind].encode(), b"?").replace(f"new-{n}-".encode(), b"?") for each in (new, old)]
        assert new[0] == old[0] == (422 if typed else 303)
        assert [name for name, _ in new[1]] == [name for name, _ in old[1]]
        assert new[3] == old[3]
        if not typed:
            assert page[0] == page[1] == b""
            assert new[1] == old[1]


def test_the_thanks_page_is_one_page(client, campaign, known):
    bodies = {
        client.get(client.post(sign_url(campaign), TYPED | {"email": e})["Location"]).content for e in known.values()
    }
    assert len(bodies) == 1
