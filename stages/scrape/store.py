"""Answers that were paid for: one JSON file a search, outside any out, so that none is paid twice."""

import hashlib
import json
import os
import tempfile
from pathlib import Path
from typing import Any

from stages.params import UserError

Request = dict[str, str | int]


class Store:
    """A folder of answers, each named by the sha256 of its request; a file is there whole or not at all."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(
                f"{folder} can't be made ({error.strerror}): answers that are paid for go there."
            ) from error

    def get(self, request: Request) -> dict[str, Any] | None:
        """The answer to `request`, None when there is none (or none that can be read, which is said)."""
        path = self._path(request)
        try:
            kept = json.loads(path.read_bytes())
            if kept["request"] == request and isinstance(kept["answer"], dict):
                return dict(kept["answer"])
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, RecursionError):  # as below
            pass
        path.replace(path.with_suffix(".unreadable"))
        print(f"{path} is not the answer that it should be: set aside; `{request['q']}` is searched again")
        return None

    def put(self, request: Request, answer: dict[str, Any]) -> None:
        """Keep `answer`; once this returns, it outlives a power cut."""
        path = self._path(request)
        handle, half = tempfile.mkstemp(dir=self._folder, prefix=".", suffix=".half")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as stream:
                json.dump({"request": request, "answer": answer}, stream, sort_keys=True)
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(half, path)
        except BaseException:
            Path(half).unlink(missing_ok=True)
            raise
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _path(self, request: Request) -> Path:
        return self._folder / f"{digest(request)}.json"


def digest(request: Request) -> str:
    return hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()
