"""At least once until PUBACK: outbox, sender, sinks."""
