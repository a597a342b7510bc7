# The image that runs: no compiler, no headers, no root. After build.Dockerfile, and on the same distribution:
#   docker build -f Examples/Docker/runtime.Dockerfile -t lwscat .
#   docker run --rm -it --init lwscat wss://example.com/
# An authority of your own: COPY ca.crt /usr/local/share/ca-certificates/ and RUN update-ca-certificates, before USER.
FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends \
        libwebsockets17 libwebsockets-evlib-uv libssl3 libuv1 zlib1g ca-certificates \
    && rm -rf /var/lib/apt/lists/*
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin app
COPY --from=websocket-build /app/lwscat /usr/local/bin/lwscat
USER app
ENTRYPOINT ["/usr/local/bin/lwscat"]
