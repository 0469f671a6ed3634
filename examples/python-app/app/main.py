"""Serves the routes of /etc/app/config.yaml; with --check, asks its own health route."""
import http.server
import signal
import sys
import urllib.request

import yaml

CONFIG = "/etc/app/config.yaml"


class Handler(http.server.BaseHTTPRequestHandler):
    routes: dict[str, str] = {}

    def do_GET(self) -> None:
        text = self.routes.get(self.path)
        body = ((text if text is not None else "nothing here") + "\n").encode()
        self.send_response(200 if text is not None else 404)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def main() -> int:
    with open(CONFIG, encoding="utf-8") as f:
        config = yaml.safe_load(f)
    if sys.argv[1:] == ["--check"]:
        with urllib.request.urlopen(f"http://127.0.0.1:{config['port']}/healthz", timeout=2) as answer:
            return 0 if answer.status == 200 else 1
    Handler.routes = config["routes"]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    server = http.server.ThreadingHTTPServer(("", config["port"]), Handler)
    print(f"listening on port {config['port']}", flush=True)
    server.serve_forever()
    return 0


sys.exit(main())
