"""Says in one line why there is no connection, and what to do about it."""

import re
import ssl
from typing import Any

from paho.mqtt.reasoncodes import ReasonCode

from agent.mqtt.settings import Mqtt

UNSPECIFIED = 128  # MQTT 5: paho's code for a connection that ends without a reason
HINTS = {  # by the reason code of a CONNACK; paho gives those of MQTT 3.1.1 the same numbers
    0x84: "the key mqtt.version: auto takes 5 or 3.1.1",
    0x85: "see mqtt.client_id: letters and digits only, at most 23",
    0x86: "see mqtt.username and mqtt.password_file",
    0x87: "see mqtt.username and mqtt.password_file",
    0x88: "the broker is not ready; the agent tries again",
    0x89: "the broker is busy; the agent tries again",
    0x8A: "the broker has banned this client",
    0x8C: "the broker asks for another way of logging in than user name and password",
    0x97: "a limit of the broker is reached, e.g. of connections",
    0x9F: "connects too often; the agent tries again",
}
ISSUERS = (19, 20, 21)  # X509_V_ERR: the issuer is unknown
UNKNOWN_ISSUER = "its issuer is neither in mqtt.tls.ca_file nor known to the system"
ALERTS = {  # OpenSSL's names of the broker's alerts
    "CERTIFICATE_REQUIRED": "the broker asks for a certificate: mqtt.tls.cert_file and key_file",
    "UNKNOWN_CA": "the broker does not know the issuer of our certificate",
    "CERTIFICATE_EXPIRED": "the broker says that our certificate has expired",
    "BAD_CERTIFICATE": "the broker refuses our certificate",
    "HANDSHAKE_FAILURE": "the broker refuses the TLS handshake",
    "WRONG_VERSION_NUMBER": "the port does not speak TLS",
    "RECORD_LAYER_FAILURE": "the port does not speak TLS",
}


def connecting(error: Exception, last_error: str | None, secure: bool) -> str:
    """For an error of name look-up, TCP, TLS or one of their files; `last_error` is paho's."""
    if isinstance(error, ssl.SSLCertVerificationError):
        why = error.verify_message.rstrip(".")
        issuer = f"{UNKNOWN_ISSUER}: " if error.verify_code in ISSUERS else ""
        return f"TLS: the broker's certificate is refused: {issuer}{why}"
    if isinstance(error, ssl.SSLError):
        return tls(str(error)) or f"TLS: {error.reason or error}"
    if isinstance(error, ConnectionError) and "WebSocket" in str(error):
        return f"{error}: see mqtt.path, and whether the port has WebSockets"
    if secure and isinstance(error, ConnectionError):
        text = error.strerror or error
        hint = f"{text}: does the port speak TLS? does the broker ask for a certificate?"
        refused = isinstance(error, ConnectionRefusedError)
        return tls(last_error or "") or (str(error.strerror) if refused else hint)
    return str(getattr(error, "strerror", None) or error)


def tls(text: str) -> str | None:
    """Explains the error of OpenSSL that `text` contains; None where it contains none."""
    error = re.search(r"\[SSL: (\w+)\]", text)
    if error is None:
        return None
    explained = (alert for name, alert in ALERTS.items() if error[1].endswith(name))
    return f"TLS: {next(explained, error[1].replace('_', ' ').lower())}"


def tls_alert(sock: Any) -> str | None:
    """The alert that the broker sent before it closed the connection; None: it sent none.

    It may be unread when a write has failed.
    """
    try:
        sock.recv(1)
    except ssl.SSLError as error:
        return str(error) if tls(str(error)) else None
    except (OSError, ValueError):
        return None
    return None


def broker(code: ReasonCode, properties: Any) -> str:
    """The name of a reason code, and the broker's reason string where there is one."""
    reason = getattr(properties, "ReasonString", None)
    return f"{code}: {reason}" if reason else str(code)


def refused(code: ReasonCode, properties: Any) -> str:
    """For a CONNACK that refuses: the reason, and the key to look at."""
    hint = HINTS.get(code.value)
    if server := getattr(properties, "ServerReference", None):
        hint = f"it names another one for mqtt.host: {server}"
    return f"{broker(code, properties)}: {hint}" if hint else broker(code, properties)


def closed(code: ReasonCode, accepted: bool, questions: str = "") -> str:
    """For a connection that ended; before it was accepted, the port is often the wrong one."""
    if accepted or code.value != UNSPECIFIED:
        return f"disconnected, {code}"
    return f"disconnected, {code}: before the broker accepted us; {questions}"


def questions(settings: Mqtt) -> str:
    """What to ask where there was no answer to the CONNECT."""
    tls = "does the port speak TLS?" if settings.tls else "does the port expect TLS?"
    if settings.version == "5":
        return f"{tls} does the broker speak MQTT 5? else mqtt.version: auto"
    if settings.version == "3.1.1":
        return f"{tls} does the broker retain messages and take QoS 1? else mqtt.version: auto"
    return tls


def closed_on_births(code: ReasonCode, topic: str) -> str:
    """For a connection that ended before the broker had read what we publish first.

    Most brokers close it on a message that their access list denies (MQTT 3.1.1, 3.3.5).
    """
    below = topic.rpartition("/")[0]
    return f"disconnected, {code}: on our first messages; may we publish below {below}/?"
