"""Decodes pictures from outside in processes of their own, which may break without breaking the stage.

A worker has a limit of memory and of time a picture, none of the stage's secrets in its environment,
and dies with the stage. It answers its pictures one by one over a pipe of its own: so it is known which
one broke it, and what it leaves half-written is in nobody's way.
"""

import errno
import os
import pickle
import resource
import signal
import subprocess
import sys
import traceback
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, Pipe, wait
from pathlib import Path
from typing import Any, TypeVar

from pydantic import Field

from stages.entry import die_with_parent
from stages.params import Params, UserError
from stages.shards import ShardReader

BATCH = 16  # pictures that wait in a worker; when it breaks, they go to another one
JOBS_A_WORKER = 64  # below this, starting another process takes longer than decoding
TRIES = 2  # in a new worker each: whoever kills a process, the kernel for want of memory, say, may hit the wrong one
WALL = 60  # limits of processor time that may pass in all: for what waits, not for what a busy machine makes wait
TO_END = 5  # seconds that a worker which closed its pipe has for the rest of its end
ENVIRONMENT = ("PATH", "LD_LIBRARY_PATH", "LANG", "TMPDIR")  # all that a worker gets of the stage's
SETTINGS = {
    "OMP_NUM_THREADS": "1",  # there is a worker a core
    "OPENBLAS_NUM_THREADS": "1",
    "MALLOC_MMAP_THRESHOLD_": str(4 << 20),  # glibc: what a large picture took goes back when it is done
    "MALLOC_TRIM_THRESHOLD_": str(32 << 20),
}
START = "import sys; from stages.curate.sandbox import serve; serve(int(sys.argv[1]))"
READY, ANSWER, USERS_MISTAKE, OUR_MISTAKE = range(4)  # what a worker can have to say


class Limits(Params):
    """What one picture may cost before it is put aside."""

    most_pixels: int = Field(25_000_000, ge=1)  # by its header
    most_bytes: int = Field(20_000_000, ge=1)  # of its file
    seconds: float = Field(10, gt=0)  # of processor time: a busy machine must not change what is kept
    memory: int = Field(420_000_000, ge=1_000_000)  # bytes, on top of what a worker needs for itself


@dataclass(frozen=True)
class Job:
    """One picture to decode: `id` comes back with the answer, the rest says where its bytes lie."""

    id: str
    folder: Path
    shard: str
    member: str
    sha256: str


@dataclass(frozen=True)
class Quarantine:
    """Why a picture is not used."""

    reason: str
    detail: str = ""


A = TypeVar("A")
Work = Callable[[bytes], A | Quarantine]  # a file's bytes -> the answer about it; runs in a worker


def answers(work: Work[A], jobs: Sequence[Job], limits: Limits, doing: str) -> Iterator[tuple[str, A | Quarantine]]:
    """(id, what `work` says of the bytes) of every job, in any order, each exactly once.

    `work` goes to other processes, and so has to be a module's function, or a `partial` of one. A job that
    breaks its worker is answered with a Quarantine. UserError when a job's bytes are missing or not those
    of its sha256; RuntimeError with the traceback when `work` raises. Workers end with the iterator.
    """
    from tqdm import tqdm

    crew = _Crew(work, jobs, limits)
    try:
        with tqdm(total=len(jobs), desc=doing, unit="picture") as progress:
            for job, answer in crew.answers():
                progress.update()
                yield job.id, answer
    finally:
        crew.kill()


