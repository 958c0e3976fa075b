"""Whether a claim snapshot can be reproduced, and what has changed since it was taken."""

from __future__ import annotations

from dataclasses import dataclass

from petitions.models import ClaimSnapshot
from signatures.models import PublishedFigures, Register, Signature
from signatures.public_figures.figures import figures_beside
from signatures.public_figures.saved_figures import RULE_AT_RISK


@dataclass(frozen=True, slots=True)
class Verdict:
    """`problems` are what contradicts the snapshot; the rest is what happened since, which does not."""

    problems: list[str]
    #: Of the numbers given by then, how many no longer count, and how many were given since.
    taken_back: int
    added: int
    total_now: int


def verify_snapshot(claim: ClaimSnapshot) -> Verdict:
    """Make the snapshot's figures anew, from the register and from the edition it names."""
    register = Register.objects.get(campaign=claim.campaign)
    then = Signature.objects.filter(campaign=claim.campaign, number__lte=claim.last_number)
    numbered, counted = then.count(), then.filter(state=Signature.State.COUNTED).count()
    problems = []
    if numbered != claim.last_number:
        problems.append(f"the register contains {numbered} of the numbers 1 to {claim.last_number}")
    # What is taken back stays taken back, so fewer than were claimed is no contradiction; more would be one. What was
    # told of an edition is less than what counted when it was saved.
    least = 0 if claim.rule == RULE_AT_RISK else counted
    if not least <= claim.total <= claim.last_number:
        problems.append(f"{claim.total} were saved, but only {least} to {claim.last_number} are possible")
    edition = PublishedFigures.objects.filter(campaign=claim.campaign, edition=claim.edition or 0).first()
    return Verdict(
        [*problems, *_finer_problems(claim, edition)],
        taken_back=max(0, claim.total - counted),
        added=register.last_number - claim.last_number,
        total_now=register.counted,
    )


def _finer_problems(claim: ClaimSnapshot, edition: PublishedFigures | None) -> list[str]:
    if edition is None and claim.edition is not None:
        return [f"edition {claim.edition} does not exist"]
    figures = figures_beside(claim.total, edition)
    anew = {country.code: country.count for country in figures.countries}
    said = claim.countries
    wrong = [code for code in sorted({*anew, *said}) if anew.get(code) != said.get(code)]
    problems = [f"{code}: {said.get(code, 0)} saved, {anew.get(code, 0)} published" for code in wrong]
    if figures.other != claim.other:
        problems.append(f"others: {claim.other} saved, {figures.other} needed to make up the total")
    return problems
