//! What `--help` says.

pub const USAGE: &str =
    "usage: ai-proxy [serve | check | health | models] [--config FILE] [--env-file FILE]\n       ai-proxy --help";

pub const HELP: &str = "\
ai-proxy: one gateway between AI clients and AI providers

usage: ai-proxy [COMMAND] [OPTIONS]

commands:
  serve    serve until SIGTERM or SIGINT (what happens without a command); SIGHUP reloads
  check    read the configuration and tell every mistake in it; serves nothing
  health   ask the running one; for container checks
  models   show every name that a client may ask for, and where it leads

options:
  -c, --config FILE     the YAML file (provider-config.yaml)
  -e, --env-file FILE   the file of secrets and process settings (.env)
      --url URL         with health: whom to ask, instead of what the configuration says
  -h, --help            this text
  -V, --version         the version

Without options the files are looked for in $AI_PROXY_CONFIG_DIR, then /app/config, then ./ai-proxy-config.
Without any of them it serves on 127.0.0.1:8080 with a demo provider and a token made for the run.

settings most often wanted, from the environment or .env:
  AUTH_TOKEN            client tokens, `token` or `name:token`, separated by commas
  ADMIN_TOKEN           for /metrics and the details of /health
  HOST, PORT            where to listen (127.0.0.1, 8080)
  OPENAI_API_KEY, ...   a provider's key enables it
  RUST_LOG, LOG_FORMAT  what to log (info), and how (text or json)
  TLS_CERT, TLS_KEY     PEM files: serve HTTPS
  STATE_DIR             where day quotas are kept over a restart

exit codes:
  0  all is well
  1  the configuration has mistakes; for `health`: not well, or no answer
  2  the command line is wrong
  3  the address cannot be listened on, or TLS cannot be set up
  4  any other failure, such as too few open files allowed (`ulimit -n` below 64)";
