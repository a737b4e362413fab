# syntax=docker/dockerfile:1

# A small image of Tocsin: the frontend and the server are built in a first stage,
# and only the binary is copied to the second.
#
#   docker build -t tocsin .

FROM rust:1.95-bookworm AS build
# The frontend is compiled to WebAssembly.
RUN rustup target add wasm32-unknown-unknown
WORKDIR /src
COPY . .
# Downloads and build results stay in caches between builds. A cache is not part
# of the image, so the binary is copied out in the same step.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    --mount=type=cache,target=/src/frontend/target \
    cargo xtask frontend --release \
    && cargo build --locked --profile dist --package tocsin-api --features embed \
    && cp target/dist/tocsin /usr/local/bin/tocsin

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --user-group --home-dir /data --shell /usr/sbin/nologin tocsin \
    && install --directory --owner=tocsin --group=tocsin --mode=0700 /data
COPY --from=build /usr/local/bin/tocsin /usr/local/bin/tocsin
COPY LICENSE tocsin.example.toml /usr/share/doc/tocsin/

USER tocsin
WORKDIR /data
VOLUME /data
EXPOSE 8080
# All access is denied until the first administrator is created: the container's
# log contains the link.
ENV TOCSIN_DATA_DIR=/data \
    TOCSIN_SERVER_LISTEN=0.0.0.0:8080

# The image has no curl, but bash can open a connection. /readyz needs no
# credential: 200 while deliveries can be stored, otherwise 503 with the reason.
HEALTHCHECK --interval=15s --timeout=8s --start-period=20s --retries=3 \
    CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/8080 && printf 'GET /readyz HTTP/1.0\\r\\n\\r\\n' >&3 && head -n 1 <&3 | grep -q ' 200 '"]

# On shutdown accepted requests are stored and answered, which can take
# server.drain_timeout (25 s): use docker stop --time 40, or stop_grace_period.
STOPSIGNAL SIGTERM
ENTRYPOINT ["tocsin"]
CMD ["serve"]
