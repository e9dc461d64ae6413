# Debian packages, by purpose; sourced by the scripts that install them.
# shellcheck shell=bash disable=SC2034

packages_build="build-essential cmake ninja-build pkg-config libglib2.0-dev libuv1-dev
  libcurl4-openssl-dev libssl-dev libyaml-dev libjson-c-dev libsqlite3-dev
  libc-ares-dev"
packages_ui="libgtk-3-dev libayatana-appindicator3-dev gettext appstream adwaita-icon-theme librsvg2-common"
packages_demo="python3 openssl ca-certificates curl"

# Installs what is missing of the named packages; asks for root only then.
install_packages() {
  local missing=() name as_root=()
  for name in "$@"; do
    dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null | grep -qx installed || missing+=("$name")
  done
  [ ${#missing[@]} -eq 0 ] && return 0
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || {
      echo "These packages are missing and need root to install: ${missing[*]}" >&2
      return 1
    }
    as_root=(sudo)
  fi
  echo "Installing: ${missing[*]}" >&2
  local apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=600)
  # Package lists that are missing or older than the packages they name are refreshed once.
  "${apt[@]}" install -y --no-install-recommends "${missing[@]}" >&2 && return 0
  "${apt[@]}" update >&2
  "${apt[@]}" install -y --no-install-recommends "${missing[@]}" >&2
}
