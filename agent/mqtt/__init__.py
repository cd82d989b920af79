"""MQTT transport: connection settings, client, TLS, connecting, event loop. It knows no
topic of the agent."""
