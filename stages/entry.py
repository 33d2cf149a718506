"""Runs a stage from the command line: arguments from its signature, parameters from params.yaml.

`python -m stages.curate --params curate.circled_letter --raw DIR --out DIR` calls
`run(params, raw=Path, out=Path)`. A stage knows neither DVC nor Prefect; dvc.yaml names the paths.

What `run` writes it writes beside its place, and it is put there when `run` has ended well: a stage that is killed
leaves its output as it was, or absent, never in part.
"""

import argparse
import ctypes
import inspect
import os
import signal
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, get_type_hints

from stages.params import UserError, load_params
from stages.whole import whole

# The arguments that name what a stage writes; all others it reads. A stage with an `out` reads metrics, if it has them.
OUTPUTS = ("out", "seal")
MEASURED = ("metrics", "predictions")
PR_SET_PDEATHSIG = 1  # prctl(2): the signal that this process gets when its parent dies


def main(run: Callable[..., None], arguments: list[str] | None = None) -> None:
    """Parse `arguments` (default: the command line) and call `run`; exit 1 on a UserError."""
    die_with_parent()
    hints = get_type_hints(run)
    paths = [name for name in inspect.signature(run).parameters if name != "params"]
    parser = argparse.ArgumentParser(description=inspect.getdoc(inspect.getmodule(run)))
    parser.add_argument("--params", required=True, help="dotted section of params.yaml")
    for name in paths:
        parser.add_argument(f"--{name.replace('_', '-')}", required=True, type=hints[name], dest=name)
    given = vars(parser.parse_args(arguments))
    section = given.pop("params")
    stop_on(lambda: _run_whole(run, load_params(hints["params"], section), given))


def _run_whole(run: Callable[..., None], params: Any, given: dict[str, Any]) -> None:
    with ExitStack() as stack:
        written = OUTPUTS if "out" in given else MEASURED
        unfinished = {name: stack.enter_context(whole(given[name])) for name in written if name in given}
        run(params, **given | unfinished)
    print(f"wrote {', '.join(str(given[name]) for name in unfinished)}")


def stop_on(run: Callable[..., Any], *positional: Any) -> Any:
    """Call `run`; a UserError or Ctrl+C ends the process with one line, not a traceback."""
    try:
        return run(*positional)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
    except KeyboardInterrupt:
        print("stopped by Ctrl+C; run the same command again to go on.", file=sys.stderr)
        raise SystemExit(130) from None
    raise SystemExit(1)


def die_with_parent() -> None:
    """Ask Linux to end this process when its parent (dvc, say) is killed; elsewhere do nothing.

    `kill -9` of dvc would otherwise leave the stage running beside the next repro.
    """
    if sys.platform != "linux":
        return
    parent = os.getppid()
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # the parent went in between
        os.kill(os.getpid(), signal.SIGTERM)


def require(path: Path, remedy: str) -> Path:
    """`path`, or a UserError that names it and says what to do."""
    if not path.exists():
        raise UserError(f"{path} is missing: {remedy}")
    return path
