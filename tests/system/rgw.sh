#!/bin/bash
# A real S3 server from Debian's packages, for tests: Ceph's RADOS gateway over one OSD in memory, on loopback, plain and TLS.
#   rgw.sh run COMMAND…     starts it (about 15 s, 1.5 GiB of memory, root), runs the command with FOREBAY_S3_ENDPOINT,
#                           FOREBAY_S3_TLS_ENDPOINT, FOREBAY_S3_CA_FILE, FOREBAY_S3_ACCESS_KEY and FOREBAY_S3_SECRET_KEY set, and
#                           removes everything, whatever happens. Exit code: the command's; 99 if the server did not come up.
# All ports are free ones found by the kernel; everything it writes is in one temporary directory.
set -u
[ "${1:-}" = run ] && [ $# -ge 2 ] || { echo "usage: $0 run COMMAND…" >&2; exit 2; }
shift
state=$(mktemp -d /tmp/forebay-rgw.XXXXXX)
conf=$state/ceph.conf
access=forebaytest secret=forebaytestsecret

stop_all() {
  local pid
  for file in "$state"/run/*.pid; do
    [ -f "$file" ] && pid=$(cat "$file") && [ -n "$pid" ] && kill -9 "$pid" 2>/dev/null  # nothing here outlives the test
  done
  rm -rf "$state"
}
trap stop_all EXIT
trap 'exit 130' INT TERM

fail() {
  echo "rgw.sh: $1" >&2
  tail -n 5 "$state"/log/*.log "$state"/log/*.err 2>/dev/null >&2
  exit 99
}

for program in radosgw radosgw-admin ceph ceph-mon ceph-osd ceph-mgr monmaptool openssl curl; do
  command -v "$program" >/dev/null || fail "$program is missing: run scripts/bootstrap"
done
read -r port tls_port mon_port < <(python3 -c '
import socket
held = [socket.socket() for _ in range(3)]
for one in held: one.bind(("127.0.0.1", 0))
print(*[one.getsockname()[1] for one in held])')

mkdir -p "$state"/{mon,mgr/a,osd/0,rgw,run,log}
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1 \
  -keyout "$state/key.pem" -out "$state/cert.pem" 2>"$state/log/openssl.err" || fail "no certificate"
fsid=$(cat /proc/sys/kernel/random/uuid)
cat >"$conf" <<C
[global]
fsid = $fsid
mon host = [v2:127.0.0.1:$mon_port]
public addr = 127.0.0.1
cluster addr = 127.0.0.1
ms bind ipv6 = false
auth cluster required = none
auth service required = none
auth client required = none
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 8
osd pool default pgp num = 8
osd crush chooseleaf type = 0
mon warn on pool no redundancy = false
mon allow pool size one = true
mon data avail crit = 1
osd objectstore = memstore
memstore device bytes = 12884901888
log file = $state/log/\$name.log
admin socket = $state/run/\$name.asok
pid file = $state/run/\$name.pid
run dir = $state/run
[mon.a]
mon data = $state/mon/a
[mgr.a]
mgr data = $state/mgr/a
[osd.0]
osd data = $state/osd/0
[client.rgw]
rgw data = $state/rgw
ms mon client mode = crc
rgw enable usage log = false
rgw frontends = beast endpoint=127.0.0.1:$port ssl_endpoint=127.0.0.1:$tls_port ssl_certificate=$state/cert.pem ssl_private_key=$state/key.pem
C
ceph_cmd() { timeout 60 ceph -c "$conf" "$@"; }
{
  monmaptool --create --addv a "[v2:127.0.0.1:$mon_port]" --fsid "$fsid" "$state/monmap" &&
  ceph-mon -c "$conf" -i a --mkfs --monmap "$state/monmap" &&
  ceph-mon -c "$conf" -i a &&
  ceph-mgr -c "$conf" -i a &&
  uuid=$(cat /proc/sys/kernel/random/uuid) &&
  ceph_cmd osd new "$uuid" 0 &&
  ceph-osd -c "$conf" -i 0 --mkfs --osd-uuid "$uuid" &&
  ceph-osd -c "$conf" -i 0
} >"$state/log/start.log" 2>"$state/log/start.err" || fail "Ceph does not start"
for _ in $(seq 120); do ceph_cmd osd stat 2>/dev/null | grep -q '1 up' && break; sleep 0.5; done
timeout 120 radosgw-admin -c "$conf" -n client.rgw user create --uid=forebay --display-name=forebay \
  --access-key=$access --secret-key=$secret >/dev/null 2>"$state/log/admin.err" || fail "no user"
radosgw -c "$conf" -n client.rgw 2>"$state/log/radosgw.err" || fail "the gateway does not start"
up=no
for _ in $(seq 120); do curl -s -o /dev/null "http://127.0.0.1:$port/" && up=yes && break; sleep 0.5; done
[ $up = yes ] || fail "the gateway does not answer"

export FOREBAY_S3_ENDPOINT=http://127.0.0.1:$port FOREBAY_S3_TLS_ENDPOINT=https://127.0.0.1:$tls_port FOREBAY_S3_CA_FILE=$state/cert.pem
export FOREBAY_S3_ACCESS_KEY=$access FOREBAY_S3_SECRET_KEY=$secret
"$@"
