"""What divergence costs: Coppice and its peers, in turn, in one run.

    python3 Benchmarks/divergence [--scale tiny|small|large] [--seed N] [--output DIRECTORY]
      [PART...]

Needs root, for mounts and loop devices. Writes divergence.json, with every sample, divergence.md
and charts. `tiny` shows in a few minutes whether everything works; its numbers mean little.
"""

import argparse
import os
import sys
import traceback

import branches_part
import charts
import diverged_part
import query_part
import reading_part
import stored_part
import table
import transfer_part
from context import SCALES, Context
from results import Results
from workspace import Workspace

PARTS = {
    "stored": stored_part,
    "create": branches_part,
    "query": query_part,
    "read": reading_part,
    "diverged": diverged_part,
    "transfer": transfer_part,
}


NAMESPACE = "COPPICE_BENCH_NAMESPACE"


def main():
    """Measures what was asked for, and writes the results, also when a part fails."""
    options = _options()
    if NAMESPACE not in os.environ:
        # Mounts of one's own: nobody else's processes hold them, and they end with the last of
        # ours whatever happens.
        os.environ[NAMESPACE] = "1"
        os.execvp("unshare", ["unshare", "--mount", sys.executable, "-B", *sys.argv])
    results = Results(options)
    os.makedirs(options.output, exist_ok=True)
    failed = []
    with Workspace() as workspace:
        context = Context(workspace, results, options)
        for name in options.parts or PARTS:
            try:
                with workspace.part():
                    PARTS[name].measure(context)
            # Whatever it is: hours of others must not be lost with it.
            except Exception as error:
                traceback.print_exc()
                failed.append(name)
                results.miss(name, "the rest of it", f"failed: {error}")
            results.write(os.path.join(options.output, "divergence.json"))
    text = table.markdown(results.document)
    with open(os.path.join(options.output, "divergence.md"), "w", encoding="utf-8") as file:
        file.write(text)
    charts.draw(results.document, options.output)
    print(text)
    if failed:
        sys.exit(f"divergence: failed: {' '.join(failed)}")


def _options():
    parser = argparse.ArgumentParser(
        prog="Benchmarks/divergence", description="Measures what divergence costs.")
    parser.add_argument("--scale", choices=list(SCALES), default="small")
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--output", default=".build/bench")
    parser.add_argument("--program", default=".build/release/coppice")
    parser.add_argument("parts", nargs="*", metavar="PART", help=" ".join(PARTS))
    options = parser.parse_args()
    unknown = set(options.parts) - set(PARTS)
    if unknown:
        parser.error(f"no part is called {' or '.join(sorted(unknown))}")
    if os.getuid() != 0:
        sys.exit("divergence: mounts and loop devices need root")
    options.program = os.path.realpath(options.program)
    if not os.access(options.program, os.X_OK):
        sys.exit(f"divergence: no {options.program}; swift build -c release --product coppice")
    options.command = f"make bench SCALE={options.scale} BENCH_SEED={options.seed}"
    if options.parts:
        options.command += f" PARTS='{' '.join(options.parts)}'"
    return options


main()
