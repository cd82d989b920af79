"""What a user can mend: one line that names the place, what was found, what was expected."""


class UserError(Exception):
    """A user's mistake, told in one line and never with a traceback."""


class ConfigError(UserError):
    """A mistake in what the agent was told to run: exit code 78 (sysexits EX_CONFIG)."""
