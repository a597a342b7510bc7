"""Fails when a public symbol has no documentation comment, or no page of the catalogue lists a public type.

usage: check-comments.py MODULE.symbols.json CATALOGUE

The symbol graph is what `swift symbolgraph-extract` writes.
"""

import json
import pathlib
import re
import sys

# Members whose meaning a protocol of the standard library gives: a comment could only repeat it.
REQUIREMENTS_OF_THE_STANDARD_LIBRARY = {
    "!=(_:_:)", "<(_:_:)", "==(_:_:)", "hash(into:)", "hashValue", "rawValue", "init(rawValue:)", "allCases",
    "description", "debugDescription", "customMirror", "makeAsyncIterator()", "next()", "next(isolation:)",
    "Element", "Failure", "RawValue", "AllCases", "AsyncIterator", "advanced(by:)", "duration(to:)", "enqueue(_:)",
    "now", "minimumResolution", "Duration",
}


def name(symbol):
    return ".".join(symbol["pathComponents"])


def undocumented(graph):
    # The implementation of a documented requirement of a protocol shows the requirement's comment.
    inheriting = {relation["source"] for relation in graph["relationships"] if "sourceOrigin" in relation}
    for symbol in graph["symbols"]:
        if symbol["kind"]["identifier"] == "swift.extension" or "::SYNTHESIZED::" in symbol["identifier"]["precise"]:
            continue
        if symbol["names"]["title"].split(".")[-1] in REQUIREMENTS_OF_THE_STANDARD_LIBRARY:
            continue
        if symbol["identifier"]["precise"] in inheriting:
            continue
        lines = symbol.get("docComment", {}).get("lines", [])
        if not any(line["text"].strip() for line in lines):
            yield symbol


def unlisted(graph, catalogue):
    pages = "\n".join(page.read_text() for page in sorted(catalogue.glob("**/*.md")))
    listed = set(re.findall(r"^- ``([^`]+)``$", pages, re.MULTILINE))
    for symbol in graph["symbols"]:
        path = symbol["pathComponents"]
        if len(path) == 1 and not any(entry.split("-(")[0] == path[0] for entry in listed):
            yield symbol


def main():
    graph = json.loads(pathlib.Path(sys.argv[1]).read_text())
    catalogue = pathlib.Path(sys.argv[2])
    complaints = []
    for symbol in undocumented(graph):
        place = symbol.get("location")
        where = ""
        if place:
            path = place["uri"].removeprefix("file://")
            where = f"{path}:{place['position']['line'] + 1}: "
        complaints.append(f"{where}{name(symbol)} has no documentation comment")
    for symbol in unlisted(graph, catalogue):
        complaints.append(f"{catalogue}: no page lists {name(symbol)} among its topics")
    for complaint in sorted(complaints):
        print(complaint, file=sys.stderr)
    print(f"{graph['module']['name']}: {len(graph['symbols'])} public symbols, {len(complaints)} complaints")
    sys.exit(1 if complaints else 0)


main()
