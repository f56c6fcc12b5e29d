"""A proxy in front of a real S3 server that fails in the ways of proxies and load balancers. It answers `fault(request)`: the name
of a fault, one of the methods `do_…` below, or None to pass the request on as it is."""
import http.client
import socket
import threading
import time

PAGE = b"<!DOCTYPE html><html><head><title>Sign in</title></head><body>Please accept the terms of this network.</body></html>"


class Request:
    def __init__(self, line, headers, body):
        self.method, self.target, _ = line.split(" ", 2)
        self.headers, self.body = headers, body
        self.path, _, self.query = self.target.partition("?")

    @property
    def is_listing(self):
        """Of objects."""
        return self.method == "GET" and "list-type=2" in self.query


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def header(self, name):
        return next((value for key, value in self.headers if key.lower() == name), "")

    def set(self, name, value):
        self.headers = [(k, v) for k, v in self.headers if k.lower() != name.lower()]
        if value is not None:
            self.headers.append((name, value))


class FaultyProxy:
    """Listens on a port of its own from start to close()."""

    def __init__(self, target):
        self.host = target.split("://")[1]
        self.fault = lambda request: None
        self.stopping = False
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.accept, daemon=True)
        self.thread.start()

    endpoint = property(lambda self: f"http://127.0.0.1:{self.port}")

    def close(self):
        self.stopping = True
        self.fault = lambda request: None
        self.listener.close()

    def accept(self):
        while not self.stopping:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        try:
            connection.settimeout(120)
            reader = connection.makefile("rb")
            while self.one(connection, reader):
                pass
        except (OSError, ValueError, http.client.HTTPException):
            pass
        finally:
            connection.close()

    def one(self, connection, reader):
        line = reader.readline().decode("latin-1").rstrip()
        if not line:
            return False
        headers = []
        while (text := reader.readline().decode("latin-1").rstrip()):
            name, _, value = text.partition(":")
            headers.append((name, value.strip()))
        length = int(dict((k.lower(), v) for k, v in headers).get("content-length", 0))
        request = Request(line, headers, reader.read(length))
        fault = self.fault(request)
        if fault is None:
            return self.send(connection, request, self.forward(request))
        return getattr(self, "do_" + fault)(connection, request)

    def forward(self, request):
        upstream = http.client.HTTPConnection(self.host, timeout=60)
        try:
            upstream.putrequest(request.method, request.target, skip_host=True, skip_accept_encoding=True)
            for name, value in request.headers:
                upstream.putheader(name, value)
            upstream.endheaders(request.body or None)
            got = upstream.getresponse()
            body = got.read()
            headers = [(k, v) for k, v in got.getheaders() if k.lower() not in ("transfer-encoding", "connection")]
            answer = Answer(got.status, headers, body)
            if request.method != "HEAD" and got.status != 204:
                answer.set("Content-Length", str(len(body)))
            return answer
        finally:
            upstream.close()

    def send(self, connection, request, answer):
        """Whether the connection waits for another request."""
        head = f"HTTP/1.1 {answer.status} {http.client.responses.get(answer.status, 'Unknown')}\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in answer.headers)
        connection.sendall(head.encode("latin-1") + b"\r\n" + (b"" if request.method == "HEAD" else answer.body))
        return True

    def answer_page(self, connection, request, status, body, kind, extra=()):
        headers = [("Content-Type", kind), ("Content-Length", str(len(body))), ("Date", time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime())), *extra]
        return self.send(connection, request, Answer(status, headers, body))

    # ---- faults ----

    def do_etag(self, connection, request):
        answer = self.forward(request)
        if answer.header("etag"):
            answer.set("ETag", '"0123456789abcdef0123456789abcdef"')
        return self.send(connection, request, answer)

    def do_endless(self, connection, request):
        """A listing that begins again and again."""
        if "continuation-token" not in request.query:
            more = b"<IsTruncated>true</IsTruncated><NextContinuationToken>again</NextContinuationToken>"
            self.first_page = self.forward(request).body.replace(b"<IsTruncated>false</IsTruncated>", more)
        return self.answer_page(connection, request, 200, self.first_page, "application/xml")

    def do_page(self, connection, request):
        return self.answer_page(connection, request, 200, PAGE, "text/html")

    def do_page_with_etag(self, connection, request):
        return self.answer_page(connection, request, 200, PAGE, "text/html", [("ETag", '"5f3-a"'), ("Last-Modified", "Mon, 06 May 2024 07:08:09 GMT")])

    def do_not_found_page(self, connection, request):
        """A load balancer that has nothing behind it."""
        return self.answer_page(connection, request, 404, b"<html><body>default backend - 404</body></html>", "text/html")
