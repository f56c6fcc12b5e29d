"""A proxy in front of a real S3 server that fails in the ways of proxies, load balancers and links. It answers `fault(request)`: the name
of a fault, one of the methods `do_…` below, or None to pass the request on as it is."""
import gzip
import http.client
import re
import socket
import ssl
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
        return self.method == "GET" and "list-type=2" in self.query

    @property
    def is_get(self):
        """Of an object's bytes."""
        return self.method == "GET" and not self.query and self.path.count("/") > 1


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
    """Listens on a port of its own from start to close(). `tls`: an ssl.SSLContext of a server."""

    def __init__(self, target, tls=None):
        self.host = target.split("://")[1]
        self.tls = tls
        self.fault = lambda request: None
        self.seen = []  # (method, target, fault, status)
        self.open = self.most_open = 0
        self.lock = threading.Lock()
        self.stopping = False
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.accept, daemon=True)
        self.thread.start()

    endpoint = property(lambda self: f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}")

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
        with self.lock:
            self.open += 1
            self.most_open = max(self.most_open, self.open)
        try:
            connection.settimeout(120)
            if self.tls:
                connection = self.tls.wrap_socket(connection, server_side=True)
            reader = connection.makefile("rb")
            while self.one(connection, reader):
                pass
        except (OSError, ssl.SSLError, ValueError, http.client.HTTPException):
            pass
        finally:
            with self.lock:
                self.open -= 1
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
        self.seen.append([request.method, request.target, fault, None])
        entry = self.seen[-1]
        if fault is None:
            answer = self.forward(request)
            entry[3] = answer.status
            return self.send(connection, request, answer)
        return getattr(self, "do_" + fault)(connection, request)

    def forward(self, request, without=()):
        upstream = http.client.HTTPConnection(self.host, timeout=60)
        try:
            upstream.putrequest(request.method, request.target, skip_host=True, skip_accept_encoding=True)
            for name, value in request.headers:
                if name.lower() not in without:
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

    def send(self, connection, request, answer, body=None, keep=True):
        head = f"HTTP/1.1 {answer.status} {http.client.responses.get(answer.status, 'Unknown')}\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in answer.headers)
        connection.sendall(head.encode("latin-1") + b"\r\n" + (b"" if request.method == "HEAD" else answer.body if body is None else body))
        return keep

    def answer_page(self, connection, request, status, body, kind, extra=()):
        headers = [("Content-Type", kind), ("Content-Length", str(len(body))), ("Date", time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime())), *extra]
        return self.send(connection, request, Answer(status, headers, body))

    def error(self, connection, request, status, code, extra=()):
        body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>of the proxy</Message></Error>".encode()
        return self.answer_page(connection, request, status, body, "application/xml", extra)

    # ---- faults ----

    def do_hang(self, connection, request):
        """Never answered, until the fault is over or the client has gone."""
        fault = self.fault
        connection.settimeout(1)
        for _ in range(600):
            if self.fault is not fault:
                return False
            try:
                if connection.recv(1) == b"":
                    return False
            except (TimeoutError, ssl.SSLWantReadError):
                continue
        return False

    def do_reset(self, connection, request):
        return False

    def do_cut(self, connection, request):
        answer = self.forward(request)
        self.send(connection, request, answer, answer.body[: len(answer.body) // 2])
        return False

    def do_slow(self, connection, request):
        answer = self.forward(request)
        self.send(connection, request, answer, b"")
        fault = self.fault
        for at in range(0, len(answer.body), 2048):
            if self.fault is not fault:
                return False
            connection.sendall(answer.body[at : at + 2048])
            time.sleep(0.2)
        return True

    def do_other_range(self, connection, request):
        """Says that these are bytes a little further on."""
        answer = self.forward(request)
        moved = re.sub(r"bytes (\d+)-(\d+)/", lambda m: f"bytes {int(m[1]) + 512}-{int(m[2]) + 512}/", answer.header("content-range"))
        answer.set("Content-Range", moved or None)
        return self.send(connection, request, answer)

    def do_longer(self, connection, request):
        """Sends and announces more than was asked for."""
        answer = self.forward(request)
        answer.body += b"x" * 4096
        answer.set("Content-Length", str(len(answer.body)))
        answer.set("Content-Range", re.sub(r"-(\d+)/", lambda m: f"-{int(m[1]) + 4096}/", answer.header("content-range")) or None)
        return self.send(connection, request, answer)

    def do_shorter(self, connection, request):
        """A whole answer, of half the range."""
        answer = self.forward(request)
        answer.body = answer.body[: len(answer.body) // 2]
        answer.set("Content-Length", str(len(answer.body)))
        answer.set("Content-Range", re.sub(r"(\d+)-(\d+)/", lambda m: f"{m[1]}-{int(m[1]) + len(answer.body) - 1}/", answer.header("content-range")) or None)
        return self.send(connection, request, answer)

    def do_shorter_unsaid(self, connection, request):
        """Half the bytes under the right Content-Range, with the Content-Length of the half."""
        answer = self.forward(request)
        answer.body = answer.body[: len(answer.body) // 2]
        answer.set("Content-Length", str(len(answer.body)))
        return self.send(connection, request, answer)

    def do_whole(self, connection, request):
        """The whole object for a range, and what was its condition is nobody's."""
        return self.send(connection, request, self.forward(request, without=("range",)))

    def do_gzip(self, connection, request):
        answer = self.forward(request)
        if answer.status not in (200, 206):
            return self.send(connection, request, answer)
        answer.body = gzip.compress(answer.body, 1)
        answer.set("Content-Length", str(len(answer.body)))
        answer.set("Content-Encoding", "gzip")
        return self.send(connection, request, answer)

    def do_other_bytes(self, connection, request):
        answer = self.forward(request)
        answer.body = bytes(len(answer.body))
        return self.send(connection, request, answer)

    def do_transformed(self, connection, request):
        """203: not the store's own answer."""
        answer = self.forward(request)
        answer.status = 203 if answer.status in (200, 206) else answer.status
        return self.send(connection, request, answer)

    def do_etag(self, connection, request):
        answer = self.forward(request)
        if answer.header("etag"):
            answer.set("ETag", '"0123456789abcdef0123456789abcdef"')
        return self.send(connection, request, answer)

    def do_no_etag(self, connection, request):
        answer = self.forward(request)
        answer.set("ETag", None)
        return self.send(connection, request, answer)

    def do_endless(self, connection, request):
        """A listing that begins again and again."""
        answer = self.forward(Request(f"{request.method} {request.target} HTTP/1.1", request.headers, b"")) if "continuation-token" not in request.query else None
        body = answer.body if answer else self.first_page
        if answer:
            body = body.replace(b"<IsTruncated>false</IsTruncated>", b"<IsTruncated>true</IsTruncated><NextContinuationToken>again</NextContinuationToken>")
            self.first_page = body
        return self.answer_page(connection, request, 200, body, "application/xml")

    def do_endless_empty(self, connection, request):
        """Pages without a key, each with a token of its own."""
        body = f"<?xml version='1.0'?><ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>t{len(self.seen)}</NextContinuationToken></ListBucketResult>"
        return self.answer_page(connection, request, 200, body.encode(), "application/xml")

    def do_garbage(self, connection, request):
        return self.answer_page(connection, request, 200, b"<?xml version='1.0'?><ListBucketResult><Contents><Key>a</Ke", "application/xml")

    def do_500(self, connection, request):
        return self.error(connection, request, 500, "InternalError")

    def do_did_it(self, connection, request):
        """Done, and answered with "not now"."""
        self.forward(request)
        return self.error(connection, request, 503, "SlowDown")

    def do_page(self, connection, request):
        return self.answer_page(connection, request, 200, PAGE, "text/html")

    def do_page_with_etag(self, connection, request):
        return self.answer_page(connection, request, 200, PAGE, "text/html", [("ETag", '"5f3-a"'), ("Last-Modified", "Mon, 06 May 2024 07:08:09 GMT")])

    def do_not_found_page(self, connection, request):
        """A load balancer that has nothing behind it."""
        return self.answer_page(connection, request, 404, b"<html><body>default backend - 404</body></html>", "text/html")

    def do_not_found_text(self, connection, request):
        return self.answer_page(connection, request, 404, b"404 page not found\n", "text/plain")

    def do_forbidden_page(self, connection, request):
        return self.answer_page(connection, request, 403, PAGE, "text/html")

    def do_found(self, connection, request):
        return self.answer_page(connection, request, 302, PAGE, "text/html", [("Location", "http://127.0.0.1:9/login")])

    def do_skew(self, connection, request):
        return self.error(connection, request, 403, "RequestTimeTooSkewed")
