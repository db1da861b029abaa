#!/bin/sh
# A function of Fn's format json: every line of standard input is a call, every line of standard output its answer.
count=0
while read -r call; do
    count=$((count + 1))
    id=${call#*\"call_id\":\"}
    echo "this is call ${id%%\"*}" >&2
    printf '{"body":"%d\\n","content_type":"text/plain"}\n' "$count"
done
