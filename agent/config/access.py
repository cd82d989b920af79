"""Who may reach what the agent serves over HTTP: this machine, or others with a token."""

import ipaddress
from pathlib import Path

from agent.core.errors import ConditionError, ConfigError, UserError

SHORTEST_TOKEN = 16  # characters


def check(section: str, address: str, token_file: str | None) -> None:
    """`ConfigError` for an address that others can reach without a token; `UserError`."""
    if not is_loopback(address) and token_file is None:
        raise ConfigError(
            f"{section}.address: found {address} and no token_file beside it, expected a token "
            f"where others can reach the {section}"
        )
    token(section, token_file)


def token(section: str, token_file: str | None) -> str | None:
    """The token that a client must send; None: no token is needed. `UserError`."""
    if token_file is None:
        return None
    key = f"{section}.token_file"
    try:
        first = Path(token_file).read_text().partition("\n")[0].strip()
    except OSError as error:
        raise ConditionError(f"{key}: {token_file} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UserError(f"{key}: found no text in {token_file}, expected a token") from None
    return long_enough(first, key)


def long_enough(token: str, where: str) -> str:
    """Returns the token; `UserError`, naming `where`, for one that is easy to guess."""
    if len(token) < SHORTEST_TOKEN or not token.isascii() or not token.isprintable():
        raise UserError(
            f"{where}: found {len(token)} characters, expected a token of at least "
            f"{SHORTEST_TOKEN} plain ones"
        )
    return token


def is_loopback(address: str) -> bool:
    """Whether only this machine can reach that address."""
    if address == "localhost":
        return True
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
