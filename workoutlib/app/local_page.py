"""Pages that a command shows on this machine alone."""

from __future__ import annotations

import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PORTS_TRIED = 20


class LocalServer(ThreadingHTTPServer):
    """A server of this machine alone, a thread a request."""

    daemon_threads = True
    allow_reuse_address = os.name != "nt"  # Windows would give two programs one port


class LocalHandler(BaseHTTPRequestHandler):
    """What the handlers of all local pages share."""

    def is_own(self) -> bool:
        """Whether the request was meant for this page; else it is answered with 403.

        A page elsewhere whose name leads to this machine would else see what is shown here ("DNS rebinding").
        """
        port = self.connection.getsockname()[1]
        if self.headers.get("Host", "").lower() in {f"127.0.0.1:{port}", f"localhost:{port}"}:
            return True
        self.send_error(403, "Open the address that workoutlib has printed")
        return False

    def reply(self, body: bytes, kind: str, status: int = 200) -> None:
        """Answer with a body that no cache keeps."""
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        """Nothing: a line a request would bury the address."""


def local_server(handler: type[LocalHandler], port: int) -> LocalServer:
    """A server on 127.0.0.1 that does not serve yet, at `port`, or the first free one of those that follow it.

    Raises:
        OSError: nothing can be served on this machine.
    """
    for each in range(port, min(port + PORTS_TRIED, 65536)):
        try:
            return LocalServer(("127.0.0.1", each), handler)
        except (OSError, OverflowError):  # OverflowError: no number of a port
            continue
    return LocalServer(("127.0.0.1", 0), handler)


def address(server: LocalServer) -> str:
    """What to open in a browser."""
    return f"http://127.0.0.1:{server.server_port}/"
