"""Connects in a thread of its own: name look-up, TCP and TLS may each take seconds, and the
sender thread has messages to commit meanwhile."""

import threading
from collections.abc import Callable

import paho.mqtt.client as paho

from agent.core.errors import ConfigError
from agent.mqtt import client as mqtt_client
from agent.mqtt.settings import Mqtt

# Of look-up, TCP and TLS; a host name that IDNA refuses; a certificate or password file that was
# changed since the start. All of them may be mended while the agent runs.
EXPECTED = (OSError, UnicodeError, ConfigError)


class Connector:
    """One attempt. It is only ever asked for its answer; one that comes too late is forgotten."""

    def __init__(
        self, make: Callable[[], paho.Client], settings: Mqtt, done: Callable[[], None]
    ) -> None:
        self._answer: paho.Client | Exception | None = None
        self._bug: BaseException | None = None
        self._done = done
        thread = threading.Thread(target=self._run, args=(make, settings), name="dial", daemon=True)
        thread.start()

    def answer(self) -> paho.Client | Exception | None:
        """A client that has sent its CONNECT, why there is none, or None: not yet known.

        Raises what no network, no host name and no file is the reason of: another attempt would
        fail in the same way.
        """
        if self._bug is not None:
            raise self._bug
        return self._answer

    def _run(self, make: Callable[[], paho.Client], settings: Mqtt) -> None:
        try:
            client = make()
            mqtt_client.connect(client, settings)
            self._answer = client
        except EXPECTED as error:
            self._answer = error
        except BaseException as bug:  # noqa: BLE001 - `answer` raises it, in the sender thread
            self._bug = bug
        self._done()
