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
COPY tools/load tools/load
RUN cmake --preset release -DFLASHSALE_TESTS=OFF && cmake --build build/release --target flashsaled && strip --strip-debug build/release/flashsaled

FROM debian:12-slim AS edge
WORKDIR /opt/flashsale
COPY scripts/install scripts/packages scripts/
RUN scripts/install edge && rm -rf /var/lib/apt/lists/*
COPY LICENSE ./
COPY scripts/render_nginx scripts/run_edge scripts/
COPY config/nginx.conf config/
# Whatever umask the project's directory was made with.
RUN chmod -R a+rX .
ENV EDGE_LISTEN=0.0.0.0:8088 EDGE_RATE_LIMIT=on EDGE_INSTANCES="flashsaled-1:8080 flashsaled-2:8080"
# www-data, by number: whoever must not be root can be told apart from root without reading /etc/passwd.
USER 33:33
EXPOSE 8088
STOPSIGNAL SIGQUIT
HEALTHCHECK --interval=5s --timeout=3s --start-period=10s --retries=3 CMD ["curl", "--noproxy", "*", "-fsS", "-o", "/dev/null", "http://127.0.0.1:8088/livez"]
# The instances are a list of words.
CMD ["sh", "-c", "exec scripts/run_edge /tmp/edge $EDGE_LISTEN $EDGE_RATE_LIMIT $EDGE_INSTANCES"]

FROM debian:12-slim AS flashsaled
LABEL org.opencontainers.image.title="flashsaled" \
      org.opencontainers.image.description="A flash-sale backend" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="MIT"
WORKDIR /opt/flashsale
COPY scripts/install scripts/packages scripts/
RUN scripts/install image && rm -rf /var/lib/apt/lists/*
RUN useradd --system --uid 10001 --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin flashsale && install -d -o flashsale -g flashsale -m 700 /var/lib/flashsale && install -d -o flashsale -g flashsale -m 755 /etc/flashsale
COPY LICENSE ./
COPY scripts/demo_sale scripts/generate_secrets scripts/prepare_volumes scripts/render_redis_users scripts/render_rabbitmq_definitions scripts/make_database scripts/
COPY config/flashsaled.toml config/redis.conf config/redis_users.acl config/postgresql.conf config/postgresql_roles.sql config/rabbitmq.conf config/rabbitmq_definitions.json config/
COPY config/prometheus config/prometheus
COPY config/grafana config/grafana
# Whatever umask the project's directory was made with.
RUN chmod -R a+rX .
COPY --from=build /src/build/release/flashsaled /usr/local/bin/flashsaled
USER 10001:10001
EXPOSE 8080 8081
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=3s --start-period=20s --retries=3 CMD ["curl", "--noproxy", "*", "-fsS", "-o", "/dev/null", "http://127.0.0.1:8080/readyz"]
ENTRYPOINT ["flashsaled"]
CMD ["serve"]
