"""Our own PNGs, as an earlier stage wrote them: read whole, decoded, and compared with their rows."""

import io
from collections import defaultdict
from pathlib import Path

from stages.engine import spread
from stages.entry import die_with_parent
from stages.params import UserError
from stages.record import Record
from stages.shards import ShardReader

ROWS_A_WORKER = 2000  # below this, starting another process takes longer than decoding


def verify_pictures(raw: Path, records: list[Record]) -> None:
    """Read and decode every picture; UserError names the first that is missing, changed or broken.

    A broken picture is no reason for a drop: the stage before wrote it whole.
    """
    from joblib import cpu_count, delayed
    from tqdm import tqdm

    shards: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        shards[record.image.shard].append(record)
    jobs = (delayed(_verify_shard)(raw, rows) for _, rows in sorted(shards.items()))
    workers = min(cpu_count(), 1 + len(records) // ROWS_A_WORKER)
    with tqdm(total=len(records), desc="verifying", unit="picture") as progress:
        for count in spread(jobs, workers):
            progress.update(count)


def _verify_shard(raw: Path, records: list[Record]) -> int:
    import multiprocessing

    if multiprocessing.parent_process() is not None:
        die_with_parent()
    with ShardReader(raw) as reader:
        for record in records:
            image = record.image
            _check_decodes(raw, record, reader.read(image.shard, image.member, image.sha256))
    return len(records)


def _check_decodes(raw: Path, record: Record, data: bytes) -> None:
    import PIL.Image

    where = f"row {record.id}: {record.image.member} in {raw / record.image.shard}"
    try:
        with PIL.Image.open(io.BytesIO(data)) as picture:
            picture.load()
            size = picture.size
    except (OSError, SyntaxError, ValueError, PIL.Image.DecompressionBombError) as error:
        raise UserError(
            f"{where} is no picture that can be decoded ({error}): rebuild the stage that wrote it."
        ) from error
    if size != (record.image.width, record.image.height):
        expected = f"{record.image.width} x {record.image.height}"
        raise UserError(f"{where} is {size[0]} x {size[1]} pixels, its row says {expected}: rebuild the stage.")
