"""Who is told of alarms: the notifier that the section `notify` asks for."""

from pathlib import Path
from typing import TYPE_CHECKING

from agent.config import notify
from agent.config.load import Config
from agent.delivery.journal import journal_file

if TYPE_CHECKING:  # a daemon that tells nobody does not load it
    from agent.delivery.notify.notifier import Notifier


def open_notifier(config: Config) -> "Notifier | None":
    """None: nobody is told. `UserError` where the addresses cannot be read."""
    if config.notify is None:
        return None
    from agent.delivery.notify.address import Address
    from agent.delivery.notify.notifier import Notifier

    folder = Path(config.agent.state_dir)
    addresses = [Address(url) for url in notify.urls(config.notify)]
    return Notifier(config.notify, config.agent.id, folder, folder / journal_file.FILE, addresses)
