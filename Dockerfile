# Two of the images bring Node; the last one gets git, ssh and the renderers beside it. Pin them by digest for a release.
ARG GO_IMAGE=golang:1.26-bookworm
ARG BUILD_IMAGE=node:26-bookworm-slim
ARG RUNTIME_IMAGE=node:26-bookworm-slim

# kustomize and Helm from the modules that renderers/*/go.mod pin, and the sandbox that they run in.
FROM ${GO_IMAGE} AS renderers
ENV CGO_ENABLED=0 GOWORK=off
WORKDIR /src
COPY renderers ./
RUN mkdir /out \
 && cd /src/kustomize && go build -trimpath -mod=readonly -o /out/kustomize \
      -ldflags "-s -w -X sigs.k8s.io/kustomize/api/provenance.version=v5.8.2" sigs.k8s.io/kustomize/kustomize/v5 \
 && cd /src/helm && go build -trimpath -mod=readonly -o /out/helm \
      -ldflags "-s -w -X helm.sh/helm/v3/internal/version.version=v3.22.0" helm.sh/helm/v3/cmd/helm \
 && cd /src/sandbox && go build -trimpath -mod=readonly -ldflags "-s -w" -o /out/fairlead-sandbox .

FROM ${BUILD_IMAGE} AS build
WORKDIR /src
COPY package.json package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY src ./src
RUN npm run build

FROM ${BUILD_IMAGE} AS dependencies
WORKDIR /src
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --no-audit --no-fund

FROM ${RUNTIME_IMAGE}
# ssh refuses to run for a uid that has no name, hence the user.
RUN apt-get update \
 && apt-get install -y --no-install-recommends git openssh-client ca-certificates \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --uid 65532 --home-dir /tmp --no-create-home --shell /usr/sbin/nologin fairlead \
 && install -d -o 65532 -g 65532 /var/lib/fairlead
COPY --from=renderers /out/ /usr/local/bin/
WORKDIR /app
COPY --from=dependencies /src/node_modules ./node_modules
COPY --from=build /src/dist ./dist
# The module type is read from here.
COPY package.json ./
ENV NODE_ENV=production HOME=/tmp
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["node", "/app/dist/main.js"]
CMD ["run"]
