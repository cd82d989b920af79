"""A small sample of `make trends`: a box that ran for 400 days keeps its promises."""

from pathlib import Path

from tests.delivery.trends.four_hundred_days import broken_promises, simulate


def test_after_400_days_the_file_is_within_its_bound_and_answers_at_once(tmp_path: Path) -> None:
    outcome = simulate(tmp_path, sources=1, minutely_days=4, max_mib=8)
    assert broken_promises(outcome, 16, 8) == []
    assert outcome.rows["minute"] >= 1440
