"""What was really trained on: written down, and compared with the plan."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq


def write_consumed(path: Path, ids: list[str], per_step: int) -> None:
    """consumed.parquet: `step` (from 0) and `id` of every row that a loss was computed on, in order."""
    steps = [position // per_step for position in range(len(ids))]
    table = pa.table({"step": pa.array(steps, pa.int32()), "id": pa.array(ids, pa.string())})
    pq.write_table(table, path, compression="zstd")


def check_consumed(planned: list[str], consumed: list[str]) -> None:
    """Raise RuntimeError at the first row where what was trained on is not what was planned."""
    for position, (want, got) in enumerate(zip(planned, consumed, strict=False)):
        if want != got:
            raise RuntimeError(f"row {position} of training was {got}, planned was {want}; nothing is written")
    if len(planned) != len(consumed):
        raise RuntimeError(f"{len(consumed)} rows were trained on, {len(planned)} were planned; nothing is written")
