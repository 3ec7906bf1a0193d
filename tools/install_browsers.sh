#!/usr/bin/env bash
# Installs Chromium and Firefox ESR from Debian's packages where they are missing.
set -euo pipefail

missing=()
command -v chromium >/dev/null || missing+=(chromium)
command -v firefox-esr >/dev/null || missing+=(firefox-esr)
[ ${#missing[@]} -eq 0 ] && exit 0

printf '\033[1m▸ Browsers: %s\033[0m\n' "${missing[*]}"
run=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || {
    printf 'Install them as root: apt-get install %s\n' "${missing[*]}" >&2
    exit 1
  }
  run=(sudo)
fi
export DEBIAN_FRONTEND=noninteractive
"${run[@]}" apt-get update -qq
"${run[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
