#!/bin/sh
# with-keyring.sh COMMAND…: runs it in a session bus of its own with an unlocked keyring in a home of its own.
set -eu
home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT
export HOME="$home" XDG_DATA_HOME="$home/share" XDG_RUNTIME_DIR="$home" DISPLAY=''
mkdir -p "$XDG_DATA_HOME"
dbus-run-session -- sh -c '
  printf password | gnome-keyring-daemon --unlock --components=secrets --control-directory="$HOME/control" >/dev/null
  # It has its name on the bus a little later; whoever is faster makes the bus start another one, which is locked.
  for _ in $(seq 600); do
    dbus-send --session --print-reply --dest=org.freedesktop.DBus / org.freedesktop.DBus.NameHasOwner \
      string:org.freedesktop.secrets | grep -q "boolean true" && break
    sleep 0.1
  done
  "$@"' sh "$@"
