#!/usr/bin/env bash
# What a desktop reads of the program is valid, and its translations are complete. usage: check-files.sh SHARE
set -euo pipefail
share=$1
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

desktop-file-validate "$share/applications/io.github.kftray.Kftray.desktop"
grep -q '^Comment\[de\]=' "$share/applications/io.github.kftray.Kftray.desktop"
appstreamcli validate --no-net "$share/metainfo/io.github.kftray.Kftray.metainfo.xml"
grep -q '^Exec=/.*kftray --gapplication-service$' "$share/dbus-1/services/io.github.kftray.Kftray.service"
for file in "$top"/ui/*.ui "$top"/ui/kftray.gresource.xml "$top"/ui/icons/*/*.svg "$top"/ui/icons/*/*/*/*.svg; do
  xmllint --nonet --noout "$file"
done
xmllint --nonet --noout --nowarning "$top/packaging/dbus/io.github.kftray.Kftray1.xml"
for state in idle active reconnecting failed; do
  test -f "$share/icons/hicolor/symbolic/apps/kftray-tray-$state-symbolic.svg"
done
test -f "$share/icons/hicolor/scalable/apps/io.github.kftray.Kftray.svg"
"$top/.ci/checks/po"
"$top/.ci/checks/mnemonics"
