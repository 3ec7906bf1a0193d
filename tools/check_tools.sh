#!/usr/bin/env bash
# Says what is missing before anything is built: check_tools.sh PYTHON.
set -euo pipefail

fail() {
  printf 'Visavis needs %s. %s\n' "$1" "$2" >&2
  exit 1
}

"$1" -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
  fail 'Python 3.11 or newer with venv' "Install it, or name it: make PYTHON=python3.12 …"
command -v cargo >/dev/null || fail 'Rust' 'Install it from https://rustup.rs.'
command -v npm >/dev/null || fail 'Node.js 20.19 or newer with npm' 'Install it from https://nodejs.org.'
node -e 'const [a, b] = process.versions.node.split("."); process.exit(a > 20 || (a == 20 && b >= 19) ? 0 : 1)' ||
  fail 'Node.js 20.19 or newer' "This one is $(node --version)."
