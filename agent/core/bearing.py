"""The bearing's orders and the machine's class: what a user knows of a machine beside its signal.

Orders are the multiples of the shaft's speed at which faults of a rolling bearing show, from its
geometry: R. B. Randall and J. Antoni, "Rolling element bearing diagnostics - a tutorial",
Mechanical Systems and Signal Processing 25(2), 2011, eqs. 1-4; inner ring turning, no slip.
"""

import math
from typing import Annotated, Literal

import msgspec

Order = Annotated[float, msgspec.Meta(ge=0.001, le=1000)]
Millimetres = Annotated[float, msgspec.Meta(ge=0.01, le=100_000)]
MachineClass = Literal["group1-rigid", "group1-flexible", "group2-rigid", "group2-flexible"]

BY_ORDERS = ("bpfo", "bpfi", "bsf", "ftf")
BY_GEOMETRY = ("balls", "ball_mm", "pitch_mm")
Running = tuple[float, float, float, float, float]  # rpm, BPFO, BPFI, BSF, FTF; 0: not known
UNKNOWN: Running = (0.0, 0.0, 0.0, 0.0, 0.0)
SPIN_TOLERANCE = 1.1  # tables round; twice the spin, which some print, is far beyond it


class Orders(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Multiples of the shaft's speed."""

    bpfo: float  # balls passing a place on the outer race
    bpfi: float  # balls passing a place on the inner race
    bsf: float  # a ball's own spin; a defect on it strikes both races, at twice this
    ftf: float  # turns of the cage


class Bearing(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A bearing as a user describes it: by its orders, or by its geometry."""

    bpfo: Order | None = None
    bpfi: Order | None = None
    bsf: Order | None = None
    ftf: Order | None = None
    balls: Annotated[int, msgspec.Meta(ge=3, le=1000)] | None = None
    ball_mm: Millimetres | None = None
    pitch_mm: Millimetres | None = None
    angle_deg: Annotated[float, msgspec.Meta(ge=0, lt=90)] | None = None  # of contact; None: 0

    def __post_init__(self) -> None:
        """`ValueError`, saying what was expected, for what describes no bearing."""
        present = {key for key, value in msgspec.structs.asdict(self).items() if value is not None}
        if present != set(BY_ORDERS) and present - {"angle_deg"} != set(BY_GEOMETRY):
            raise ValueError(
                f"either {', '.join(BY_ORDERS)} or {', '.join(BY_GEOMETRY)} (and angle_deg)"
            )
        if self.ball_mm and self.pitch_mm and self.ball_mm >= self.pitch_mm:
            raise ValueError("ball_mm < pitch_mm")
        _check(self.orders)

    @property
    def orders(self) -> Orders:
        if self.bpfo and self.bpfi and self.bsf and self.ftf:
            return Orders(bpfo=self.bpfo, bpfi=self.bpfi, bsf=self.bsf, ftf=self.ftf)
        if self.balls and self.ball_mm and self.pitch_mm:
            return of_geometry(self.balls, self.ball_mm, self.pitch_mm, self.angle_deg or 0.0)
        raise ValueError(", ".join(BY_ORDERS))  # which `__post_init__` rules out


def of_geometry(balls: int, ball_mm: float, pitch_mm: float, angle_deg: float = 0.0) -> Orders:
    """Orders from the number and diameter of balls, the pitch diameter and the contact angle."""
    ratio = ball_mm / pitch_mm * math.cos(math.radians(angle_deg))
    return Orders(
        bpfo=balls / 2 * (1 - ratio),
        bpfi=balls / 2 * (1 + ratio),
        bsf=pitch_mm / ball_mm / 2 * (1 - ratio**2),
        ftf=(1 - ratio) / 2,
    )


def running(rpm: float | None, orders: Orders | None) -> Running:
    """The input `running` of a network (`agent.core.model_contract`)."""
    if orders is None:
        return (rpm or 0.0, 0.0, 0.0, 0.0, 0.0)
    return (rpm or 0.0, orders.bpfo, orders.bpfi, orders.bsf, orders.ftf)


def _check(orders: Orders) -> None:
    """`ValueError` for orders that no geometry gives."""
    if not orders.ftf < 1 < orders.bpfo < orders.bpfi:
        raise ValueError("ftf < 1 < bpfo < bpfi")
    ratio = (orders.bpfi - orders.bpfo) / (orders.bpfi + orders.bpfo)
    fastest = (1 - ratio**2) / 2 / ratio  # at a contact angle of 0
    if orders.bsf > SPIN_TOLERANCE * fastest:
        raise ValueError(
            f"bsf of at most {fastest:.3f} with this bpfo and bpfi "
            "(a ball's spin, not the twice of it at which it strikes)"
        )
