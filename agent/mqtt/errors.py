"""Why there is no connection, in a line that a person can act on."""

import re
import ssl
from typing import Any

from paho.mqtt.reasoncodes import ReasonCode

UNSPECIFIED = 128  # MQTT 5: what paho says of a connection that just ends
ISSUERS = (19, 20, 21)  # X509_V_ERR: who signed it is not among those whom we know
UNKNOWN = "signed by none that mqtt.tls.ca_file, or the system, knows"
ALERTS = {  # OpenSSL's names for what the other side says
    "CERTIFICATE_REQUIRED": "the broker asks for a certificate: mqtt.tls.cert_file and key_file",
    "UNKNOWN_CA": "the broker does not know who signed our certificate",
    "CERTIFICATE_EXPIRED": "the broker holds our certificate to be expired",
    "BAD_CERTIFICATE": "the broker refuses our certificate",
    "HANDSHAKE_FAILURE": "the broker does not agree to the handshake",
    "WRONG_VERSION_NUMBER": "the port does not speak TLS",
    "RECORD_LAYER_FAILURE": "the port does not speak TLS",
}


def connecting(error: Exception, last_error: str | None, secure: bool) -> str:
    """Of name look-up, TCP, TLS, or a file that is needed for them; `last_error` is paho's."""
    if isinstance(error, ssl.SSLCertVerificationError):
        why = error.verify_message.rstrip(".")
        unknown = f"{UNKNOWN}: " if error.verify_code in ISSUERS else ""
        return f"TLS: the broker's certificate is refused: {unknown}{why}"
    if isinstance(error, ssl.SSLError):
        return tls(str(error)) or f"TLS: {error.reason or error}"
    if secure and isinstance(error, ConnectionError):
        hint = f"{error.strerror or error}: does the port speak TLS, is a certificate asked for?"
        refused = isinstance(error, ConnectionRefusedError)
        return tls(last_error or "") or (str(error.strerror) if refused else hint)
    return str(getattr(error, "strerror", None) or error)


def tls(text: str) -> str | None:
    """What an error of OpenSSL within `text` means; None where there is none."""
    found = re.search(r"\[SSL: (\w+)\]", text)
    if found is None:
        return None
    known = (said for name, said in ALERTS.items() if found[1].endswith(name))
    return f"TLS: {next(known, found[1].replace('_', ' ').lower())}"


def last_word(sock: Any) -> str | None:
    """What the other side said before it closed: its alert may not have been read when a write
    found the connection gone."""
    try:
        sock.recv(1)
    except ssl.SSLError as error:
        return str(error) if tls(str(error)) else None
    except (OSError, ValueError):
        return None
    return None


def broker(code: ReasonCode, properties: Any) -> str:
    """A reason code by its name, and what the broker says besides."""
    said = getattr(properties, "ReasonString", None)
    return f"{code}: {said}" if said else str(code)


def closed(code: ReasonCode, let_in: bool) -> str:
    """Of a connection that is no more; before we were let in it often was the wrong port."""
    if let_in or code.value != UNSPECIFIED:
        return f"disconnected, {code}"
    return f"disconnected, {code}: before the broker let us in; does the port want TLS?"
