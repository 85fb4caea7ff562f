# The images of a contest across containers, all on Debian's packages; deploy/compose/ runs them.
#
#   docker build --target estadio --tag olimpiadas/estadio .
#
# Targets: kafka, redis, prometheus, and estadio (every role; arguments as on the command line),
# which takes some minutes to compile. None runs as root, and none writes outside its volume.

FROM debian:bookworm-slim AS base
# Java's packages put manual pages there, and a slim system lacks the folder.
RUN mkdir -p /usr/share/man/man1


FROM base AS jars
WORKDIR /source/tools
COPY tools/deps tools/deps.txt tools/kafka.pom.xml ./
RUN ./deps kafka
RUN mvn --batch-mode --quiet --file kafka.pom.xml \
    org.apache.maven.plugins:maven-dependency-plugin:copy-dependencies -DoutputDirectory=/jars


FROM base AS kafka
RUN apt-get update --quiet=2 \
    && apt-get install --quiet=2 --yes --no-install-recommends default-jre-headless \
    && rm -rf /var/lib/apt/lists/* \
    && install --directory --owner=10001 --group=10001 /data
COPY --from=jars /jars /opt/kafka
COPY deploy/images/run-kafka deploy/images/is-ready /usr/local/bin/
USER 10001:10001
VOLUME /data
EXPOSE 9092
HEALTHCHECK --interval=5s --timeout=4s --start-period=60s CMD ["is-ready", "9092"]
CMD ["run-kafka"]


FROM base AS redis
RUN apt-get update --quiet=2 \
    && apt-get install --quiet=2 --yes --no-install-recommends redis-server \
    && rm -rf /var/lib/apt/lists/* \
    && install --directory --owner=10001 --group=10001 /data
USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 6379
HEALTHCHECK --interval=5s --timeout=4s --start-period=30s CMD ["redis-cli", "-e", "ping"]
CMD ["redis-server", "--bind", "0.0.0.0", "--protected-mode", "no", "--dir", "/data", \
     "--appendonly", "yes", "--save", "", "--maxmemory-policy", "noeviction"]


FROM base AS prometheus
RUN apt-get update --quiet=2 \
    && apt-get install --quiet=2 --yes --no-install-recommends prometheus \
    && rm -rf /var/lib/apt/lists/* \
    && install --directory --owner=10001 --group=10001 /data
COPY deploy/images/is-ready /usr/local/bin/
USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 9090
HEALTHCHECK --interval=5s --timeout=4s --start-period=30s CMD ["is-ready", "9090", "/-/ready"]
CMD ["prometheus", "--config.file=/etc/prometheus/prometheus.yml", "--storage.tsdb.path=/data", \
     "--web.listen-address=0.0.0.0:9090"]


# The image of estadio without its binary.
FROM base AS runtime
WORKDIR /tmp/tools
COPY tools/deps tools/deps.txt ./
RUN ./deps run && rm -rf /var/lib/apt/lists/*
WORKDIR /
USER 10001:10001
# Containers reach each other only when they listen beyond their own loopback address.
ENV ESTADIO_HTTP=0.0.0.0:8080
EXPOSE 8080
COPY deploy/images/is-ready /usr/local/bin/
HEALTHCHECK --interval=5s --timeout=4s --start-period=30s CMD ["is-ready", "8080", "/readyz"]
ENTRYPOINT ["estadio"]
CMD ["--help"]


FROM base AS built
WORKDIR /source
COPY tools/deps tools/deps.txt tools/
RUN tools/deps build
COPY . .
RUN tools/build release estadio && strip --strip-debug build/release/bin/estadio


FROM runtime AS estadio
COPY --from=built /source/build/release/bin/estadio /usr/local/bin/
