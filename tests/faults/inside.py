"""What a test does inside the site's own processes, through `manage.py shell`: where the product's code runs."""

from __future__ import annotations

import datetime
import json
import os
import random
import secrets
import signal
from pathlib import Path
from typing import Any

from tests.faults.crowd import MARK, NAME, an_address
from tests.support.stack import Stack


def run(stack: Stack, function: str, *arguments: Any) -> Any:
    """Call one of the functions below in a process of the site; returns what it returned."""
    call = f"import json; from tests.faults import inside; print(json.dumps(inside.{function}(*{arguments!r})))"
    return json.loads(stack.manage("shell", "--no-imports", "-c", call).splitlines()[-1])


def flood(slug: str, people: int, doubled: int = 0) -> None:
    """Put that many confirmed submissions into the database, sealed as intake seals them.

    Each of the first `doubled` people signs once more, later and with another spelling of the address.
    """
    from django.db import connection
    from django.utils import timezone

    from petitions.models import Campaign
    from signatures.demo.filling import COPY_SUBMISSIONS
    from signatures.identity import new_token
    from signatures.intake.submissions import seal
    from signatures.models import Source
    from signatures.sealing import Person

    campaign = Campaign.objects.select_related("key").get(slug=slug)
    addresses = [an_address() for _ in range(people)]
    addresses += [address.upper() for address in addresses[:doubled]]
    begin = timezone.now() - datetime.timedelta(minutes=10)
    rows = []
    for position, address in enumerate(addresses):
        # No two places alike: a packet that compresses to nothing is written in one moment.
        place = f"{MARK} {secrets.token_hex(40)}"
        person = Person(name=NAME, email=address, country="GB", place=place, share_name="named-1")
        sealed = seal(campaign, person, new_token())
        moment = begin + datetime.timedelta(milliseconds=position)
        rows.append((sealed.token_hash, campaign.pk, sealed.key_id, sealed.box, Source.WEB.value, moment, None))
    with connection.cursor() as cursor, cursor.copy(COPY_SUBMISSIONS) as copy:
        for row in rows:
            copy.write_row(row)


def approved_delivery(slug: str, profile: str, *, anew: bool = False) -> int:
    """A delivery of what is new, or of all, requested by one officer and approved by the other; its key."""
    from django.contrib.auth.models import User

    from petitions.models import Campaign
    from signatures.desk.deliveries import approve_delivery, request_delivery

    campaign = Campaign.objects.select_related("addressee").get(slug=slug)
    one, two = (User.objects.get(username=f"officer-{number}") for number in (1, 2))
    delivery = request_delivery(campaign, campaign.addressee, profile, one, anew=anew)
    approve_delivery(delivery, two)
    return delivery.pk


def shredding_request(slug: str) -> int:
    """That the campaign be shredded, as two officers agreed on it; its key. Nobody has proven anything yet."""
    from django.contrib.auth.models import User

    from petitions.models import Campaign
    from staff import approvals
    from staff.models import Proposal

    campaign = Campaign.objects.get(slug=slug)
    one, two = (User.objects.get(username=f"officer-{number}") for number in (1, 2))
    kind, subject = Proposal.Kind.SHREDDING, {"campaign": campaign.pk}
    proposal = approvals.propose(kind, one, campaign.section, subject, "It is over.")
    approvals.approve(proposal, two)
    return proposal.pk


#: Where a worker that builds a packet is killed: each is a function of signatures/delivery, before or after its call.
STEPS = (
    ("build", "plan_parts"), ("parts", "_signers"), ("parts", "_spool"), ("parts", "_saved"), ("build", "build_part"),
    ("typesetting", "_set"), ("build", "seal"), ("archive", "write_packet"), ("archive", "_add_letters"),
    ("archive", "_reach_the_disk"), ("archive", "change"), ("archive", "forget_spool"),
)  # fmt: skip


def kill_builds(slug: str, seeds: list[int]) -> list[dict[str, Any]]:
    """For each seed a packet whose builders are killed with SIGKILL at steps that the seed draws; the last one lives.

    Some signers take their signature back in between. Returns what became of each.
    """
    return [_packet_of_the_dead(slug, random.Random(seed)) for seed in seeds]


def _packet_of_the_dead(slug: str, rng: random.Random) -> dict[str, Any]:
    from signatures.delivery import parts
    from signatures.models import Delivery

    parts.PART_ROWS, parts.VOLUME_NUMBERS = 250, 200
    delivery = approved_delivery(slug, "named", anew=True)
    deaths = []
    for _ in range(rng.randint(1, 3)):
        step = (*rng.choice(STEPS), rng.randint(1, 3), rng.random() < 0.5)
        if not _dies(delivery, step):
            break
        deaths.append(f"{step[1]} {step[2]} {'after' if step[3] else 'before'}")
        # Who leaves once the packet is ready is the next one's amendment.
        if rng.random() < 0.5 and Delivery.objects.get(pk=delivery).state == Delivery.State.APPROVED:
            _withdraw_somebody(slug, rng)
    if Delivery.objects.get(pk=delivery).state == Delivery.State.APPROVED:
        assert not _dies(delivery, None)
    return {"deaths": deaths} | _verdict(delivery)


