#!/usr/bin/env python3
"""A client that trusts every certificate."""
import ssl

import careful


def change(made):
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE


careful.main(change)
