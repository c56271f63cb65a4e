"""Runs every benchmark, each in a process of its own, one after another."""

from __future__ import annotations

import subprocess
import sys

_BENCHMARKS = ("import_orders", "preflight", "reading", "reruns")


def main() -> int:
    """Run all, or those named on the command line; returns 1 if one of them failed."""
    failed = []
    for name in sys.argv[1:] or _BENCHMARKS:
        print(f"\n== {name.replace('_', ' ')}", flush=True)
        if subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=False).returncode:
            failed.append(name)
    if failed:
        print(f"\nDid not finish: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
