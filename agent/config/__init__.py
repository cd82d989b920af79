"""The configuration: one YAML file into frozen records, a section a file."""
