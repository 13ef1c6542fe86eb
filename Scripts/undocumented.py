"""Names the public symbols of a module that have no documentation comment, from its symbol graphs.

usage: undocumented.py ROOT GRAPH...

A member that a protocol asks for and documents (hash(into:), description) has that comment already. Exit status 1 if a symbol is named.
"""

import json
import sys


def undocumented(graph, root):
    for symbol in graph["symbols"]:
        if symbol["accessLevel"] not in ("public", "open") or symbol["kind"]["identifier"] == "swift.extension":
            continue
        lines = symbol.get("docComment", {}).get("lines", [])
        location = symbol.get("location")
        # What the compiler made has no place in a file, and nobody can comment on it.
        if location is None or any(line["text"].strip() for line in lines):
            continue
        path = location["uri"].removeprefix("file://").removeprefix(root + "/")
        yield f"{path}:{location['position']['line'] + 1}: undocumented: {'.'.join(symbol['pathComponents'])}"


def main(root, *paths):
    found, count = [], 0
    for path in paths:
        with open(path, encoding="utf-8") as file:
            graph = json.load(file)
        count += len(graph["symbols"])
        found += undocumented(graph, root)
    print(*sorted(found), f"{count} public symbols, {len(found)} undocumented", sep="\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
