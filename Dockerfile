# Both images bring Node; the second one gets git and ssh beside it. Pin them by digest for a release.
ARG BUILD_IMAGE=node:26-bookworm-slim
ARG RUNTIME_IMAGE=node:26-bookworm-slim

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
