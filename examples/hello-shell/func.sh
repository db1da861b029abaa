#!/bin/sh
# The call's body is standard input, the reply is standard output, standard error is the log.
set -eu
name=$(cat)
echo "greeting ${name:-world}" >&2
echo "Hello, ${name:-world}!"
