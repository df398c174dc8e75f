# The server (stage `flashsaled`, the last and so the default) and the NGINX in front of it (stage `edge`), both from
# the packages that scripts/packages names. docker-compose.yml runs them.

FROM debian:12-slim AS build
WORKDIR /src
COPY scripts/install scripts/packages scripts/
RUN scripts/install build
COPY CMakeLists.txt CMakePresets.json openapi.yaml ./
COPY cmake cmake
COPY include include
COPY src src
RUN cmake --preset release -DFLASHSALE_TESTS=OFF && cmake --build build/release --target flashsaled && strip --strip-debug build/release/flashsaled

FROM debian:12-slim AS edge
WORKDIR /opt/flashsale
COPY scripts/install scripts/packages scripts/
RUN scripts/install edge && rm -rf /var/lib/apt/lists/*
COPY LICENSE ./
COPY scripts/render_nginx scripts/
COPY config/nginx.conf config/
ENV EDGE_LISTEN=0.0.0.0:8088 EDGE_RATE_LIMIT=on EDGE_INSTANCES="flashsaled-1:8080 flashsaled-2:8080"
USER www-data
EXPOSE 8088
STOPSIGNAL SIGQUIT
HEALTHCHECK --interval=5s --timeout=3s --start-period=10s --retries=3 CMD ["curl", "-fsS", "-o", "/dev/null", "http://127.0.0.1:8088/livez"]
# The prefix is the only directory that is written to; the instances are a list of words.
CMD ["sh", "-c", "mkdir -p /tmp/edge && scripts/render_nginx $EDGE_LISTEN $EDGE_RATE_LIMIT stderr /dev/stdout $EDGE_INSTANCES <config/nginx.conf >/tmp/edge/nginx.conf && exec nginx -p /tmp/edge/ -c nginx.conf -e stderr -g 'daemon off;'"]

FROM debian:12-slim AS flashsaled
LABEL org.opencontainers.image.title="flashsaled" \
      org.opencontainers.image.description="A flash-sale backend" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="MIT"
WORKDIR /opt/flashsale
COPY scripts/install scripts/packages scripts/
RUN scripts/install image && rm -rf /var/lib/apt/lists/*
RUN useradd --system --uid 10001 --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin flashsale && install -d -o flashsale -g flashsale -m 700 /var/lib/flashsale
COPY LICENSE ./
COPY scripts/demo_sale scripts/generate_secrets scripts/
COPY config/flashsaled.toml config/
COPY --from=build /src/build/release/flashsaled /usr/local/bin/flashsaled
USER flashsale
EXPOSE 8080 8081
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=3s --start-period=20s --retries=3 CMD ["curl", "-fsS", "-o", "/dev/null", "http://127.0.0.1:8080/readyz"]
ENTRYPOINT ["flashsaled"]
CMD ["serve"]
