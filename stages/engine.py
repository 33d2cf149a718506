"""Where the jobs of data-parallel stages run: processes here, or a Dask or Ray cluster that shares the file system.

`engine:` of params.yaml says so. No stage tracks it: a job writes the same bytes wherever it runs.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any, Literal

from stages.params import Params, UserError, check_params, read_params

ReturnAs = Literal["generator", "generator_unordered"]
Job = tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]  # what joblib.delayed makes


class Engine(Params):
    """`address` of a cluster that runs (`tcp://host:8786`, `ray://host:10001`); null: one that lives for the stage."""

    kind: Literal["local", "dask", "ray"] = "local"
    address: str | None = None


def read_engine(path: Path = Path("params.yaml")) -> Engine:
    """The section `engine:`; without one, local."""
    return check_params(Engine, (read_params(path) if path.is_file() else {}).get("engine") or {}, "engine", path)


def spread(
    jobs: Iterable[Job],
    workers: int,
    return_as: ReturnAs = "generator_unordered",
    path: Path = Path("params.yaml"),
) -> Iterator[Any]:
    """The results of `jobs` (of `joblib.delayed`) from `workers` processes, or from the cluster that `path` names.

    UserError when the cluster's library is not installed, or the cluster doesn't answer.
    """
    from joblib import Parallel

    engine = read_engine(path)
    if engine.kind == "local":
        yield from Parallel(n_jobs=workers, return_as=return_as)(jobs)
        return
    here = os.getcwd()
    with ExitStack() as stack:
        stack.enter_context(_dask(engine, workers) if engine.kind == "dask" else _ray(engine, workers))
        n_jobs = -1 if engine.address else workers
        parallel = Parallel(n_jobs=n_jobs, return_as="list" if engine.kind == "ray" else return_as)
        yield from parallel((_in_folder, (here, *job), {}) for job in jobs)


def _in_folder(folder: str, function: Callable[..., Any], given: tuple[Any, ...], named: dict[str, Any]) -> Any:
    """Paths of a job are relative to the project, wherever a cluster's process was started."""
    if os.getcwd() != folder:
        os.chdir(folder)
    return function(*given, **named)


def _dask(engine: Engine, workers: int) -> AbstractContextManager[Any]:
    from joblib import parallel_config

    try:
        from distributed import Client
    except ImportError as error:
        raise _not_installed(engine) from error
    stack = ExitStack()
    try:
        own: dict[str, Any] = {"n_workers": workers, "threads_per_worker": 1, "dashboard_address": None}
        stack.enter_context(Client(engine.address, timeout=30) if engine.address else Client(**own))
    except (OSError, ValueError) as error:
        raise UserError(f"`engine.address` = {engine.address!r}: no Dask scheduler answers there ({error}).") from error
    stack.enter_context(parallel_config(backend="dask"))
    return stack


def _ray(engine: Engine, workers: int) -> AbstractContextManager[Any]:
    from joblib import parallel_config

    try:
        import ray
        from ray.util.joblib import register_ray
    except ImportError as error:
        raise _not_installed(engine) from error
    stack = ExitStack()
    try:
        stack.enter_context(ray.init(engine.address) if engine.address else ray.init(num_cpus=workers))
    except (OSError, ValueError) as error:
        raise UserError(f"`engine.address` = {engine.address!r}: no Ray cluster answers there ({error}).") from error
    register_ray()
    stack.enter_context(parallel_config(backend="ray"))
    return stack


def _not_installed(engine: Engine) -> UserError:
    return UserError(
        f"`engine.kind` = {engine.kind!r} needs a library that is not installed: "
        f"`pip install 'plumbline[{engine.kind}]'`, here and on the cluster, or `kind: local`."
    )
