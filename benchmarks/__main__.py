"""Runs every benchmark, each in a process of its own, one after another."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

_NOT_BENCHMARKS = {"__init__", "__main__"}


def main() -> int:
    """Run all, or those named on the command line; returns 1 if one of them failed."""
    here = Path(__file__).parent
    everything = sorted(path.stem for path in here.glob("*.py") if path.stem not in _NOT_BENCHMARKS)
    failed = []
    for name in sys.argv[1:] or [name for name in everything if _has_main(here / f"{name}.py")]:
        print(f"\n== {name.replace('_', ' ')}", flush=True)
        if subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=False).returncode:
            failed.append(name)
    if failed:
        print(f"\nDid not finish: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def _has_main(module: Path) -> bool:
    return '__name__ == "__main__"' in module.read_text()


if __name__ == "__main__":
    sys.exit(main())
