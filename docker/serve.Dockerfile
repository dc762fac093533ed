# The web service: no compiler, no database server, nothing that fits models, and a user who is not root.
#   docker build --file docker/serve.Dockerfile --tag pgscore-serve .
# Each RUN is a script of docker/steps, which `make test-docker` runs on Debian 12 without a container; it builds no image.
FROM debian:12-slim AS built
WORKDIR /opt/pgscore
COPY . .
RUN docker/steps/serve /opt/pgscore/.venv

FROM debian:12-slim AS serve
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends python3 && rm -rf /var/lib/apt/lists/*
COPY --from=built /opt/pgscore/.venv /opt/pgscore/.venv
COPY --from=built /opt/pgscore/docker/steps/healthy /opt/pgscore/healthy
ENV PATH=/opt/pgscore/.venv/bin:/usr/bin:/bin PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
# nobody, by number, so that Kubernetes knows that it is not root.
USER 65534:65534
EXPOSE 8000
# It answers other machines, and so refuses to start without tokens or certificates of callers: PGSCORE_SERVE_TOKEN,
# --token-file, --client-ca, or --anybody where something in front asks for them. PGSCORE_DSN says where the database is.
ENV PGSCORE_SERVE_HOST=0.0.0.0 PGSCORE_SERVE_PORT=8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s CMD ["/opt/pgscore/healthy"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["pgscore", "serve"]
