"""Shows DocC archives in a browser, on this machine only.

usage: serve.py DIRECTORY PORT

Each NAME.doccarchive of the directory is served below /NAME/, which is where `--hosting-base-path NAME` says that it is. A file
server over the directory itself would not do: the pages ask for /NAME/, and the folder is called NAME.doccarchive.
"""

import functools
import html
import http.server
import os
import pathlib
import sys

SUFFIX = ".doccarchive"


class Handler(http.server.SimpleHTTPRequestHandler):
    def translate_path(self, path):
        # The base class takes out the query, the escapes and every "..".
        below = os.path.relpath(super().translate_path(path), self.directory).split(os.sep)
        below[0] += SUFFIX
        return os.path.join(self.directory, *below) + ("/" if path.split("?")[0].endswith("/") else "")

    def do_GET(self):
        if self.path == "/":
            self.send_contents()
        else:
            super().do_GET()

    def send_contents(self):
        names = sorted(entry.name.removesuffix(SUFFIX) for entry in pathlib.Path(self.directory).glob("*" + SUFFIX))
        items = "".join(
            f'<li><a href="/{html.escape(name)}/documentation/{html.escape(name.lower())}/">{html.escape(name)}</a></li>'
            for name in names
        )
        page = f'<!doctype html><meta charset="utf-8"><title>Documentation</title><ul>{items}</ul>'.encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    def end_headers(self):
        # The archives may be built again while a browser shows them.
        self.send_header("Cache-Control", "no-cache")
        super().end_headers()

    def log_message(self, format, *arguments):
        pass


def main():
    directory, port = sys.argv[1], int(sys.argv[2])
    handler = functools.partial(Handler, directory=os.path.abspath(directory))
    try:
        server = http.server.ThreadingHTTPServer(("127.0.0.1", port), handler)
    except OSError as error:
        sys.exit(f"docs: error: port {port} cannot be listened on: {error.strerror}; give another one")
    print(f"docs: read at http://127.0.0.1:{server.server_port}/ (ctrl-c ends it)", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass


main()
