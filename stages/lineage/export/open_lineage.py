"""OpenLineage events of an adapter, one JSON a line, through the models of `openlineage-python`.

Every stage is a JobEvent (what reads what, https://openlineage.io/docs/spec/object-model): of the single runs no time
was written down, and an event of a run needs one. `seal` has a run record, and so a START and a COMPLETE.
"""

import uuid
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from stages.lineage.export.sealed import Run, Sealed
from stages.lineage.form import Lineage
from stages.lineage.graph import is_code
from stages.params import UserError

if TYPE_CHECKING:
    from openlineage.client.event_v2 import InputDataset, Job, OutputDataset

NAMESPACE = "plumbline"
PRODUCER = "urn:plumbline:lineage:1"


def write(sealed: Sealed) -> str:
    """The events as JSON lines; UserError without a run record, since each event needs a time."""
    if sealed.run is None:
        name = sealed.lineage.recipe
        raise UserError(
            f"no run on this machine made the adapter of `{name}`, and an OpenLineage event needs a time: "
            f"run `dvc repro --force --single-item seal@{name}` here, or export in-toto, which goes without."
        )
    from openlineage.client.serde import Serde

    return "".join(f"{Serde.to_json(event)}\n" for event in events(sealed.lineage, sealed.run))


def events(lineage: Lineage, run: Run) -> list[Any]:
    """A JobEvent for every stage in order, then the START and the COMPLETE of `seal`."""
    from openlineage.client import facet_v2
    from openlineage.client.event_v2 import JobEvent, RunEvent, RunState
    from openlineage.client.event_v2 import Run as Invocation

    facet_v2.set_producer(PRODUCER)  # else each facet names the client
    found: list[Any] = [
        JobEvent(
            eventTime=run.finished,
            producer=PRODUCER,
            job=_job(stage.name, stage.cmd),
            inputs=[_input(lineage, path) for path in stage.deps if not is_code(path)],
            outputs=[_output(lineage, path) for path in stage.outs],
        )
        for stage in lineage.stages
    ]
    commit = [facet_v2.tags_run.TagsRunFacetFields(key="commit", value=run.commit, source="git")] if run.commit else []
    invocation = Invocation(
        runId=str(uuid.uuid5(uuid.NAMESPACE_URL, f"{lineage.seal} {run.started}")),
        facets={"tags": facet_v2.tags_run.TagsRunFacet(tags=commit)},
    )
    trained = f"models/trained/{lineage.recipe}"
    for state, time in ((RunState.START, run.started), (RunState.COMPLETE, run.finished)):
        found.append(
            RunEvent(
                eventTime=time,
                eventType=state,
                producer=PRODUCER,
                run=invocation,
                job=_job(f"seal@{lineage.recipe}", "python -m stages.seal"),
                inputs=[_input(lineage, trained), _input(lineage, lineage.base.path)],
                outputs=[_output(lineage, f"models/adapters/{lineage.recipe}")],
            )
        )
    return found


def _job(name: str, command: str) -> "Job":
    from openlineage.client.event_v2 import Job
    from openlineage.client.facet_v2 import job_type_job, source_code_job

    kind = job_type_job.JobTypeJobFacet(processingType="BATCH", integration="DVC", jobType="STAGE")
    code = source_code_job.SourceCodeJobFacet(language="sh", sourceCode=command)
    return Job(namespace=NAMESPACE, name=name, facets={"jobType": kind, "sourceCode": code})


def _input(lineage: Lineage, path: str) -> "InputDataset":
    from openlineage.client.event_v2 import InputDataset

    return InputDataset(namespace=NAMESPACE, name=path, facets=_version(lineage, path))


def _output(lineage: Lineage, path: str) -> "OutputDataset":
    from openlineage.client.event_v2 import OutputDataset
    from openlineage.client.facet_v2 import output_statistics_output_dataset as statistics

    files = lineage.outs[path].files.values() if path in lineage.outs else ()
    size = statistics.OutputStatisticsOutputDatasetFacet(fileCount=len(files), size=sum(file.bytes for file in files))
    return OutputDataset(
        namespace=NAMESPACE,
        name=path,
        facets=_version(lineage, path),
        outputFacets={"outputStatistics": size} if files else {},
    )


def _version(lineage: Lineage, path: str) -> dict[str, Any]:
    """What names a data set's content: a digest, where the lineage has one for the path as a whole."""
    from openlineage.client.facet_v2 import dataset_version_dataset

    known = {name: f"sha256:{file.sha256}" for name, file in lineage.inputs.items()}
    known |= {
        name: f"sha256:{out.manifest}" if out.manifest else f"md5:{out.md5}" for name, out in lineage.outs.items()
    }
    if PurePosixPath(path).parent.name in ("trained", "adapters"):
        known[path] = f"sha256:{lineage.adapter.digest}"
    if lineage.parent:
        known[lineage.parent.path] = f"sha256:{lineage.parent.digest}"
    if path not in known:
        return {}
    return {"version": dataset_version_dataset.DatasetVersionDatasetFacet(datasetVersion=known[path])}
