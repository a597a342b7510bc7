#!/usr/bin/env python3
"""
Finishes the conversion of autobahntestsuite 25.10.1 (Python 2 code) after `lib2to3 -w` was run over it, and repairs two
Python 3 slips in autobahn 0.10.9 that only the fuzzer reaches.

usage: convert.py SITE_PACKAGES

Every replacement says how often its text must occur; anything else aborts, so that another upstream version is never
half converted in silence.
"""
import os, re, shutil, sys

site = sys.argv[1]
abt = os.path.join(site, "autobahntestsuite")
ab = os.path.join(site, "autobahn")
here = os.path.dirname(os.path.abspath(__file__))
done = 0


def edit(path, *subs):
    global done
    with open(path, encoding="utf-8") as f:
        src = f.read()
    for old, new, count in subs:
        n = src.count(old)
        if n != count:
            sys.exit("convert.py: %s: expected %d x %r, found %d" % (path, count, old, n))
        src = src.replace(old, new)
        done += n
    with open(path, "w", encoding="utf-8") as f:
        f.write(src)


shutil.copy(os.path.join(here, "py2compat.py"), os.path.join(abt, "py2compat.py"))

# ---------------------------------------------------------------- autobahn lib
# payload_len is only ever used by the fuzzer; py3 true division breaks range()
edit(os.path.join(ab, "websocket", "protocol.py"),
     ("range(payload_len / len(payload))", "range(payload_len // len(payload))", 1))

# ---------------------------------------------------------------- case modules
cases = os.path.join(abt, "case")
mro = hexs = 0
for fn in sorted(os.listdir(cases)):
    if not fn.endswith(".py"):
        continue
    p = os.path.join(cases, fn)
    src = open(p, encoding="utf-8").read()
    new = src
    # py2 old-style mixin order is not a legal py3 MRO
    new, n = re.subn(r"\(object, Case, \)", "(Case, )", new); mro += n
    # hex helper that takes latin-1 str
    new, n = re.subn(r"(?m)^import binascii$",
                     "from autobahntestsuite import py2compat as binascii", new); hexs += n
    if fn == "case12_x_x.py":
        new = new.replace("import copy, os, pkg_resources, hashlib, binascii",
                          "import copy, os, pkg_resources, hashlib\n"
                          "from autobahntestsuite import py2compat as binascii")
    if new != src:
        open(p, "w", encoding="utf-8").write(new)
assert mro == 6, mro       # 6.x 7.7 7.9 9.7 12 13
assert hexs == 14, hexs
done += mro + hexs

C = lambda n: os.path.join(cases, n)
# 9.9.1 is not in the Cases table (and needs zope.interface < 5)
edit(C("__init__.py"), ("from .case9_9_1 import *\n", "", 1))
# identity-sensitive pickle comparison -> equality
edit(C("case.py"), ("return pickle.dumps(obj1) == pickle.dumps(obj2)", "return obj1 == obj2", 1))
edit(C("case10_1_1.py"), ("len(self.payload) / self.p.autoFragmentSize",
                          "len(self.payload) // self.p.autoFragmentSize", 1))
# UTF-8 source literals were byte strings
lit = '"Hello-µ@ßöäüàá-UTF-8!!"'
for f in ("case6_2_1.py", "case6_2_3.py"):
    edit(C(f), ("PAYLOAD = " + lit, "PAYLOAD = binascii.u8(%s)" % lit, 1))
edit(C("case6_2_2.py"),
     ('PAYLOAD1 = "Hello-µ@ßöä"', 'PAYLOAD1 = binascii.u8("Hello-µ@ßöä")', 1),
     ('PAYLOAD2 = "üàá-UTF-8!!"', 'PAYLOAD2 = binascii.u8("üàá-UTF-8!!")', 1))
edit(C("case6_x_x.py"),
     ("res = v.validate(vss[:i])", "res = v.validate(binascii.tobytes(vss[:i]))", 1))
# 12.x / 13.x work on real bytes all the way
edit(C("case12_x_x.py"),
     ("def onMessage(self, msg, binary):\n", "def onMessage(self, msg, binary):\n   msg = binascii.tobytes(msg)\n", 1),
     ("      msg = ''\n", "      msg = b''\n", 1))

