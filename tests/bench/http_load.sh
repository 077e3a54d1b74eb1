#!/usr/bin/env bash
# The HTTP server beside nginx, where nginx is installed: a small answer and one of 100,000 bytes, at a fixed rate and
# (where wrk is installed) as fast as it goes, one after the other on the same machine.
# usage: tests/bench/http_load.sh [BUILD-FOLDER [SECONDS [RATE]]]
set -euo pipefail
build=${1:-build} seconds=${2:-10} rate=${3:-1000}
load=$build/tests/bench/http-load serve=$build/tests/integration/http_serve
dir=$(mktemp -d)
chmod 755 "$dir" # nginx reads it as another user
pids=()
cleanup() {
  for p in "${pids[@]}"; do kill "$p" 2>/dev/null || true; done
  wait 2>/dev/null || true
  rm -rf "$dir"
}
trap cleanup EXIT

measure() { # NAME ADDRESS [pid=PID]
  echo "== $1: $rate requests/s for $seconds s"
  "$load" "$2" "rate=$rate" "seconds=$seconds" every=3600 "${@:3}" /hello "/big?n=100000" || true
  if command -v wrk >/dev/null; then
    for path in hello "big?n=100000"; do
      echo "== $1: /$path, as fast as it goes, 64 connections"
      wrk -t1 -c64 "-d${seconds}s" --latency "http://$2/$path" | grep -E '50%|99%|Requests/sec' || true
    done
  fi
}

"$serve" 127.0.0.1:0 threads=2 >"$dir/url" &
pids+=($!)
for _ in {1..50}; do [[ -s $dir/url ]] && break; sleep 0.1; done
measure gpuwise "$(sed 's,http://,,' "$dir/url")" "pid=${pids[0]}"

command -v nginx >/dev/null || { echo "nginx is not installed: nothing to compare with"; exit 0; }
port=$((20000 + RANDOM % 20000))
printf 'hello world\n' >"$dir/hello"
head -c 100000 /dev/zero >"$dir/big"
cat >"$dir/nginx.conf" <<CONF
daemon off;
pid $dir/pid;
error_log $dir/error;
worker_processes 2;
events { worker_connections 4096; }
http {
  access_log off; sendfile on; tcp_nodelay on; keepalive_requests 1000000;
  server { listen 127.0.0.1:$port; root $dir; }
}
CONF
nginx -c "$dir/nginx.conf" -p "$dir" 2>/dev/null &
pids+=($!)
sleep 1
measure nginx "127.0.0.1:$port" # its work is done by children, so no pid
