"""`model: auto`, or no model at all: the network for what is known of the machine and its sensor.

The names are those of the released zoo. A network that reads speed and bearing is right more often
on machines that nobody recorded (`docs/UNSEEN.md`); a sensor that is too slow for either of them is
watched without a network.
"""

from agent.core.model_contract import NO_NETWORK

AUTO = "auto"
BY_SOUND, BY_ORDERS = "bearing", "bearing-orders"
LEAST_RATE_HZ = 8000.0  # `Contract.least_rate_hz` of both


def choose(rate_hz: float | None, speed_known: bool, bearing_known: bool) -> tuple[str, str]:
    """The model's name, and why; `rate_hz` is the source's, None: only the device knows it."""
    if rate_hz is not None and rate_hz < LEAST_RATE_HZ:
        return NO_NETWORK, f"{rate_hz:g} Hz is below the {LEAST_RATE_HZ:g} Hz that a network needs"
    if speed_known and bearing_known:
        return BY_ORDERS, "speed and bearing are known"
    return BY_SOUND, "speed and bearing are not both known"
