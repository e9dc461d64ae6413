#!/bin/sh
# with-keyring.sh COMMAND…: runs it in a session bus of its own with an unlocked keyring in a home of its own.
set -eu
home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT
export HOME="$home" XDG_DATA_HOME="$home/share" XDG_RUNTIME_DIR="$home" DISPLAY=''
mkdir -p "$XDG_DATA_HOME"
dbus-run-session -- sh -c '
  printf password | gnome-keyring-daemon --unlock --components=secrets --control-directory="$HOME/control" >/dev/null
  "$@"' sh "$@"
