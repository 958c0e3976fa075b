"""The workers' own key to a campaign's packets: with it a packet whose keys were lost is encrypted anew.

It is derived from the campaign's register key, and so is destroyed with it (shredding) and never stored.
"""

from __future__ import annotations

import hmac
from typing import Final

import pyrage

from signatures import bech32
from signatures.register.keyring import CampaignKeys

_PREFIX: Final = "age-secret-key-"


def packet_identity(keys: CampaignKeys) -> pyrage.x25519.Identity:
    """What opens every packet with persons of the campaign that was built since there is such a key."""
    # As text, for pyrage takes no bytes.
    secret = hmac.digest(keys.register_key, b"undersigned/packets/1", "sha256")
    return pyrage.x25519.Identity.from_str(bech32.encode(_PREFIX, secret).upper())
