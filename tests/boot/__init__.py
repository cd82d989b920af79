"""The package on a freshly made Debian with systemd as its first process."""