class _Crew:
    """The workers, the jobs that wait for one, and how many workers each job has broken."""

    def __init__(self, work: Work[Any], jobs: Sequence[Job], limits: Limits) -> None:
        from joblib import cpu_count

        self.work, self.limits = work, limits
        self.waiting = deque(sorted(jobs, key=lambda job: (job.folder, job.shard, job.member)))
        self.broken: Counter[str] = Counter()
        self.workers: list[_Worker] = []
        self.size = min(cpu_count(), -(-len(jobs) // JOBS_A_WORKER))

    def answers(self) -> Iterator[tuple[Job, Any]]:
        self.workers += [_Worker(self.work, self.limits) for _ in range(self.size)]
        while self.waiting or any(worker.jobs for worker in self.workers):
            for worker in self.workers:
                worker.give(self.waiting, at_most=-(-len(self.waiting) // self.size))
            ready = wait([worker.connection for worker in self.workers if worker.jobs])
            for place, worker in enumerate(self.workers):
                if worker.connection not in ready:
                    continue
                try:
                    kind, answer = worker.connection.recv()
                except (EOFError, OSError):
                    self.workers[place] = _Worker(self.work, self.limits)
                    yield from self._bury(worker, heir=self.workers[place])
                    continue
                if kind == READY:
                    worker.started = True
                elif kind == ANSWER:
                    yield worker.jobs.popleft(), answer
                else:
                    raise UserError(answer) if kind == USERS_MISTAKE else RuntimeError(answer)

    def _bury(self, worker: "_Worker", heir: "_Worker") -> Iterator[tuple[Job, Quarantine]]:
        """Say what becomes of the job that a dead worker was at: an answer, or another try as the heir's first."""
        status = worker.status()
        if not worker.started:
            raise RuntimeError(f"a process that decodes pictures could not start (exit status {status})")
        guilty = worker.jobs.popleft()
        self.waiting.extendleft(reversed(worker.jobs))
        self.broken[guilty.id] += 1
        if _is_final(status) or self.broken[guilty.id] == TRIES:
            yield guilty, _verdict(status, self.limits)
        else:
            heir.give(deque([guilty]), at_most=1)

    def kill(self) -> None:
        for worker in self.workers:
            worker.kill()


class _Worker:
    """The stage's end of one process, and the jobs that it has not answered yet, the one it is at first."""

    def __init__(self, work: Work[Any], limits: Limits) -> None:
        self.jobs: deque[Job] = deque()
        self.started = False
        self.connection, theirs = Pipe()
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-c", START, str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                env=_environment(),
                pass_fds=[theirs.fileno()],
                process_group=0,  # Ctrl+C is for the stage, which then ends its workers
            )
        self.connection.send((work, limits, confine))

    def give(self, waiting: deque[Job], at_most: int) -> None:
        """Take the next batch of `waiting` if there is nothing left to do."""
        if self.jobs or not waiting:
            return
        self.jobs.extend(waiting.popleft() for _ in range(min(BATCH, at_most)))
        with suppress(OSError):  # it is dead, then: its end of the pipe will say so
            self.connection.send(list(self.jobs))

    def status(self) -> int:
        """How it ended, minus the signal's number if by one; what closed its pipe and lives on is killed."""
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(timeout=TO_END)
        self.kill()
        return self.process.returncode

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self.connection.close()


def _is_final(status: int) -> bool:
    """Whether a worker's end was its picture's fault for certain: it had all the time that it may have."""
    return -status in (signal.SIGPROF, signal.SIGALRM)


def _verdict(status: int, limits: Limits) -> Quarantine:
    """The reason of a picture whose worker ended with `status`."""
    if _is_final(status):
        return Quarantine("takes too long to decode", f"over {limits.seconds:g} s")
    if status == errno.ENOMEM:
        return Quarantine("needs too much memory", f"over {limits.memory} bytes")
    return Quarantine("breaks the decoder", signal.Signals(-status).name if status < 0 else f"exit status {status}")


def _environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in ENVIRONMENT if name in os.environ}
    return {**kept, **SETTINGS, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}


def serve(descriptor: int) -> None:
    """A worker: take what to do from the stage's pipe, then answer job after job until the stage is gone."""
    die_with_parent()
    for number in (signal.SIGPROF, signal.SIGALRM):
        signal.signal(number, signal.SIG_DFL)  # ends the process, whatever C code it is in
    readers: dict[Path, ShardReader] = {}
    with Connection(descriptor) as connection, suppress(EOFError, ConnectionError):
        work, limits, confine = connection.recv()  # imports the module of `work` with all that it needs
        confine(limits)
        connection.send((READY, None))
        while True:
            for job in connection.recv():
                connection.send_bytes(_answer(work, job, limits, readers))


def confine(limits: Limits) -> None:
    """Limit this process's memory to `limits.memory` bytes more than it has now.

    RLIMIT_DATA counts private memory that can be written to; RLIMIT_AS would count shared libraries too.
    """
    most = _private_bytes() + limits.memory
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _private_bytes() -> int:
    """What RLIMIT_DATA counts of this process (Linux; elsewhere 0)."""
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.is_file() else []
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmData:"))


def _answer(work: Work[Any], job: Job, limits: Limits, readers: dict[Path, ShardReader]) -> bytes:
    """What goes through the pipe about one job, pickled."""
    try:
        data = readers.setdefault(job.folder, ShardReader(job.folder)).read(job.shard, job.member, job.sha256)
        if len(data) > limits.most_bytes:
            refused = Quarantine("too many bytes", f"{len(data)}, over {limits.most_bytes}")
            return pickle.dumps((ANSWER, refused))
        signal.setitimer(signal.ITIMER_PROF, limits.seconds)
        signal.setitimer(signal.ITIMER_REAL, limits.seconds * WALL)
        return pickle.dumps((ANSWER, work(data)))
    except MemoryError:  # earlier pictures may have left memory in pieces: another try in a new worker
        os._exit(errno.ENOMEM)
    except UserError as error:
        return pickle.dumps((USERS_MISTAKE, str(error)))
    except Exception:
        return pickle.dumps((OUR_MISTAKE, f"picture {job.id}:\n{traceback.format_exc()}"))
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)
