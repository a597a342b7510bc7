# The image that builds. From the package's root, or from that of your own package:
#   docker build -f Examples/Docker/build.Dockerfile -t websocket-build .
# What is not sent is in build.Dockerfile.dockerignore beside this file.
FROM swift:6.3-bookworm
RUN apt-get update \
    && apt-get install -y --no-install-recommends libwebsockets-dev libssl-dev libuv1-dev zlib1g-dev pkg-config \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
# Swift's own libraries go into the program; the C libraries stay the distribution's, which keeps them up to date. For a program
# of your own, put its name in place of lwscat, here and in runtime.Dockerfile.
RUN swift build -c release --static-swift-stdlib --product lwscat \
    && install -D "$(swift build -c release --static-swift-stdlib --product lwscat --show-bin-path)/lwscat" /app/lwscat
