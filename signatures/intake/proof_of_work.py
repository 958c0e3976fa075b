"""Proof of work: what a flood has to pay for each signature, and a person's browser does while they type.

The protocol is ALTCHA's: find the number whose SHA-256, with a salt of ours, is the challenge. Self-hosted, so no
third party sees a supporter; fetched by script from an address that no cache keeps, so pages stay the same for all.
Nobody is refused for want of it: without script, a signature is taken, marked, and held only as part of a cluster.
"""

from __future__ import annotations

import datetime
import hmac
from functools import cache
from typing import Annotated, Any, Final

import msgspec
from altcha import v1 as altcha
from django.conf import settings
from django.utils import timezone

from petitions.models import Campaign

#: Numbers to search at most, half of them on average: 0.3 s on a desktop, 2 s on an old phone, while one types.
MAX_NUMBER: Final = 60_000
#: How long a solution counts. A page may lie open for longer: its script asks again then.
LIFE: Final = datetime.timedelta(minutes=15)


class Payload(msgspec.Struct, frozen=True):
    """What a browser sends back, as base64 of JSON. Typed, because the library trusts what it decodes."""

    algorithm: Annotated[str, msgspec.Meta(pattern="^SHA-256$")]
    challenge: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
    number: Annotated[int, msgspec.Meta(ge=0, le=MAX_NUMBER)]
    salt: Annotated[str, msgspec.Meta(max_length=200)]
    signature: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]


_decoder = msgspec.json.Decoder(Payload)


@cache
def _key(secret: str) -> bytes:
    return hmac.digest(secret.encode(), b"proof of work", "sha256")


def challenge(campaign: Campaign) -> dict[str, Any]:
    """A fresh challenge for a signature of this campaign, as JSON for the browser."""
    made = altcha.create_challenge(
        altcha.ChallengeOptions(
            hmac_key=_key(settings.SECRET_KEY),
            max_number=MAX_NUMBER,
            expires=timezone.now() + LIFE,
            params={"c": campaign.slug},
        )
    )
    return made.to_dict()


def solved(campaign: Campaign, sent: str) -> str:
    """The challenge that was solved, "" where none was: ours, of this campaign, in time. Never raises.

    Whether it is the first time is asked of Redis (abuse_gate.py): a solution counts once.
    """
    if not sent or len(sent) > 1000:
        return ""
    try:
        payload = _decoder.decode(msgspec.json.decode(b'"' + sent.encode("ascii") + b'"', type=bytes))
    except (UnicodeEncodeError, msgspec.MsgspecError):
        return ""
    fields: Any = msgspec.structs.asdict(payload)
    ours, _ = altcha.verify_solution(fields, _key(settings.SECRET_KEY))
    params = altcha.extract_params(fields)
    return payload.challenge if ours and params.get("c") == [campaign.slug] and "expires" in params else ""
