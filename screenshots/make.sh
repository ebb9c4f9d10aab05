#!/usr/bin/env bash
# Makes every picture of the README: runs the real program on the demo in tmux, and takes what it shows.
#
#   screenshots/make.sh              all of them
#   screenshots/make.sh queries help only these
#
# Needs tmux, node with npm, Chromium and the fonts DejaVu and Noto CJK. PGDJ=path takes a program that is built already,
# COMMAND='…' runs something else in its place, WARM=seconds lets the demo run for so long before the first picture.
set -euo pipefail

# name | columns | rows | keys, as tmux names them, or `wait` | what must be on the screen first (an extended regular expression)
shots='
incident     |  80 | 24 | 1       | do +Cancel
overview     | 120 | 40 | 1       | CRIT
locks        | 120 | 40 | 7       | stops? waiting
activity     | 120 | 40 | 2       | WAITS
queries      | 120 | 40 | 3       | shop_order
tables       | 120 | 40 | 4       | shop_cart
indexes      | 120 | 40 | 5       | shop_order
load         | 120 | 40 | 8       | products:detail
query-detail | 120 | 40 | 3 Enter | SELECT|FROM
explain      | 120 | 40 | 3 / s t a t u s Space c r e a t e d Enter j e wait R wait Enter | worth building
trial        | 120 | 40 | wait B y  | ried for real
help         | 120 | 40 | 1 ?     | [0-9]
wide         | 200 | 50 | 1       | [0-9]
narrow       |  80 | 24 | 4       | [0-9]
'

here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")
tools="$root/target/screenshots"
program=${PGDJ:-$root/target/release/pgdj}
export LC_ALL=C.UTF-8

if [ -z "${PGDJ:-}${COMMAND:-}" ]; then
  cargo build --release --manifest-path "$root/Cargo.toml"
fi
mkdir -p "$tools"
if [ ! -d "$tools/node_modules/@xterm/addon-unicode11" ]; then
  npm install --silent --no-save --prefix "$tools" \
    @xterm/xterm@5.5.0 @xterm/addon-canvas@0.7.0 @xterm/addon-unicode11@0.8.0 >/dev/null
fi

socket="pgdj-screenshots-$$"
tmux() { command tmux -L "$socket" -f /dev/null -u "$@"; }
trap 'tmux kill-server 2>/dev/null || true' EXIT
tmux new-session -d -s shot -x 120 -y 40 "COLORTERM=truecolor TERM=tmux-256color ${COMMAND:-$program demo}"
tmux set-option -g status off
tmux set-option -g window-size manual

wait_for() { # a regular expression, for at most so many seconds
  local until=$((SECONDS + $2))
  until tmux capture-pane -p -t shot | grep -Eq -- "$1"; do
    if ! tmux has-session -t shot 2>/dev/null; then echo "the program ended before it showed: $1" >&2; return 1; fi
    if [ "$SECONDS" -ge "$until" ]; then echo "not shown within $2 s: $1" >&2; return 1; fi
    sleep 0.2
  done
}

# The first screen, then time for the load chart to fill and every trouble of the demo to come up once.
wait_for '[0-9]' 60
sleep "${WARM:-75}"

while IFS='|' read -r name columns rows keys wanted; do
  read -r name <<<"$name"
  wanted=$(sed 's/^ *//; s/ *$//' <<<"$wanted")
  [ -n "$name" ] || continue
  if [ $# -gt 0 ] && [[ " $* " != *" $name "* ]]; then continue; fi
  tmux resize-window -t shot -x "$((columns))" -y "$((rows))"
  for key in $keys; do
    if [ "$key" = wait ]; then sleep 3; continue; fi
    tmux send-keys -t shot "$key"
    sleep 0.3
  done
  wait_for "$wanted" 60
  sleep 1
  tmux capture-pane -N -e -p -t shot >"$tools/$name.ansi"
  node "$here/render.mjs" "$tools/$name.ansi" "$here/$name" "$((columns))" "$((rows))"
  echo "screenshots/$name.png, screenshots/$name.svg"
  tmux send-keys -t shot Escape
  sleep 0.3
done <<<"$shots"
