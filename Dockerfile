# An image with one static program and nothing else: docker build --tag tokenmint .
# docs/how-to/container.md says how to run it. `make test-image` tests it.

FROM docker.io/library/rust:1.95-bookworm AS build
WORKDIR /src
COPY tools/debian-packages.sh tools/
RUN tools/debian-packages.sh musl
COPY . .
RUN tools/static-build.sh /out/tokenmint

FROM scratch
COPY --from=build /out/tokenmint /tokenmint
# These are numbers, because Kubernetes cannot tell from a name that this user is not root.
USER 65532:65532
# Only the container itself can ask for health and metrics, unless ADMIN_LISTEN is changed. IDENTITY has no default.
ENV LISTEN=0.0.0.0:9000 ADMIN_LISTEN=127.0.0.1:9001
EXPOSE 9000
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s CMD ["/tokenmint", "health"]
ENTRYPOINT ["/tokenmint"]
CMD ["serve"]
