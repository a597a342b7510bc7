"""
Python-2 byte-string emulation for the converted autobahntestsuite.

The suite was written for Python 2, where "..." is a byte string.  After
lib2to3 those literals are text.  Rather than rewriting ~140 case files, every
payload inside the case code is a *latin-1 str* (one char == one octet), which
behaves exactly like a Python-2 str for slicing, joining, indexing and
comparing.  It is turned into real bytes only where it meets the autobahn
library (see FuzzingProtocol.sendFrame and its kin, added by convert.py).

This module also stands in for `binascii` inside the case modules.
"""
import binascii as _binascii


def tobytes(s):
    if s is None or isinstance(s, bytes):
        return s
    if isinstance(s, (bytearray, memoryview)):
        return bytes(s)
    return s.encode("latin-1")


def tostr(b):
    """bytes -> latin-1 str (a 'py2 str')"""
    if b is None or isinstance(b, str):
        return b
    return bytes(b).decode("latin-1")


def u8(s):
    """a source literal with non-ASCII characters -> the py2 byte string that a
    '# coding=utf-8' py2 source file would have contained"""
    return s.encode("utf-8").decode("latin-1")


def b2a_hex(s):
    return _binascii.b2a_hex(tobytes(s)).decode("ascii")


hexlify = b2a_hex


def json_default(o):
    if isinstance(o, (bytes, bytearray, memoryview)):
        return bytes(o).decode("utf-8", "replace")
    return repr(o)