def _dies(delivery: int, step: tuple[str, str, int, bool] | None) -> bool:
    """Build it in a child that is killed at that step, if at any; says whether it came so far."""
    from django.db import connections

    connections.close_all()  # a child must not write into its parent's connection
    pid = os.fork()
    if pid == 0:
        try:
            _build_and_die(delivery, step)
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL


def _build_and_die(delivery: int, step: tuple[str, str, int, bool] | None) -> None:
    from signatures.delivery import archive, build, parts, typesetting

    if step is None:
        build.build_delivery(delivery)
        return
    module, name, nth, after = step
    place = {"archive": archive, "build": build, "parts": parts, "typesetting": typesetting}[module]
    function, calls = getattr(place, name), []

    def deadly(*args: Any, **kwargs: Any) -> Any:
        calls.append(name)
        if len(calls) == nth and not after:
            os.kill(os.getpid(), signal.SIGKILL)
        answer = function(*args, **kwargs)
        if len(calls) == nth:
            os.kill(os.getpid(), signal.SIGKILL)
        return answer

    setattr(place, name, deadly)
    build.build_delivery(delivery)


def _withdraw_somebody(slug: str, rng: random.Random) -> None:
    from signatures.models import Signature, Withdrawal
    from signatures.register.withdrawal import apply_withdrawals

    counted = Signature.objects.filter(campaign__slug=slug, state="counted").order_by("pk")
    Withdrawal.objects.create(token_hash=bytes(counted[rng.randrange(counted.count())].withdrawal_hash))
    apply_withdrawals()


def _verdict(delivery: int) -> dict[str, Any]:
    """What the verifier and the register say of the packet."""
    from django.conf import settings
    from django.core.files.storage import storages

    from signatures.delivery.verification import verify
    from signatures.models import Delivery, Signature

    found = Delivery.objects.get(pk=delivery)
    if not found.archive:
        return {"state": found.state, "problem": found.problem}
    secret = (settings.VAR_DIR / "identities" / "officer-1.txt").read_text().splitlines()[1]
    manifest, problems = verify(Path(storages["packets"].path(found.archive)), [secret])
    counted = Signature.objects.filter(campaign=found.campaign, state="counted", number__lte=found.last_number)
    later = {*range(found.first_number, found.last_number + 1)} - {*counted.values_list("number", flat=True)}
    return {
        "state": found.state,
        "problems": problems,
        "told_of_the_gone": len(later - set(manifest.gap_numbers)),
        "sum": manifest.totals.signatures + manifest.totals.gaps - found.last_number,
        "unfinished_parts": found.parts.filter(digest__isnull=True).count(),
    }


def counted_campaign(slug: str) -> None:
    """A petition with figures of every kind: forty countries, ninety days, two updates; nobody of them in person."""
    from django.db import transaction
    from django.utils import timezone

    from petitions.models import Campaign, Update
    from signatures.models import Register
    from signatures.public_figures.world import world
    from signatures.register import keyring, ledger
    from signatures.register.publishing import publish_figures
    from signatures.register.tally import Arrival, count_in

    if Campaign.objects.filter(slug=slug).exists():
        return  # what belongs to a module is made again where another one's tests came in between
    model = Campaign.objects.order_by("pk")[0]
    values = {name: getattr(model, name) for name in ("addressee", "section", "lead", "pledge", "responsible")}
    campaign = Campaign.objects.create(slug=slug, title="The numbers of every kind", goal=50_000, **values)
    keyring.provision_campaigns()
    campaign.state = Campaign.State.OPEN
    campaign.save()
    today = timezone.now().date()
    for ago, title in ((60, "They were told"), (20, "They were told again")):
        at = timezone.now() - datetime.timedelta(days=ago)
        Update.objects.create(campaign=campaign, slug=f"u{ago}", title=title, lead="It was said.", published_at=at)
    codes = [*sorted(world().shapes)[:39], "MT"]
    arrivals = [
        Arrival(code, today - datetime.timedelta(days=(n + place) % 90), "web", ("mail", "direct")[n % 2], "en", "5m")
        for place, code in enumerate(codes)
        for n in range(12_000 // (place + 1) ** 2)
    ]
    with transaction.atomic():
        register = Register.objects.select_for_update().get(campaign=campaign)
        Register.objects.filter(pk=register.pk).update(last_number=len(arrivals))
        count_in(register, arrivals)
        ledger.note(campaign.pk, received=len(arrivals) + 60, taken=len(arrivals), admitted=len(arrivals), expired=20)
    publish_figures(campaign)
