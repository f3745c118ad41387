"""What tests and measurements of TLS need, run with the project's own Python:

* `moto.py certificates FOLDER`: a certificate authority for today and a server's certificate for localhost;
* `moto.py put URL CA NAME VALUE`: creates a secret;
* `moto.py get URL CA`: {"answer": the answer's JSON} or {"error": why there is no TLS connection};
* `moto.py time URL CA NAME N`: for each of N reads over a new connection, milliseconds from connecting to the answer's end.
"""

import datetime
import ipaddress
import json
import socket
import ssl
import sys
import time
from pathlib import Path
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import HTTPSHandler, ProxyHandler, build_opener


def certificates(folder):
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    # RSA of 2048 bits, as AWS's own endpoints have.
    authority_key = rsa.generate_private_key(65537, 2048)
    server_key = rsa.generate_private_key(65537, 2048)
    now = datetime.datetime.now(datetime.timezone.utc)

    def signed(subject, key, issuer, *extensions):
        name = lambda text: x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])
        builder = x509.CertificateBuilder().subject_name(name(subject)).issuer_name(name(issuer))
        builder = builder.public_key(key.public_key()).serial_number(x509.random_serial_number())
        builder = builder.not_valid_before(now - datetime.timedelta(hours=1))
        builder = builder.not_valid_after(now + datetime.timedelta(days=1))
        identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
        authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key())
        for extension, critical in (*extensions, (identifier, False), (authority, False)):
            builder = builder.add_extension(extension, critical)
        return builder.sign(authority_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    usage = lambda **used: x509.KeyUsage(
        **dict.fromkeys(
            ["digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement"]
            + ["key_cert_sign", "crl_sign", "encipher_only", "decipher_only"],
            False,
        )
        | used
    )
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    authority = "tokenmint throw-away CA"
    folder = Path(folder)
    (folder / "ca.pem").write_bytes(
        signed(
            authority,
            authority_key,
            authority,
            (x509.BasicConstraints(True, 0), True),
            (usage(key_cert_sign=True, crl_sign=True), True),
        )
    )
    (folder / "server.pem").write_bytes(
        signed(
            "localhost",
            server_key,
            authority,
            (x509.BasicConstraints(False, None), True),
            (usage(digital_signature=True, key_encipherment=True), True),
            (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False),
            (x509.SubjectAlternativeName(names), False),
        )
    )
    (folder / "server.key").write_bytes(
        server_key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )


def call(url, context, action, body):
    """One request over a new connection, prepared before the clock runs."""
    url = urlsplit(url)
    body = json.dumps(body).encode()
    head = (
        f"POST / HTTP/1.1\r\nhost: {url.netloc}\r\nconnection: close\r\ncontent-type: application/x-amz-json-1.1\r\n"
        f"x-amz-target: secretsmanager.{action}\r\ncontent-length: {len(body)}\r\n"
        # Moto reads the region and the service here. It checks no signature.
        "authorization: AWS4-HMAC-SHA256 Credential=testing/20250101/eu-central-1/secretsmanager/aws4_request, "
        "SignedHeaders=host, Signature=0\r\n\r\n"
    ).encode()
    began = time.perf_counter()
    with socket.create_connection((url.hostname, url.port)) as plain:
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with context.wrap_socket(plain, server_hostname=url.hostname) as connection:
            connection.sendall(head + body)
            answer = b"".join(iter(lambda: connection.recv(65536), b""))
    took = time.perf_counter() - began
    assert answer.split(b" ", 2)[1] == b"200", answer
    return took * 1000


def get(url, ca):
    """One GET. What it prints says whether the server's certificate is of this authority."""
    # No proxy stands between.
    opener = build_opener(ProxyHandler({}), HTTPSHandler(context=ssl.create_default_context(cafile=ca)))
    try:
        with opener.open(url, timeout=10) as answer:
            return {"answer": json.load(answer)}
    except URLError as error:
        return {"error": str(error.reason)}


def main():
    match sys.argv[1:]:
        case ["certificates", folder]:
            certificates(folder)
        case ["put", url, ca, name, value]:
            call(url, ssl.create_default_context(cafile=ca), "CreateSecret", {"Name": name, "SecretString": value})
        case ["get", url, ca]:
            print(json.dumps(get(url, ca)))
        case ["time", url, ca, name, times]:
            context = ssl.create_default_context(cafile=ca)
            print(json.dumps([call(url, context, "GetSecretValue", {"SecretId": name}) for _ in range(int(times))]))


main()
