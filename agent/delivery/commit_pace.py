"""When the outbox is written: at once on a quick disk with little to do, gathered otherwise.

Windows wait `1 / commits_per_s` from one commit to the next, and a tenth of the last commit's
duration after it: a slow disk is never busy for more than ten elevenths of the time. Other
messages (events, states, results) wait for nothing. Acknowledgements alone can wait for the next
message: losing them costs duplicates, not messages. While earlier messages wait to be sent, windows
gather as long: they would be sent no sooner.
"""

import math

COMMITS_PER_S = 200.0  # for windows: 17.3 million a day at most
GATHERED = 500  # changes after which nothing waits any longer
REST_SHARE = 0.1  # of the last commit's duration
ACKNOWLEDGED_S = 0.25  # how long acknowledgements alone may wait, and windows behind others
TROUBLE_S = 1.0  # between tries to write to a disk that cannot be written


class CommitPace:
    """Pure: all times are monotonic seconds that the caller reads."""

    def __init__(self, commits_per_s: float = COMMITS_PER_S) -> None:
        self._gap_s = 1 / commits_per_s
        self._message_s = 0.0  # not before this for messages
        self._acknowledged_s = 0.0  # nor before this for acknowledgements alone
        self._trouble = False

    def wait_s(
        self, now_s: float, messages: int, changes: int, urgent: bool, behind: bool = False
    ) -> float:
        """Until the next commit: 0 now; infinity without `changes`, of which some are messages.

        `behind`: earlier messages are not sent yet, and new ones go behind them.
        """
        if not changes:
            return math.inf
        if (urgent or changes >= GATHERED) and not self._trouble:
            return 0.0
        quickly = messages and not behind
        return max(0.0, (self._message_s if quickly else self._acknowledged_s) - now_s)

    def committed(self, began_s: float, ended_s: float, trouble: bool) -> None:
        """A commit has been tried; `trouble`: the disk could not be written."""
        self._trouble = trouble
        if trouble:
            self._message_s = self._acknowledged_s = ended_s + TROUBLE_S
            return
        rest_s = REST_SHARE * (ended_s - began_s)
        self._message_s = max(began_s + self._gap_s, ended_s + rest_s)
        self._acknowledged_s = max(ended_s + ACKNOWLEDGED_S, self._message_s)
