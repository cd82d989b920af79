"""What a user can mend: one line that names the place, what was found, what was expected.

The class decides the exit code (sysexits(3)), and that decides whether a supervisor tries again:
everything but 78 may be different the next time.
"""

from typing import Self

FAILED, UNREADABLE_DATA, HUNG, CONDITION, CONFIGURATION = 1, 65, 70, 75, 78


class UserError(Exception):
    """A user's mistake, told in one line and never with a traceback: exit code 1."""

    exit_code = FAILED

    def within(self, where: str) -> Self:
        """The same kind of error, whose text begins with a file or a key path."""
        return type(self)(f"{where}: {self}")


class ConfigError(UserError):
    """The text of the configuration or of a command's arguments is wrong: exit code 78."""

    exit_code = CONFIGURATION


class ConditionError(UserError):
    """What the system refuses and may allow later: a port, a disk, a file: exit code 75."""

    exit_code = CONDITION


class DataError(UserError):
    """A recording that cannot be read: exit code 65."""

    exit_code = UNREADABLE_DATA


class SourceError(Exception):
    """A source cannot go on; the text says why in one line. A device may come back."""

    exit_code = CONDITION


class DamagedError(SourceError):
    """The recording cannot be read on from here."""

    exit_code = UNREADABLE_DATA


class Later(Exception):  # noqa: N818 - it may work the next time
    """Why something failed that a later attempt may do."""
