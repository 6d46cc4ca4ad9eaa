#!/bin/sh
# Install the servers that the tests start, and the library that sets their clocks, where that takes no question: as root, or by sudo without a password.
# Otherwise say what is missing. The status is 0 either way: pytest knows what to do without them.
# In a container the packages start nothing; on a machine with systemd Debian starts what it installs.
set -eu

missing=
[ -x /usr/lib/dovecot/imap ] || missing="$missing dovecot-imapd"
[ -x /usr/lib/dovecot/lmtp ] || missing="$missing dovecot-lmtpd"
ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || missing="$missing postgresql"
ls /usr/lib/*/faketime/libfaketimeMT.so.1 >/dev/null 2>&1 || missing="$missing libfaketime"
# Only its promtool is wanted, to try the alert rules; elsewhere that test is skipped.
[ -z "${CI:-}" ] || command -v promtool >/dev/null || missing="$missing prometheus"
# It would take the place of the machine's own mail server, so only there; elsewhere its tests are skipped.
[ -z "${CI:-}" ] || [ -x /usr/sbin/postfix ] || missing="$missing postfix"
# The pages and the letter are looked at in it.
command -v chromium >/dev/null || missing="$missing chromium"
[ -n "$missing" ] || exit 0

as_root=
[ "$(id -u)" -eq 0 ] || as_root="sudo -n"
if ! command -v apt-get >/dev/null || ! $as_root true 2>/dev/null; then
    echo "Missing, and not installed without your leave: apt-get install --no-install-recommends$missing"
    exit 0
fi

echo "Installing$missing"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
install() {
    apt="$as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300"
    $apt update && $apt install --no-install-recommends $missing
}
install >"$log" 2>&1 </dev/null || { tail -n 5 "$log"; echo "Could not install$missing"; }
