#!/bin/sh
# again.sh COMMAND…: the loop that people write around kubectl port-forward,
#
#   while true; do COMMAND…; done
#
# but for its end: a SIGTERM ends it together with the command.
trap 'kill "$child" 2>/dev/null; exit 143' TERM
while true; do
    "$@" &
    child=$!
    wait "$child"
done
