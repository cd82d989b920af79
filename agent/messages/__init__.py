"""The wire format, written once: records, topics, payloads, schemas, announcements."""
