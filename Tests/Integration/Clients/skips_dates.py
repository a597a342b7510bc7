#!/usr/bin/env python3
"""A client that does not look at the dates of certificates."""
import careful


def change(made):
    # X509_V_FLAG_NO_CHECK_TIME (X509_VERIFY_PARAM_set_flags(3)), which Python has no name for.
    made.verify_flags |= 0x200000


careful.main(change)
