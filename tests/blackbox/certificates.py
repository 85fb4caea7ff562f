"""Certificates for 127.0.0.1, which the openssl command makes."""

import subprocess


def openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


def make_certificate(folder, name="server"):
    """A self-signed certificate and its key, as (cert, key)."""
    cert, key = folder / f"{name}.pem", folder / f"{name}.key"
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-keyout", key, "-out", cert, "-days", "2", "-subj", "/CN=estadio test", "-addext",
            "subjectAltName=IP:127.0.0.1")
    return cert, key


class Authority:
    """Issues certificates for servers and clients. `ca` is its own certificate."""

    def __init__(self, folder):
        self.folder = folder
        self.ca, self.key = make_certificate(folder, "ca")

    def issue(self, name):
        """A certificate and its key, as (cert, key)."""
        cert, key, request = (self.folder / f"{name}.{kind}" for kind in ("pem", "key", "csr"))
        extensions = self.folder / f"{name}.ext"
        extensions.write_text("subjectAltName=IP:127.0.0.1\n")
        # RSA, as PKCS #8: every JVM reads this.
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", request, "-subj",
                f"/CN={name}")
        openssl("x509", "-req", "-in", request, "-CA", self.ca, "-CAkey", self.key,
                "-CAcreateserial", "-days", "2", "-extfile", extensions, "-out", cert)
        return cert, key
