"""`/api/machine`: one source in full, and why its decision is what it is."""

import msgspec

from agent.core.alarms import Standing
from agent.core.bearing import MachineClass, Orders
from agent.core.types import Basis, Physics
from agent.diagnosis.levels import LIMITS_MM_S
from agent.diagnosis.measurements import SHOWN_DB
from agent.pipeline.source_pipeline import SourcePipeline
from agent.web.http.request import Request, Route
from agent.web.observed.states import SourceState, SourceStates
from agent.web.resources import overview
from agent.web.resources.overview import Card
from agent.web.resources.sources import Sources


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """One source. None is what is not known."""

    card: Card
    standing: Standing  # alarm and maintenance
    basis: Basis | None  # of the newest change of state; None: there was none yet
    labels: tuple[str, ...]  # of the network
    normal: tuple[str, ...]  # those of them that are healthy
    probabilities: tuple[float, ...] | None  # of the newest window, a label each
    physics: tuple[Physics, ...]  # of the newest measurement, a channel each
    channels: int
    rate_hz: float  # the model's
    orders: Orders | None  # of the bearing
    machine_class: MachineClass | None
    limits_mm_s: tuple[float, float, float] | None  # of the zones: A to B, B to C, C to D
    shown_db: float  # a bearing's line that stands out as much is evidence


def route(sources: Sources, states: SourceStates) -> Route:
    def answer(request: Request) -> Machine:
        pipeline = sources.of(request)
        return machine(pipeline, states.of(pipeline.name))

    return Route("GET", "/api/machine", answer)


def machine(pipeline: SourcePipeline, state: SourceState | None) -> Machine:
    """The source at this moment; `state` None: it had no window yet."""
    common, contract, measured = (
        pipeline.settings.common,
        pipeline.origin.contract,
        pipeline.measurement,
    )
    machine_class = common.machine_class
    return Machine(
        card=overview.card(pipeline, state),
        standing=pipeline.standing,
        basis=None if state is None else state.basis,
        labels=contract.labels,
        normal=contract.normal,
        probabilities=None if state is None else state.probabilities,
        physics=() if measured is None else measured.physics,
        channels=contract.channels,
        rate_hz=contract.rate_hz,
        orders=common.orders,
        machine_class=machine_class,
        limits_mm_s=None if machine_class is None else LIMITS_MM_S[machine_class],
        shown_db=SHOWN_DB,
    )
