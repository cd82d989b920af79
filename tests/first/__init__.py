"""A new user's first hour on a fresh Debian, by the README's own commands."""
