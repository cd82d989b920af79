"""The command's verbs, one file each. `define` adds a verb's arguments to its parser.

A new verb is a new file and a line in `SUMMARIES`.
"""

import argparse
import importlib

SUMMARIES = {
    "init": "write a first configuration: look for sensors, try sensor and broker",
    "config": "print the example configuration, or its JSON Schema for an editor",
    "run": "run the agent",
    "check": "check a configuration, its models and its sources, and start nothing",
    "doctor": "look at configuration, models, sensors, broker, clock and disk: what to do",
    "watch": "show all sources at the broker in a live table",
    "commission": "learn what a source is like while its machine is healthy",
    "demo": "watch a simulated machine's fault being found, over MQTT",
    "replay": "score recordings: a table and a verdict each, no broker",
    "record": "record a sensor into a data set that `train` reads",
    "devices": "list the sound inputs",
    "history": "show a source's levels by the day or hour, and where they lead",
    "alarms": "list alarms and events; acknowledge, comment, label; begin maintenance",
    "score": "score archives of recordings into Parquet",
    "ingest": "store what a fleet publishes in PostgreSQL",
    "bundle": "make a signed bundle of a model, or a key to sign with",
    "notify": "send a test message to everybody whom alarms are told",
    "outbox": "show messages that the broker does not take, send them again or drop them",
    "install": "hand a bundle to the agent, which tries it beside the model that runs",
    "backup": "write state and configuration to one archive, also while the agent runs",
    "restore": "put back what `backup` wrote, and keep what was there",
    "bearing": "print a bearing's orders, and its frequencies at a speed",
    "completion": "print the completion script for bash, zsh or fish",
    "model": "print what a model file says of itself",
}


def define(name: str, parser: argparse.ArgumentParser) -> None:
    """Loads the verb's module and calls its `define`."""
    importlib.import_module(f"agent.cli.{name}").define(parser)
