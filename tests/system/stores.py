"""Under stores as tests look into them: a directory, and a bucket of the S3 server that rgw.sh starts."""
import datetime
import hashlib
import hmac
import os
import pathlib
import urllib.error
import urllib.parse
import urllib.request
import uuid
import xml.etree.ElementTree


class DirectoryStore:
    def __init__(self, path):
        self.path = pathlib.Path(path)
        self.path.mkdir(parents=True, exist_ok=True)

    uri = property(lambda self: f"file://{self.path}")
    options = []

    def listing(self):
        """Key to SHA-256."""
        found = {}
        for file in sorted(self.path.rglob("*")):
            if file.is_file() and not file.name.startswith(".forebay-"):
                found[str(file.relative_to(self.path))] = hashlib.sha256(file.read_bytes()).hexdigest()
        return found

    def uploads(self):
        """What an upload has left behind or is just writing."""
        return [str(file) for file in self.path.rglob(".forebay-*.part")]

    def put(self, key, content):
        file = self.path / key
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)

    def remove(self, key):
        (self.path / key).unlink()


class BucketStore:
    """Its own bucket on the server in FOREBAY_S3_ENDPOINT; requests are signed here, so that nothing of Forebay is trusted."""

    def __init__(self):
        self.endpoint = os.environ["FOREBAY_S3_ENDPOINT"]
        self.access, self.secret = os.environ["FOREBAY_S3_ACCESS_KEY"], os.environ["FOREBAY_S3_SECRET_KEY"]
        self.bucket = "test-" + uuid.uuid4().hex[:12]
        self.request("PUT", "")

    uri = property(lambda self: f"s3://{self.bucket}")
    options = property(lambda self: [f"endpoint={self.endpoint}", f"access-key={self.access}", f"secret-key={self.secret}"])

    def request(self, method, key, query=None, body=b"", extra=None):
        path = "/" + self.bucket + ("/" + urllib.parse.quote(key, safe="/~") if key else "")
        text = "&".join(f"{k}={urllib.parse.quote(v, safe='~')}" for k, v in sorted((query or {}).items()))
        host = self.endpoint.split("://")[1]
        now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
        digest = hashlib.sha256(body).hexdigest()
        scope = f"{now[:8]}/us-east-1/s3/aws4_request"
        canonical = f"{method}\n{path}\n{text}\nhost:{host}\nx-amz-content-sha256:{digest}\nx-amz-date:{now}\n\nhost;x-amz-content-sha256;x-amz-date\n{digest}"
        signing = ("AWS4" + self.secret).encode()
        for part in scope.split("/"):
            signing = hmac.new(signing, part.encode(), hashlib.sha256).digest()
        to_sign = f"AWS4-HMAC-SHA256\n{now}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        signature = hmac.new(signing, to_sign.encode(), hashlib.sha256).hexdigest()
        headers = {
            "x-amz-date": now,
            "x-amz-content-sha256": digest,
            "Authorization": f"AWS4-HMAC-SHA256 Credential={self.access}/{scope}, SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature={signature}",
        }
        headers.update(extra or {})
        url = self.endpoint + path + ("?" + text if text else "")
        request = urllib.request.Request(url, data=body if method == "PUT" else None, method=method, headers=headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.read()

    def pages(self, query, item, more):
        """Texts of `item` in all pages of a listing."""
        while True:
            root = xml.etree.ElementTree.fromstring(self.request("GET", "", query))
            space = root.tag.partition("}")[0] + "}" if root.tag.startswith("{") else ""
            yield from (each.text for each in root.iter(space + item))
            token = root.find(space + more)
            if token is None or not token.text:
                return
            query = {**query, "continuation-token": token.text}

    def listing(self):
        keys = list(self.pages({"list-type": "2"}, "Key", "NextContinuationToken"))
        return {key: hashlib.sha256(self.request("GET", key)).hexdigest() for key in keys}

    def uploads(self):
        root = xml.etree.ElementTree.fromstring(self.request("GET", "", {"uploads": ""}))
        return [each.text for each in root.iter() if each.tag.endswith("UploadId") and each.text]

    def put(self, key, content):
        self.request("PUT", key, body=content)

    def remove(self, key):
        self.request("DELETE", key)


def new_store(path):
    """A bucket where there is a server for it, else a directory."""
    return BucketStore() if "FOREBAY_S3_ENDPOINT" in os.environ else DirectoryStore(path)
