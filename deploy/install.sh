#!/bin/sh
# Installs this checkout as a service: its own venv in /opt/drsn-agent, user, configuration, unit.
# Run again, it upgrades; configuration and outbox stay. Where there is dpkg, `make deb` is better.
set -eu
[ "$(id -u)" = 0 ] || { echo "install.sh: run it as root" >&2; exit 1; }
if dpkg -s drsn-agent >/dev/null 2>&1; then
  echo "install.sh: the package drsn-agent is installed, which owns the same files" >&2
  exit 1
fi
checkout=$(cd "$(dirname "$0")/.." && pwd)
etc=/etc/drsn-agent

python3 -m venv /opt/drsn-agent
pip=/opt/drsn-agent/bin/pip
lock=$checkout/requirements
$pip install --quiet --require-hashes -r "$lock/build.lock" -r "$lock/box.lock"
$pip install --quiet --upgrade --no-deps --no-build-isolation "$checkout"
ln -sf /opt/drsn-agent/bin/drsn-agent /usr/local/bin/drsn-agent

id drsn-agent >/dev/null 2>&1 ||
  useradd --system --user-group --home-dir /var/lib/drsn-agent --shell /usr/sbin/nologin drsn-agent
install -d -m 0755 $etc
install -d -m 0700 $etc/secrets
[ -e $etc/config.yaml ] || install -m 0644 "$checkout/deploy/config.yaml" $etc/config.yaml
install -m 0644 "$checkout/config.example.yaml" $etc/config.example.yaml
install -m 0644 "$checkout/deploy/drsn-agent.service" /etc/systemd/system/drsn-agent.service

systemctl daemon-reload
systemctl enable --quiet drsn-agent
if /opt/drsn-agent/bin/drsn-agent check --config $etc/config.yaml; then
  systemctl restart drsn-agent
else
  echo "not started: mend $etc/config.yaml, then systemctl start drsn-agent"
fi
