# The image of ai-proxy: an Alpine with the static binary that installer/build-release.sh has put into dist/.
# Nothing is compiled here. docker, BuildKit and podman build it alike, and the same binary gives the same files.

# A version, so that a rebuild means the same system; --build-arg BASE_IMAGE=alpine@sha256:... pins it to the byte.
ARG BASE_IMAGE=alpine:3.23
FROM ${BASE_IMAGE}

# The user is written without today's date, which adduser would put into /etc/shadow. The echo is for those who come
# here without a binary: the step after this one is the one that fails then.
# hadolint ignore=DL3018
RUN apk add --no-cache ca-certificates \
    && addgroup -g 1001 ai-proxy \
    && adduser -D -H -h /app -s /sbin/nologin -u 1001 -G ai-proxy ai-proxy \
    && sed -i 's/^\(ai-proxy:[^:]*\):[0-9]*:/\1::/' /etc/shadow \
    && rm -f /etc/passwd- /etc/group- /etc/shadow- /var/log/apk.log \
    && mkdir -p /app/config /app/state \
    && chown 1001:1001 /app/state \
    && chmod 750 /app/state \
    && echo 'next comes dist/ai-proxy; if it is not found: installer/build-release.sh makes it'

# Is dist/ai-proxy not found? installer/build-release.sh makes it.
COPY dist/ai-proxy /usr/local/bin/ai-proxy

# A checkout or an unpacked archive may have lost the mode; changed only then, because it doubles the layer. That it
# runs on this base is seen now and not by whoever deploys it.
RUN binary=/usr/local/bin/ai-proxy \
    && if [ "$(stat -c %a "$binary")" != 755 ]; then chmod 755 "$binary"; fi \
    && "$binary" --version

# Behind the steps above, so that another version uses their cache. No PORT: it comes from the mounted .env at start.
ENV HOST=0.0.0.0 \
    STATE_DIR=/app/state
VOLUME ["/app/config", "/app/state"]
EXPOSE 8080
USER 1001:1001
ENTRYPOINT ["/usr/local/bin/ai-proxy"]
CMD ["serve"]

# build-release.sh writes these into the Dockerfile of its archive.
ARG VERSION=unknown
ARG REVISION=unknown
ARG SOURCE=unknown
LABEL org.opencontainers.image.title="ai-proxy" \
      org.opencontainers.image.description="A gateway between AI clients and AI providers" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.source="${SOURCE}"
