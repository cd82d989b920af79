"""A process that never answers."""

import time


def main() -> int:
    time.sleep(60)
    return 0
