"""The section `mqtt` of the configuration, and the files that it names."""

import ssl
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from agent.core import credentials
from agent.core.annotated import LEVEL, Port
from agent.core.errors import ConditionError, ConfigError, UserError

FILES = ("password_file", "tls.ca_file", "tls.cert_file", "tls.key_file")

Base = Annotated[str, msgspec.Meta(pattern=f"^{LEVEL}(/{LEVEL})*$")]
Seconds = Annotated[int, msgspec.Meta(ge=0, le=86400)]


class Tls(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    ca_file: str | None = None  # None: the system's
    cert_file: str | None = None
    key_file: str | None = None
    insecure: bool = False


class Mqtt(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    host: str = "127.0.0.1"
    port: Port = 1883
    base: Base = "drsn"
    version: Literal["auto", "5", "3.1.1"] = "auto"  # auto: 5, then 3.1.1
    transport: Literal["tcp", "websockets"] = "tcp"
    path: Annotated[str, msgspec.Meta(pattern=r"^/[!-~]*$")] = "/mqtt"  # of websockets
    client_id: str | None = None  # None: drsn-<agent.id>
    username: str | None = None
    password_file: str | None = None
    keepalive_s: Annotated[int, msgspec.Meta(ge=5, le=65535)] = 30
    reconnect_max_s: Annotated[float, msgspec.Meta(ge=0.5, le=3600)] = (
        60.0  # between two tries to connect
    )
    will_delay_s: Seconds = 3  # MQTT 5: how long the agent may be away without an `offline`
    window_expiry_s: Annotated[int, msgspec.Meta(ge=1, le=2**32 - 1)] = (
        3600  # MQTT 5: how long a broker keeps a window
    )
    home_assistant: bool = False  # publish device descriptions for Home Assistant
    tls: Tls | None = None


def check(mqtt: Mqtt) -> None:
    """`UserError` for a file that is missing or cannot be used."""
    check_host(mqtt.host, "mqtt.host")
    if mqtt.base.startswith("$"):
        raise ConfigError(f"mqtt.base: found {mqtt.base!r}, expected no $ first: brokers refuse it")
    tls = mqtt.tls or Tls()
    for key in FILES:
        section, _, name = key.rpartition(".")
        path = getattr(tls if section else mqtt, name)
        if path is not None and not credentials.readable(path):
            raise ConditionError(f"mqtt.{key}: found no file {path} that can be read, expected one")
    if mqtt.password_file is not None and mqtt.username is None:
        raise ConfigError("mqtt.password_file: found no username beside it, expected one")
    if (tls.cert_file is None) != (tls.key_file is None):
        raise ConfigError("mqtt.tls: found one of cert_file and key_file, expected both or neither")
    if mqtt.tls is not None:
        context(mqtt.tls)


def check_host(host: str, key: str) -> None:
    """`ConfigError` for a host with brackets, a scheme, a port or blanks, and for none."""
    if not host or any(map(str.isspace, host)):
        raise ConfigError(f"{key}: found {host!r}, expected a name or an address")
    bare = host.partition("://")[2].rstrip("/") if "://" in host else host
    if bare.startswith("["):
        bare = bare[1:].partition("]")[0]
    elif bare.count(":") == 1:
        bare = bare.partition(":")[0]
    if bare != host:
        raise ConfigError(
            f"{key}: found {host!r}, expected a name or an address: write {bare!r}, "
            "and the port beside it"
        )


def password(mqtt: Mqtt) -> str | None:
    """The password; read for each connection, so that it may change. `OSError`, `UserError`."""
    if mqtt.password_file is None:
        return None
    file = Path(mqtt.password_file)
    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise UserError(f"mqtt.password_file: found no text in {file}, expected UTF-8") from None
    return text.rstrip("\r\n")


def context(tls: Tls) -> ssl.SSLContext:
    """The TLS context; certificates and key are read for each connection.

    `UserError` names a bad file.
    """
    try:
        context = ssl.create_default_context(cafile=tls.ca_file)
    except OSError as error:
        raise _refused(f"mqtt.tls.ca_file: {tls.ca_file}", error) from None
    # Python 3.13 began to refuse certificates without key identifiers, as `openssl x509 -req` makes
    # them. Signature, name and dates are checked by every Python alike.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if tls.cert_file is not None and tls.key_file is not None:
        try:
            context.load_cert_chain(tls.cert_file, tls.key_file, _no_passphrase)
        except OSError as error:
            files = f"{tls.cert_file} and {tls.key_file}"
            raise _refused(f"mqtt.tls: {files}", error) from None
    if tls.insecure:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def _no_passphrase() -> str:
    """Refuses a key with a passphrase; OpenSSL would ask for it on the terminal."""
    raise PermissionError(None, "the key has a passphrase, expected one without")


def _refused(where: str, error: OSError) -> UserError:
    """A file may come or become readable later; its content is another matter."""
    passing = error.errno is not None and not isinstance(error, ssl.SSLError)
    return (ConditionError if passing else UserError)(f"{where}: {_reason(error)}")


def _reason(error: OSError) -> str:
    reasons = {
        "KEY_VALUES_MISMATCH": "the key is not the certificate's",
        "NO_CERTIFICATE_OR_CRL_FOUND": "found no certificate, expected PEM",
    }
    if isinstance(error, ssl.SSLError):
        return reasons.get(error.reason or "", "found no certificate and key, expected PEM")
    return error.strerror or str(error)
