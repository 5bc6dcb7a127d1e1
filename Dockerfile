# SPDX-License-Identifier: Apache-2.0
# One file for every service:
#
#   docker build --build-arg SERVICE=ads -t denvoy-ads .
#   docker run --read-only --cap-drop ALL --security-opt no-new-privileges \
#     -p 18000:18000 -p 127.0.0.1:18001:18001 \
#     -v "$PWD/resources":/etc/denvoy/resources:ro -v "$PWD/tls":/etc/denvoy/tls:ro \
#     -v denvoy-ads:/var/lib/denvoy \
#     denvoy-ads --resources /etc/denvoy/resources --tls-cert /etc/denvoy/tls/tls.crt \
#     --tls-key /etc/denvoy/tls/tls.key --client-ca /etc/denvoy/tls/ca.crt \
#     --http-admin 'spiffe://shop/ops/*'
#
# Configuration is read below /etc/denvoy (also denvoy.yaml, if it is there), state is kept in
# /var/lib/denvoy; the service may touch nothing else. It listens on the ports of the reference, and
# on no others: map them outside. Its user is 1993: that user must be able to read the TLS key, and
# to write a folder of the host that is mounted at /var/lib/denvoy.

FROM denoland/deno:2.9.5 AS build
ARG SERVICE
WORKDIR /app
COPY deno.json deno.lock ./
COPY cli cli
COPY tools tools
COPY libs libs
COPY services services
# Downloads what the service imports, exactly as locked, and writes /app/start and /app/health.
RUN deno install --frozen --entrypoint services/${SERVICE}/main.ts \
 && deno run --allow-write=/app --frozen tools/image/entrypoint.ts ${SERVICE} /app \
 && mkdir -p /etc/denvoy /var/lib/denvoy

FROM denoland/deno:2.9.5
COPY --from=build --chown=deno:deno /deno-dir /deno-dir
COPY --from=build /app /app
COPY --from=build /etc/denvoy /etc/denvoy
COPY --from=build --chown=deno:deno /var/lib/denvoy /var/lib/denvoy
WORKDIR /app
USER deno
VOLUME /var/lib/denvoy
HEALTHCHECK --interval=5s --timeout=3s --start-period=20s CMD ["/app/health"]
ENTRYPOINT ["/app/start"]
