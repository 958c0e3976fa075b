"""`make bench`: every figure of docs/benchmarks.md beside its yardstick, in one run.

    python -m tests.benchmarks                      all, with 191,000 signatures: about five minutes
    python -m tests.benchmarks --quick              all, small: under a minute, for a look
    python -m tests.benchmarks signing page         these only
    python -m tests.benchmarks large                a packet of 2,000,000 signers; only when asked for
    python -m tests.benchmarks steady               ten minutes of signing while Redis fails; only when asked for
    python -m tests.benchmarks matching             likely duplicates beside Splink; only when asked for
    python -m tests.benchmarks tricks               what each trick of the signing path is worth; only when asked for

Everything runs on this machine, over loopback and Unix sockets, in a folder of its own that is removed at
the end. Nothing is switched off: PostgreSQL flushes every commit to the disk.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from argparse import ArgumentParser
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"

from config.local.supervisor import until_asked
from tests.benchmarks.rows import BENCHMARKS, FULL, LONG, QUICK, WITHOUT_SITE, Plan
from tests.benchmarks.site import Site
from tests.benchmarks.table import Row, markdown


def main() -> None:
    """Read the command line, run, print."""
    parser = ArgumentParser(prog="python -m tests.benchmarks", description="Our figures beside their yardsticks.")
    parser.add_argument("names", nargs="*", metavar="name", help=f"which: {', '.join(BENCHMARKS)} (default: all)")
    parser.add_argument("--quick", action="store_true", help="small and short, under a minute")
    parser.add_argument("--signatures", type=int, help="signatures in the register (default: 191,000)")
    options = parser.parse_args()
    if unknown := set(options.names) - BENCHMARKS.keys():
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}")
    if options.signatures is not None and options.signatures < 1:
        parser.error("--signatures has to be at least 1")
    plan = QUICK if options.quick else FULL
    if options.signatures:
        plan = replace(plan, signatures=options.signatures)
    with until_asked():
        others = os.getloadavg()[0]
        rows = run(options.names or [name for name in BENCHMARKS if name not in LONG], plan)
        print(f"\n{machine(others)}\n\n{markdown(rows)}")


def run(names: list[str], plan: Plan) -> list[Row]:
    """Run these benchmarks on a site of their own, where one of them needs it."""
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="undersigned-bench-") as home, ExitStack() as stack:
        site = stack.enter_context(Site(Path(home))) if set(names) - WITHOUT_SITE else None
        for name in BENCHMARKS:
            if name in names:
                started = time.monotonic()
                measured = list(BENCHMARKS[name](site, plan))
                rows += measured
                # Already now: whoever stops the rest keeps what there is.
                print(
                    f"{name}: {time.monotonic() - started:.0f} s\n{markdown(measured)}\n", file=sys.stderr, flush=True
                )
    return rows


def machine(others: float) -> str:
    """One line on what it ran on, and how busy that was already: `others` is the load average before."""
    model = "unknown"
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        model = next((line.partition(": ")[2] for line in cpuinfo.read_text().splitlines() if "model name" in line), "")
    return (
        f"Measured on {os.cpu_count()} cores ({model.strip()}), Python {sys.version.split()[0]}, "
        f"all on one machine; load average before: {others:.1f}."
    )


if __name__ == "__main__":
    main()
