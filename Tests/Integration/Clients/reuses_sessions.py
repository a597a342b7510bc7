#!/usr/bin/env python3
"""A client that takes up its session with one URL at another one, whose name it has never verified.

Takes a file with the authority and the two URLs, and prints whether the session was taken up.
"""
import argparse
import sys

import careful

authority, first, second = sys.argv[1:]
options = argparse.Namespace(url=first, authority=authority, address=None, crl=None, cert=None, key=None)
made = careful.context(options)
sessions = []
careful.request(options, made, on_session=lambda tls: sessions.append(tls.session))
options.url = second
reused = []
careful.request(options, made, session=sessions[0], on_session=lambda tls: reused.append(tls.session_reused))
print(reused[0])
