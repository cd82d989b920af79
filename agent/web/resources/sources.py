"""The sources that a resource answers of."""

from collections.abc import Callable, Sequence

import msgspec

from agent.pipeline.source_pipeline import SourcePipeline
from agent.web.http.request import RefusedError, Request


class Sources(msgspec.Struct, frozen=True):
    """Those that run at this moment."""

    all: Callable[[], Sequence[SourcePipeline]]

    def of(self, request: Request) -> SourcePipeline:
        """The one that the query names with `source`; `RefusedError` with status 404."""
        return self.named(request.query.get("source", ""))

    def named(self, name: str) -> SourcePipeline:
        """The source of that name; `RefusedError` with status 404."""
        pipelines = self.all()
        for pipeline in pipelines:
            if pipeline.name == name:
                return pipeline
        names = ", ".join(pipeline.name for pipeline in pipelines)
        raise RefusedError(404, f"source: found {name[:100]!r}, expected one of {names}")


def channel(request: Request, pipeline: SourcePipeline) -> int:
    """The channel that the query names, the first by default; `RefusedError`."""
    return request.number("channel", 0, 0, pipeline.origin.contract.channels - 1)
