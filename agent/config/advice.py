"""What works and may surprise: notes of `check`, `doctor` and the log."""

from agent.config.load import Config

_DOTS = (
    "has a dot: RabbitMQ makes it a slash, so that subscriptions with + miss it, and NATS refuses "
    "it; better without"
)


def notes(config: Config) -> list[str]:
    """One line for each key that some brokers treat in a way of their own."""
    if config.agent.sink == "stdout":
        return []
    names = {"agent.id": config.agent.id, "mqtt.client_id": config.mqtt.client_id}
    if config.agent.sink == "mqtt":
        names["mqtt.base"] = config.mqtt.base
    if config.sparkplug is not None:
        names |= {
            "sparkplug.group": config.sparkplug.group,
            "sparkplug.node": config.sparkplug.node,
        }
    names |= {f"sources[{at}].name": item.common.name for at, item in enumerate(config.sources)}
    return [f"{key}: {name} {_DOTS}" for key, name in names.items() if name and "." in name]
