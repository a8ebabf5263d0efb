# shellcheck shell=sh
# What to do now: every line can be typed as it stands.

# public_bind: whether others than this machine reach the port.
public_bind() {
    case $(chosen bind '') in
    127.* | ::1 | '[::1]') return 1 ;;
    esac
}

next_steps() {
    next_url=$(final_url)
    next_flag=
    [ "$SCHEME" = http ] || next_flag=' -k'
    say ''
    say "ai-proxy $VERSION serves on $next_url"
    if [ "$SCHEME" = http ] && public_bind; then
        warn "port $PORT is open to other machines, without TLS: whoever is on the way can read tokens and prompts. For this machine alone, or behind a reverse proxy: install.sh --bind 127.0.0.1; for HTTPS: TLS_CERT and TLS_KEY in $CONFIG_DIR/.env, and install.sh again"
    fi
    say "  settings and keys   $CONFIG_DIR/.env (add a line such as GROQ_API_KEY=...; it is taken up by itself)"
    say "  providers, models   $CONFIG_DIR/provider-config.yaml"
    say "  is it well          curl$next_flag $next_url/health"
    say "  ask it something    curl$next_flag $next_url/v1/chat/completions -H \"authorization: Bearer \$TOKEN\" -H 'content-type: application/json' -d '{\"model\":\"demo\",\"messages\":[{\"role\":\"user\",\"content\":\"hello\"}]}'"
    say "  log                 $ENGINE logs -f ai-proxy"
    say "  restart             $ENGINE restart ai-proxy"
    say "  go back             $ROOT/installer/install.sh rollback"
    say "  uninstall           $ROOT/installer/uninstall.sh"
    [ -z "$COMPOSE" ] || note "compose is here too ($COMPOSE); docker-compose.yml is for those who prefer it, not beside this"
    say "  log of this run     ${LOG_FILE:-none}"
    if [ -n "$MADE_TOKEN" ]; then
        say ''
        show_secret "client token, made just now and shown once (it is AUTH_TOKEN in $CONFIG_DIR/.env):"
        show_secret "  TOKEN=$MADE_TOKEN"
    fi
}
