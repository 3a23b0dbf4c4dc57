# Two stages: the first installs exactly the lockfile, the second holds only what runs, as a user without rights.
FROM node:24-bookworm-slim AS install
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# The image brings Node 24, and in a container the database is a server of its own: neither the bundled Node nor the
# embedded Postgres is needed.
RUN npm ci --omit=dev --omit=optional

FROM node:24-bookworm-slim
ENV NODE_ENV=production HOST=0.0.0.0 PORT=3000 POSTERN_DATA_DIR=/var/lib/postern
RUN install -d -o node -g node -m 0700 /var/lib/postern
WORKDIR /app
COPY --from=install /app/node_modules node_modules
COPY package.json ./
COPY bin bin
COPY migrations migrations
COPY src src
USER node
VOLUME /var/lib/postern
EXPOSE 3000
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:'+process.env.PORT+'/api/v1/health').then((r)=>process.exit(r.ok?0:1),()=>process.exit(1))"]
# SIGTERM is passed to the process itself: it finishes what is in hand within 25 s.
STOPSIGNAL SIGTERM
ENTRYPOINT ["node", "--max-semi-space-size=8", "bin/postern.mjs"]
CMD ["start"]