# ---------------------------------------------------------------- fuzzing.py
BRIDGE = '''
   ## ---- latin-1 str <-> bytes bridge (see py2compat.py) ----

   def sendFrame(self, opcode, payload = b"", fin = True, rsv = 0, mask = None, payload_len = None, chopsize = None, sync = False):
      return super().sendFrame(opcode, tobytes(payload), fin, rsv, tobytes(mask), payload_len, chopsize, sync)

   def sendMessage(self, payload, isBinary = False, fragmentSize = None, sync = False, doNotCompress = False):
      return super().sendMessage(tobytes(payload), isBinary, fragmentSize, sync, doNotCompress)

   def sendMessageFrameData(self, payload, sync = False):
      return super().sendMessageFrameData(tobytes(payload), sync)

   def sendCloseFrame(self, code = None, reasonUtf8 = None, isReply = False):
      return super().sendCloseFrame(code, tobytes(reasonUtf8), isReply)


   def enableWirelog(self, enable):
'''
F = os.path.join(abt, "fuzzing.py")
edit(F,
     ("from .caseset import CaseSet\n", "from .caseset import CaseSet\nfrom .py2compat import tobytes, tostr, json_default\n", 1),
     ("""   ellipses = " ..."
   if len(data) > maxlen - len(ellipses):
      dd = binascii.b2a_hex(data[:maxlen]) + ellipses
   else:
      dd = binascii.b2a_hex(data)
   return dd
""", """   ellipses = " ..."
   data = tobytes(data)
   if len(data) > maxlen - len(ellipses):
      dd = binascii.b2a_hex(data[:maxlen]).decode("ascii") + ellipses
   else:
      dd = binascii.b2a_hex(data).decode("ascii")
   return dd
""", 1),
     ("""   ellipses = " ..."
   try:
      if len(data) > maxlen - len(ellipses):
""", """   ellipses = b" ..."
   data = tobytes(data)
   try:
      if len(data) > maxlen - len(ellipses):
""", 1),
     ("   def enableWirelog(self, enable):\n", BRIDGE.lstrip("\n"), 1),
     ("p = ''.join(payload)", "p = b''.join(payload)", 1),
     ("binascii.b2a_hex(frameHeader.mask) if frameHeader.mask else None",
      "binascii.b2a_hex(frameHeader.mask).decode('ascii') if frameHeader.mask else None", 2),
     ("mmask = binascii.b2a_hex(t[6])", "mmask = str(t[6])", 1),
     ("self.runCase.onPong(payload)", "self.runCase.onPong(tostr(payload))", 1),
     ("self.runCase.onMessage(msg, binary)", "self.runCase.onMessage(tostr(msg), binary)", 1),
     ('log.msg("Pong received: " + payload)', 'log.msg("Pong received: " + tostr(payload))', 1),
     ("self.http_request_data if hasattr", "tostr(self.http_request_data) if hasattr", 1),
     ("self.http_response_data if hasattr", "tostr(self.http_response_data) if hasattr", 1),
     ("os.path.join(outdir, report_filename), 'w')", "os.path.join(outdir, report_filename), 'w', encoding = 'utf-8')", 4),
     ("ll.encode('utf8')))", "ll))", 1),
     ("""f.write(('         <tr class="stats_row"><td>%s</td><td class="left">%s</td><td class="left">%s</td></tr>\\n' % (c[0], case[c[0]], c[1])).encode("utf-8"))""",
      """f.write('         <tr class="stats_row"><td>%s</td><td class="left">%s</td><td class="left">%s</td></tr>\\n' % (c[0], case[c[0]], c[1]))""", 1),
     ("json.dumps(case, sort_keys = True, indent = 3, separators = (',', ': '))",
      "json.dumps(case, sort_keys = True, indent = 3, separators = (',', ': '), default = json_default)", 1),
     # loopback only: upstream listens on every interface
     ("listenWS(factory, sslContext)", "listenWS(factory, sslContext, interface = '127.0.0.1')", 1),
     ("webdir.putChild('cwd', curdir)", "webdir.putChild(b'cwd', curdir)", 1),
     ("reactor.listenSSL(webport, web, sslContext)", "reactor.listenSSL(webport, web, sslContext, interface = '127.0.0.1')", 1),
     ("reactor.listenTCP(webport, web)", "reactor.listenTCP(webport, web, interface = '127.0.0.1')", 1),
     # one result line per finished case, so that an interrupted run still leaves data
     ("      ## index by agent->case\n",
      "      print('RESULT %s %s %s %s %s' % (agent, case, caseResults['behavior'].replace(' ', '_'), caseResults['behaviorClose'].replace(' ', '_'), caseResults['remoteCloseCode']), flush = True)\n\n"
      "      ## index by agent->case\n", 1),
     )
# WAMP test vector generator: wants unittest2, not needed here
edit(os.path.join(abt, "wstest.py"), ("from . import serializer\n", "serializer = None\n", 1))
for f in ("testee.py", "echo.py", "broadcast.py"):
    p = os.path.join(abt, f)
    src = open(p, encoding="utf-8").read()
    src = re.sub(r"listenWS\(factory(, sslContext)?\)",
                 lambda m: "listenWS(factory%s, interface = '127.0.0.1')" % (m.group(1) or ""), src)
    src = re.sub(r"reactor\.listenTCP\(webport, web\)", "reactor.listenTCP(webport, web, interface = '127.0.0.1')", src)
    open(p, "w", encoding="utf-8").write(src)

print("convert.py: %d edits applied" % done)
