"""An IMAP server that says what Dovecot never does: answers by command in, what the client said out."""

import socketserver
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

ANSWERS = {"LOGIN": "{tag} OK done\r\n", "LOGOUT": "* BYE\r\n{tag} OK bye\r\n"}


@contextmanager
def scripted_server(
    capabilities: str, answers: Mapping[str, str] = ANSWERS
) -> Iterator[tuple[int, list[str]]]:
    """Give the port and the lines heard so far; at a command whose answer is empty the server hangs up."""
    heard: list[str] = []
    said = {"CAPABILITY": f"* CAPABILITY {capabilities}\r\n{{tag}} OK done\r\n", **ANSWERS, **answers}

    class Session(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(b"* OK ready\r\n")
            for line in self.rfile:
                heard.append(line.decode())
                tag, command = line.decode().split()[:2]
                if not said[command]:
                    return
                self.wfile.write(said[command].format(tag=tag).encode())

    with socketserver.TCPServer(("127.0.0.1", 0), Session) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server.server_address[1], heard
        finally:
            server.shutdown()
            thread.join()
