"""Makes the demo: content, keys, people who work here, and as many synthetic signers as asked for."""

from __future__ import annotations

import datetime
import secrets
import shlex
from argparse import ArgumentParser
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pyrage
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.conf import settings
from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from tqdm import tqdm

from config.local.demo_only import refuse_elsewhere
from petitions.demo.content import LOCAL_PETITION, PETITION, hang_pictures, load
from petitions.models import Campaign
from signatures.demo.doubtful import doubtful_signers
from signatures.demo.filling import fill
from signatures.demo.people import Signer, how_many, synthetic_signers, town
from signatures.models import Signature, Source
from signatures.register.keyring import provision_campaigns
from signatures.register.own_keys import WrongKeyring, init_keyring
from signatures.register.publishing import publish_figures
from signatures.register.recipients import pin_by_hand
from staff.access import RULES
from staff.models import Membership, Role
from web.models import Section

#: Signers of the small local petition: enough for a named packet to look at.
LOCAL_SIGNERS = 310
STAFF = (
    ("campaigner", Role.CAMPAIGNER),
    ("moderator", Role.MODERATOR),
    ("officer-1", Role.DELIVERY_OFFICER),
    ("officer-2", Role.DELIVERY_OFFICER),
    ("privacy", Role.PRIVACY_OFFICER),
    ("administrator", Role.ADMINISTRATOR),
)


class Command(BaseCommand):
    #: Makes logins and content, as the owner does, and keys, as a worker does.
    role = "owner"
    needs_keys = True
    help = "Create the demo's petitions, users and synthetic signers. Safe to run again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--signatures", type=int, default=0, help="number of synthetic signatures to count for the petition"
        )

    def handle(self, *args: Any, signatures: int, **options: Any) -> None:
        if signatures < 0:
            raise CommandError("--signatures cannot be negative.")
        refuse_elsewhere()
        try:
            init_keyring()
        except WrongKeyring as error:
            raise CommandError(str(error)) from None
        load()
        hang_pictures()
        provision_campaigns()
        drafts = Campaign.objects.filter(slug__in=[PETITION, LOCAL_PETITION], state=Campaign.State.DRAFT)
        drafts.update(state=Campaign.State.OPEN)
        self._fill(PETITION, signatures, lambda campaign: synthetic_signers(signatures))
        self._fill(LOCAL_PETITION, LOCAL_SIGNERS, _townspeople)
        _hold_some()
        self._print_staff()

    def _fill(self, slug: str, wanted: int, signers: Callable[[Campaign], Iterable[Signer]]) -> None:
        """Up to the wanted number; one that was interrupted goes on, for who is there counts once."""
        campaign = Campaign.objects.select_related("key").filter(slug=slug).first()
        if campaign is None:  # somebody gave it another address
            return
        there = Signature.objects.filter(campaign=campaign, source=Source.DEMO).exclude(number=None).count()
        if there >= wanted:
            return
        people = signers(campaign)
        with tqdm(total=how_many(wanted), desc=campaign.slug, unit=" signatures", disable=None) as progress:
            for admitted in fill(campaign, people):
                progress.update(admitted)
        publish_figures(campaign)

    def _print_staff(self) -> None:
        self.stdout.write("\nLogins, created anew at each start, each with an authenticator app:")
        for username, role in STAFF:
            password, key = secrets.token_urlsafe(12), generate_totp_secret()
            user, _ = User.objects.get_or_create(username=username)
            user.email = f"{username}@desk.example"  # told before keys are destroyed; the inbox shows it
            user.set_password(password)
            user.save(update_fields=["password", "email"])
            Authenticator.objects.filter(user=user).delete()
            TOTP.activate(user, key)
            _give(user, role)
            self.stdout.write(f"  {username:<14} {password}   ({role.label})")
            self.stdout.write(f"{'':<17}otpauth://totp/{username}?secret={key}&issuer=Undersigned")
        self.stdout.write("  Six-digit code without an app: .venv/bin/python manage.py demo_code campaigner")
        for username, role in STAFF:
            if role in RULES["recipient.register"]:
                self.stdout.write(
                    f"  age identity of {username}, opens whatever is encrypted to them: {_identity_of(username)}"
                )
        self.stdout.write(f"    {_secret_in(_identity_of('officer-1'))}")
        identity = shlex.quote(str(_identity_of("officer-2")))
        self.stdout.write("  Open a packet with names in the admin (its delivery's page links there), or with age:")
        self.stdout.write(f"    age --decrypt -i {identity} -o packet.zip PACKET.zip.age   # apt install age")
        self.stdout.write("  Verify it, opened or not, with the fingerprint that /signing-key/ of the site shows:")
        verify = "    .venv/bin/python manage.py verify_delivery PACKET.zip.age --key FINGERPRINT"
        self.stdout.write(f"{verify} --identity {identity}")


def _hold_some() -> None:
    """Signatures of the small petition that wait for a moderator, once."""
    campaign = Campaign.objects.select_related("key").filter(slug=LOCAL_PETITION).first()
    if campaign is None or not campaign.is_open():
        return
    signers = list(doubtful_signers(timezone.now()))
    there = Signature.objects.filter(campaign=campaign, source=Source.DEMO).count()
    if there < LOCAL_SIGNERS + len(signers):
        sum(fill(campaign, signers))


def _townspeople(campaign: Campaign) -> Iterable[Signer]:
    yesterday = timezone.now() - datetime.timedelta(days=1)
    crowd = town(campaign.opens_at or yesterday - datetime.timedelta(days=90), yesterday)
    return synthetic_signers(LOCAL_SIGNERS, seed=7, crowd=crowd)


def _give(user: User, role: Role) -> None:
    """That role in every section: in each one by one, where it cannot be held in all at once."""
    for section in [None] if role in Membership.EVERYWHERE else Section.objects.all():
        Membership.objects.get_or_create(user=user, section=section, role=role)


def _identity_of(username: str) -> Path:
    """The officer's age identity file, made and pinned at the first start. In life, officers make their own."""
    path = settings.VAR_DIR / "identities" / f"{username}.txt"
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        identity = pyrage.x25519.Identity.generate()
        path.touch(mode=0o600)
        path.write_text(f"# public key: {identity.to_public()}\n{identity}\n")
        pin_by_hand(User.objects.get(username=username), str(identity.to_public()))
    return path


def _secret_in(path: Path) -> str:
    return path.read_text().splitlines()[1]
