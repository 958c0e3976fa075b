"""Supporters who go on signing and confirming over HTTP while a test breaks things."""

from __future__ import annotations

import threading
import uuid
from collections import Counter
from collections.abc import Callable
from typing import Self

from tests.support.stack import Answer, HTTPException, Stack, links_in

#: In everything these people type; nowhere else on the machine may it be found in clear.
MARK = "zwiebelfisch"
NAME = f"Ada {MARK}"
#: Seconds between two actions of one supporter: a steady stream, not a flood.
PACE = 0.02


def an_address() -> str:
    return f"{MARK}.{uuid.uuid4().hex}@example.org"


class Crowd:
    """Signs in some threads, and confirms in another what mails bring. What the site acknowledged is kept.

    Leaving the `with` block ends the signing; `confirm_the_rest()` then presses every button that is left.
    """

    def __init__(self, stack: Stack, slug: str, *, signers: int = 3, confirming: bool = False) -> None:
        self.stack, self.slug = stack, slug
        self.acknowledged: set[str] = set()
        self.confirmed: set[str] = set()
        self.refused: list[tuple[str, Answer]] = []
        self.unanswered: list[str] = []
        self._over = threading.Event()
        jobs = [self._sign] * signers + [self._confirm] * confirming
        self._threads = [threading.Thread(target=self._until_over, args=(job,), daemon=True) for job in jobs]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(60)

    def _until_over(self, job: Callable[[], None]) -> None:
        while not self._over.wait(PACE):
            job()

    def _sign(self) -> None:
        address = an_address()
        try:
            answer = self.stack.sign(self.slug, address, name=NAME, place=f"{MARK} Bay")
        except (OSError, HTTPException):
            self.unanswered.append(address)
            return
        if answer.status == 303:
            self.acknowledged.add(address)
        else:
            self.refused.append((address, answer))

    def _confirm(self) -> None:
        mails = self.stack.mails()
        for address in (self.acknowledged - self.confirmed) & mails.keys():
            try:
                answer = self.stack.request("POST", links_in(mails[address][0])["confirm"], {})
            except (OSError, HTTPException):
                continue
            if answer.status == 303:
                self.confirmed.add(address)
            if self._over.is_set():
                return

    def confirm_the_rest(self) -> bool:
        """Press what is left; says whether everybody whom the site acknowledged has confirmed."""
        self._over.clear()
        self._confirm()
        return self.acknowledged <= self.confirmed


def mails_per_address(stack: Stack) -> Counter[str]:
    """How many mails went to each address."""
    return Counter({address: len(mails) for address, mails in stack.mails().items()})
