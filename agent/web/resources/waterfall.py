"""`/api/waterfall`: the spectra of a source over the last hour, or those that are new."""

import base64

import msgspec

from agent.web.http.request import Request, Route
from agent.web.observed.waterfall import BANDS, EVERY_S, FLOOR_DB, STEP_DB, Waterfall
from agent.web.resources.sources import Sources


class WaterfallPart(msgspec.Struct, frozen=True, kw_only=True):
    """Columns of a source's first channel, the oldest first."""

    times_s: list[float]  # Unix time
    levels: str  # base64 of uint8 [columns, bands]: (dB - floor_db) / step_db
    bands: int  # of equal width, low ones first
    highest_hz: float  # of the last band
    every_s: float
    floor_db: float
    step_db: float


def route(sources: Sources, waterfall: Waterfall) -> Route:
    def answer(request: Request) -> WaterfallPart:
        pipeline = sources.of(request)
        after_s = request.seconds("after", 0.0)
        columns = waterfall.columns(pipeline.name, after_s)
        return WaterfallPart(
            times_s=[column.at_s for column in columns],
            levels=base64.b64encode(b"".join(column.levels for column in columns)).decode(),
            bands=BANDS,
            highest_hz=pipeline.origin.contract.rate_hz / 2,
            every_s=EVERY_S,
            floor_db=FLOOR_DB,
            step_db=STEP_DB,
        )

    return Route("GET", "/api/waterfall", answer)
