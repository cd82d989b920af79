"""Tells people of alarms: the journal's events become messages to the addresses of `notify`."""
