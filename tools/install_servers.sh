#!/usr/bin/env bash
# Installs the servers that the tests start by themselves from Debian's packages, where they are missing: PostgreSQL,
# Redis, and the balancers whose examples are checked. What packages would start by themselves does not run afterwards.
set -euo pipefail

missing=()
compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || missing+=(postgresql)
PATH=$PATH:/usr/sbin
command -v redis-server >/dev/null || missing+=(redis-server)
command -v haproxy >/dev/null || missing+=(haproxy)
command -v nginx >/dev/null || missing+=(nginx)
# The stream module, by which the example tells TURN from HTTPS.
[ -e /usr/lib/nginx/modules/ngx_stream_module.so ] || missing+=(libnginx-mod-stream)
# It judges the units.
command -v systemd-analyze >/dev/null || missing+=(systemd)
[ ${#missing[@]} -eq 0 ] && exit 0

printf '\033[1m▸ Servers: %s\033[0m\n' "${missing[*]}"
run=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || {
    printf 'Install them as root: apt-get install %s\n' "${missing[*]}" >&2
    exit 1
  }
  run=(sudo)
fi
# Debian's own way to say that a package starts nothing, and that PostgreSQL makes no cluster.
policy=/usr/sbin/policy-rc.d clusters=/etc/postgresql-common/createcluster.d/no-main-cluster.conf
undo=("$clusters")
[ -e "$policy" ] || undo+=("$policy")
trap '"${run[@]}" rm -f "${undo[@]}"' EXIT
[ -e "$policy" ] || printf '#!/bin/sh\nexit 101\n' | "${run[@]}" install -m 755 /dev/stdin "$policy"
"${run[@]}" install -D -m 644 /dev/stdin "$clusters" <<<'create_main_cluster = false'
export DEBIAN_FRONTEND=noninteractive
"${run[@]}" apt-get update -qq
"${run[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
# Nor at the next boot.
if [ -d /run/systemd/system ]; then
  for service in "${missing[@]}"; do
    [ ! -e "/lib/systemd/system/$service.service" ] || "${run[@]}" systemctl disable --quiet "$service"
  done
fi
