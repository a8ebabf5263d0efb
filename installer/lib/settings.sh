# shellcheck shell=sh
# The few settings of the proxy that its container depends on, read from .env and provider-config.yaml: the port, the
# grace, whether there is TLS.
#
# The program itself is the judge of these files (`ai-proxy check`); here only single values are picked. What always
# holds: a value that cannot be read is said and the cautious choice taken, never guessed silently.

# without_bom FILE: editors put the mark of an encoding in front, each of them where files were put together, and the program
# reads over it.
without_bom() {
    LC_ALL=C sed "s/^$(printf '\357\273\277')//" "$1"
}

# env_value NAME FILE: as the program reads it: quotes taken off, a comment behind it or in its place left out.
env_value() {
    [ -r "$2" ] || return 0
    without_bom "$2" | sed -n "s/^[[:space:]]*\(export[[:space:]][[:space:]]*\)\{0,1\}$1[[:space:]]*=[[:space:]]*//p" | tail -n 1 | sed "
        /^\"/ { s/^\"\([^\"]*\)\".*/\1/; b blanks
        }
        /^'/ { s/^'\([^']*\)'.*/\1/; b blanks
        }
        s/^#.*//
        s/[[:space:]]#.*//
        : blanks
        s/^[[:space:]]*//
        s/[[:space:]]*\$//"
}

# named_number NAME FILE: the value of NAME, or the number in the file that NAME_FILE names, as the program inside sees it.
# Of another file, which root may read and others not, nothing is told.
named_number() {
    named=$(env_value "$1" "$2")
    named_file=$(env_value "$1_FILE" "$2")
    case $named_file in /app/config/*) named_file=$CONFIG_DIR/${named_file#/app/config/} ;; esac
    if [ -z "$named" ] && [ -n "$named_file" ]; then
        if [ -r "$named_file" ]; then
            named=$(without_bom "$named_file" | sed -n '1 s/^[[:space:]]*\([0-9][0-9]*\)[[:space:]]*$/\1/p')
        else
            warn "$1_FILE in $2 names a file that cannot be read from here: $named_file"
        fi
    fi
    printf '%s\n' "$named"
}

# server_value NAME FILE: a plain value under `server:`, in either style of YAML.
server_value() {
    [ -r "$2" ] || return 0
    without_bom "$2" | awk -v name="$1" '
        /^["\047]?server["\047]?[[:space:]]*:/ { inside = 1; line = $0; sub(/^[^:]*:/, "", line); look(line); next }
        /^[^[:space:]#]/ { inside = 0 }
        inside { look($0) }
        function look(text,    rest) {
            # A hash begins a comment only at the start or behind a blank.
            sub(/(^|[[:space:]])#.*/, "", text)
            if (match(text, "(^|[{,[:space:]])[\"\047]?" name "[\"\047]?[[:space:]]*:[[:space:]]*")) {
                rest = substr(text, RSTART + RLENGTH)
                sub(/[,}].*/, "", rest)
                gsub(/^[[:space:]"]+|[[:space:]"]+$/, "", rest)
                gsub(/\047/, "", rest)
                if (rest != "") found = rest
            }
        }
        END { if (found != "") print found }'
}

# whole_seconds DURATION: 30s, 1m30s, 250ms (a part counts as a whole), 0; fails on anything else.
whole_seconds() {
    printf '%s\n' "$1" | awk '
        { rest = $0; total = 0; if (rest == "0") { print 0; exit } if (rest == "") exit 1
          while (rest != "") {
              if (!match(rest, /^[0-9]+(\.[0-9]+)?/)) { bad = 1; break }
              number = substr(rest, 1, RLENGTH); rest = substr(rest, RLENGTH + 1)
              if (rest ~ /^ms/) { total += number / 1000; rest = substr(rest, 3) }
              else if (rest ~ /^s/) { total += number; rest = substr(rest, 2) }
              else if (rest ~ /^m/) { total += number * 60; rest = substr(rest, 2) }
              else if (rest ~ /^h/) { total += number * 3600; rest = substr(rest, 2) }
              else { bad = 1; break }
          }
          if (bad) exit 1
          whole = int(total); if (whole < total) whole++; print whole }'
}

# read_settings: PORT, GRACE, SCHEME, MUTUAL_TLS of the configuration that is there, or will be made.
read_settings() {
    env_file=$CONFIG_DIR/.env yaml_file=$CONFIG_DIR/provider-config.yaml
    PORT=$(named_number PORT "$env_file")
    [ -n "$PORT" ] || PORT=$(server_value port "$yaml_file")
    if [ ! -e "$env_file" ] && [ -n "$(option port)" ]; then
        PORT=$(option port)
    fi
    # 08080 is no octal number, as the shell would have it.
    PORT=$(printf '%s\n' "${PORT:-8080}" | sed 's/^0*\([0-9]\)/\1/')
    GRACE=$(server_value shutdown_grace "$yaml_file")
    if ! GRACE=$(whole_seconds "${GRACE:-30s}"); then
        warn "server.shutdown_grace in $yaml_file cannot be read from here; the time to stop is an hour then (--stop-timeout sets another)"
        GRACE=3600
    fi
    # Where nothing is said of it, it is part of the grace.
    DELAY=$(server_value drain_delay "$yaml_file")
    if ! DELAY=$(whole_seconds "${DELAY:-0s}"); then
        warn "server.drain_delay in $yaml_file cannot be read from here; the time to stop is an hour longer then (--stop-timeout sets another)"
        DELAY=3600
    fi
    # shellcheck disable=SC2034 # read in other files
    STOP_TIMEOUT=$(chosen stop-timeout $((GRACE + DELAY + 10)))
    SCHEME=http MUTUAL_TLS=0
    # shellcheck disable=SC2034 # read in other files
    [ -z "$(env_value TLS_CERT "$env_file")$(env_value TLS_CERT_FILE "$env_file")" ] || SCHEME=https
    # shellcheck disable=SC2034 # read in other files
    [ -z "$(env_value TLS_CLIENT_CA "$env_file")$(env_value TLS_CLIENT_CA_FILE "$env_file")" ] || MUTUAL_TLS=1
}
