"""Connects in a separate thread: name look-up, TCP and TLS may each take seconds, and the sender
thread has messages to commit meanwhile."""

import threading
from collections.abc import Callable

import paho.mqtt.client as paho

from agent.core.errors import UserError
from agent.mqtt import client as mqtt_client
from agent.mqtt.settings import Mqtt

# Errors of look-up, TCP and TLS; a host name that IDNA refuses; a certificate or password file that
# has changed since the start. All of them can be repaired while the agent runs.
EXPECTED = (OSError, UnicodeError, UserError)


class Connector:
    """One attempt to connect; a result that comes too late is dropped."""

    def __init__(
        self, make: Callable[[], paho.Client], settings: Mqtt, done: Callable[[], None]
    ) -> None:
        self._result: paho.Client | Exception | None = None
        self._bug: BaseException | None = None
        self._done = done
        thread = threading.Thread(
            target=self._run, args=(make, settings), name="connector", daemon=True
        )
        thread.start()

    def result(self) -> paho.Client | Exception | None:
        """A client that has sent its CONNECT, one of `EXPECTED`, or None while it is not decided.

        Raises any other exception: it is a bug, and another attempt would fail in the same way.
        """
        if self._bug is not None:
            raise self._bug
        return self._result

    def _run(self, make: Callable[[], paho.Client], settings: Mqtt) -> None:
        try:
            client = make()
            mqtt_client.connect(client, settings)
            self._result = client
        except EXPECTED as error:
            self._result = error
        except BaseException as bug:  # noqa: BLE001 - `result` raises it, in the sender thread
            self._bug = bug
        self._done()
