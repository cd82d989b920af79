#!/bin/sh
# Takes away what install.sh put there. Configuration, secrets, baselines and outbox stay, but for
# --purge.
set -eu
[ "$(id -u)" = 0 ] || { echo "uninstall.sh: run it as root" >&2; exit 1; }
if dpkg -s drsn-agent >/dev/null 2>&1; then
  echo "uninstall.sh: the package drsn-agent is installed: apt-get remove drsn-agent" >&2
  exit 1
fi
systemctl disable --quiet --now drsn-agent 2>/dev/null || true
rm -rf /opt/drsn-agent /usr/local/bin/drsn-agent /etc/systemd/system/drsn-agent.service
systemctl daemon-reload
if [ "${1:-}" = --purge ]; then
  rm -rf /etc/drsn-agent /var/lib/drsn-agent
  userdel drsn-agent 2>/dev/null || true
fi
