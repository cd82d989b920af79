"""What the agent can be asked to do over MQTT, by whom the broker lets publish on `cmd/<verb>`."""
