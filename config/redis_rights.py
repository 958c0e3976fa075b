"""Who may do what in Redis: the whole rights of public, desk and worker, as rules of an access control list (ACL).

The counterpart of config/database/grants.py. The embedded Valkey has these users, `manage.py make_secrets` writes them
for a Redis of your own, and `check --deploy` tries that a process has no more. Needs Redis 7 or any Valkey.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

Tier = Literal["public", "desk", "worker"]
TIERS: Final[tuple[Tier, ...]] = ("public", "desk", "worker")

#: What every client says when it connects, and how it learns that it still is. Not client|setinfo, which redis-py can
#: do without and Redis 7.0 does not know: it would not start.
_CONNECT: Final = "+auth +hello +ping +select +client|setname +client|id +acl|whoami"
#: What Django's cache says (web/rate_limits.py, staff's login), and web/network_key.py.
_CACHE: Final = "+get +mget +set +del +exists +incr +incrby +expire +pttl +multi +exec +discard"
#: What workers and the desk read of the public tier's counters: signatures a minute (web/minute_counters.py).
MINUTES: Final = ("taken", "confirmed")
#: And whom a network's new rule would meet.
TRIALS: Final = "trial"
#: What kombu says when it takes notices, keeps those in work, and puts back those whose worker died.
_BROKER: Final = (
    "+brpop +rpop +lpush +rpush +llen +exists +del +get +set +expire +pexpire +sadd +srem +smembers +hset +hget +hdel "
    "+zadd +zrem +zrange +zrangebyscore +zrevrangebyscore +time +eval +evalsha +script|load +multi +exec +discard "
    "+watch +unwatch"
)


def queues(queue: str) -> tuple[str, str, str]:
    """The three queues, as Redis and Celery know them: what supporters wait for, mails, what takes long."""
    return queue, f"{queue}-mail", f"{queue}-slow"


def counters_prefix(prefix: str) -> str:
    """What the public tier's counters begin with."""
    return f"{prefix}:public"


def cache_prefix(prefix: str, role: str) -> str:
    """What a process's own cache begins with: what staff's login remembers is out of the public tier's reach."""
    return f"{prefix}:{role}"


def rights(tier: Tier, prefix: str, queue: str) -> Sequence[str]:
    """The words after a user's name and password. `prefix` is CACHE_PREFIX, `queue` is QUEUE.

    Public and the desk put notices into the queues and ask how long these are; what is in them they cannot read, take
    or change.
    """
    public, desk = counters_prefix(prefix), cache_prefix(prefix, "desk")
    all_queues = " ".join(f"~{name}" for name in queues(queue))
    notify, read_counters = (
        f"({all_queues} +lpush +llen)",
        f"({' '.join(f'%R~{public}:{kind}:*' for kind in (*MINUTES, TRIALS))} +mget)",
    )
    own = {
        "public": f"~{public}:* {_CACHE} +eval +evalsha {notify}",
        "desk": f"~{desk}:* {_CACHE} {read_counters} {notify}",
        # The other names are kombu's.
        "worker": f"{all_queues} ~unacked ~unacked_index ~unacked_mutex ~_kombu.binding.{queue}* "
        f"~_kombu.binding_permanent.{queue}* ~_kombu.binding_deadlines {_BROKER} {read_counters}",
    }[tier]
    return _words(f"resetkeys resetchannels -@all {_CONNECT} {own}")


def _words(rules: str) -> list[str]:
    """Split at blanks, but not within the brackets of a selector, which are one word."""
    words: list[str] = []
    for word in rules.split():
        if words and words[-1].startswith("(") and not words[-1].endswith(")"):
            words[-1] += f" {word}"
        else:
            words.append(word)
    return words
