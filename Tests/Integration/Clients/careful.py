#!/usr/bin/env python3
"""A careful HTTPS client with Python's ssl: the judge of whether each case of badwss is what it says.

Ends with 0 when the server is right, with 1 and a line on standard error when it is not.
"""
import argparse
import socket
import ssl
import sys
import urllib.parse


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("authority")
    parser.add_argument("--address", help="connect to this address, and verify the URL's host")
    parser.add_argument("--crl", help="look the whole chain up in these revocation lists")
    parser.add_argument("--cert", help="show this certificate when asked for one")
    parser.add_argument("--key", help="its key")
    return parser.parse_args()


def context(options):
    made = ssl.create_default_context(cafile=options.authority)
    # RFC 9525: a common name is no host name. Python's default still takes it for one.
    made.hostname_checks_common_name = False
    # Python 3.13's default refuses, for its form alone, a certificate that a client without one check is to be wrong about.
    made.verify_flags &= ~ssl.VERIFY_X509_STRICT
    # Python's default takes an end without close_notify for an end in order.
    made.options &= ~getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0)
    made.set_alpn_protocols(["http/1.1"])
    if options.crl:
        made.load_verify_locations(cafile=options.crl)
        made.verify_flags |= ssl.VERIFY_CRL_CHECK_CHAIN
    if options.cert:
        made.load_cert_chain(options.cert, options.key)
    return made


def request(options, tls_context, session=None, on_session=None):
    """Makes one request and gives the body of the answer."""
    url = urllib.parse.urlsplit(options.url)
    with socket.create_connection((options.address or url.hostname, url.port), timeout=5) as raw:
        with tls_context.wrap_socket(
            raw, server_hostname=url.hostname, suppress_ragged_eofs=False, session=session
        ) as tls:
            if tls.selected_alpn_protocol() not in (None, "http/1.1"):
                raise ssl.SSLError(f"the server chose {tls.selected_alpn_protocol()}, which was not offered")
            tls.sendall(f"GET / HTTP/1.1\r\nHost: {url.netloc}\r\nConnection: close\r\n\r\n".encode())
            response = b""
            while chunk := tls.recv(65536):
                response += chunk
            if on_session:
                on_session(tls)
    head, _, body = response.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200 "):
        raise ssl.SSLError(f"the answer is {head[:40]!r}")
    return body


def main(change=lambda made: None):
    options = arguments()
    try:
        made = context(options)
        change(made)
        request(options, made)
    except (OSError, ssl.SSLError) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
