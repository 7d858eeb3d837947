#!/usr/bin/env python3
"""Messages of the compiler gcc with their translations, as JSON lines: in messages.jsonl "text" is the
English message and the translation, one behind the other; in pairs.jsonl the message is "source" and
the translation "target". "language" is the language of the translation."""
import os
import re
import struct

import corpus

PACKAGES = "gcc-12-locales"


def pairs(path):
    """Messages and translations of a catalogue of gettext (.mo)."""
    with open(path, "rb") as file:
        contents = file.read()
    order = {b"\xde\x12\x04\x95": "<", b"\x95\x04\x12\xde": ">"}.get(contents[:4])
    if order is None:
        corpus.fail(f"{path}: expected a catalogue of gettext")
    _, count, originals, translations = struct.unpack_from(f"{order}4I", contents, 4)

    def entry(table, i):
        length, at = struct.unpack_from(f"{order}2I", contents, table + 8 * i)
        return contents[at:at + length].split(b"\0")[0]  # the first of several plurals

    messages = {entry(originals, i): entry(translations, i) for i in range(count)}
    header = messages.pop(b"", b"")
    named = re.search(rb"charset=([\w-]+)", header)
    encoding = named[1].decode() if named else "utf-8"
    for original, translation in messages.items():
        # Behind its context, if it has one.
        yield original.split(b"\4")[-1].decode(), translation.decode(encoding)


def main():
    parser = corpus.arguments(__doc__, PACKAGES)
    parser.add_argument("--least", type=int, default=2000,
                        help="languages with fewer messages are left out (default: 2000)")
    options = parser.parse_args()
    folder = os.path.join(options.root, "usr/share/locale")
    by_language = {}
    for path in corpus.files_under(folder):
        parts = os.path.relpath(path, folder).split("/")
        if len(parts) == 3 and parts[2].startswith(("gcc-", "cpplib-")) and parts[2].endswith(".mo"):
            by_language.setdefault(parts[0], {}).update(pairs(path))
    corpus.require(by_language, folder, PACKAGES)
    translated = [
        (name, original, translation)
        for name, messages in sorted(by_language.items()) if len(messages) >= options.least
        for original, translation in sorted(messages.items())
    ]
    path = corpus.write(options.out, "messages.jsonl", [
        corpus.json_line(text=f"{original}\n{translation}", language=name)
        for name, original, translation in translated
    ])
    print(f"train on it: moesim run CONFIG data.name=text data.path={path} data.field=text "
          "data.domain_field=language")
    path = corpus.write(options.out, "pairs.jsonl", [
        corpus.json_line(source=original, target=translation, language=name)
        for name, original, translation in translated
    ])
    print(f"or, each language a task: moesim run CONFIG data.name=tasks data.path={path} "
          "data.domain_field=language")


if __name__ == "__main__":
    main()
