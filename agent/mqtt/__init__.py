"""MQTT transport: connection settings, client, TLS, connecting, event loop. It builds no topic of
ours."""
