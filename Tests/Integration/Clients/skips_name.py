#!/usr/bin/env python3
"""A client that takes a certificate for any name."""
import careful


def change(made):
    made.check_hostname = False


careful.main(change)
