#!/bin/sh
# Prints a C header with one string literal for each Lua script: redis/lua/next.lua becomes lua_next.
set -eu
echo '/* made from redis/lua by embed.sh */'
for file in "$@"; do
    name=$(basename "$file" .lua)
    printf 'static const char lua_%s[] =\n' "$name"
    sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/^/\t"/' -e 's/$/\\n"/' "$file"
    echo ';'
done
