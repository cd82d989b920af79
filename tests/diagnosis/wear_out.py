"""`python -m tests.diagnosis.wear_out`: alarms of simulated machines that wear out over 30 days.

From 1.5 to 6 mm/s, exponentially, with 5 % of noise in each measurement. One measurement a minute
stands for one of every 10 s, and so do the delays: six of a minute for `delay_s: 60`.
"""

import random

from agent.config.alarms import Alarms
from agent.core.alarms import Standing
from agent.core.types import Verdict
from agent.diagnosis.alarm_causes import AlarmCauses, Values
from agent.diagnosis.alarm_latch import AlarmLatch

MINUTES = 30 * 24 * 60
SCALE = 6  # a minute for 10 s
RUNS = 8


def simulate(seed: int, defaults: Alarms) -> list[tuple[float, str]]:
    """What became of the alarm, each with the machine's true velocity in mm/s."""
    dice = random.Random(seed)
    keys = Alarms(delay_s=SCALE * defaults.delay_s, clear_s=SCALE * defaults.clear_s)
    meter, latch = AlarmCauses(keys, "group2-rigid"), AlarmLatch(keys, Standing())
    events: list[tuple[float, str]] = []
    for minute in range(MINUTES):
        true_mm_s = 1.5 * 4 ** (minute / MINUTES)
        meter.measured(Values(velocity_mm_s=true_mm_s * dice.gauss(1, 0.05)))
        causes = meter.of(Verdict("normal"), compared=True)
        event = latch.pass_signal(60.0, causes, str(minute))
        if event is not None:
            events.append((true_mm_s, f"{event} {latch.standing.alarm}"))
    return events


def main() -> None:
    halved = Alarms(delay_s=Alarms().delay_s / 2, clear_s=Alarms().clear_s / 2)
    for name, keys in (("defaults", Alarms()), ("half of both", halved)):
        for seed in range(RUNS):
            events = simulate(seed, keys)
            raised = [f"{event} at {mm_s:.2f}" for mm_s, event in events if "raised" in event]
            again = sum("inactive" in event for _, event in events)
            print(f"{name}, run {seed}: {', '.join(raised)}; inactive in between: {again}")


if __name__ == "__main__":
    main()
