#!/usr/bin/env python3
"""Fortune cookies as a text file for each language: short documents, with a blank line between."""
import os
import re

import corpus

PACKAGES = ("fortunes fortunes-br fortunes-cs fortunes-de fortunes-eo fortunes-es fortunes-it "
            "fortunes-pl fortunes-ru fortunes-zh")
# Packages of two languages put their files beside the English ones.
NAMED = {"brasil": "pt", "chinese": "zh", "song100": "zh", "tang300": "zh"}


def language(path):
    """Of a file, given by its path below the folder of all fortunes; None: none that is wanted."""
    folder, name = os.path.split(path)
    if folder == "off" or folder.startswith("off/") or name.endswith((".dat", ".u8")):
        return None
    return folder.split("/")[0] if folder else NAMED.get(name, "en")


def cookies(path):
    """The entries of a file, which lines of a single % separate."""
    with open(path, "rb") as file:
        contents = file.read()
    try:
        text = contents.decode()
    except UnicodeDecodeError:
        return  # an older encoding that the file does not name
    text = re.sub(r"\x1b\[[0-9;]*m", "", text.replace("\r\n", "\n"))  # colours of a terminal
    for entry in text.split("\n%\n"):
        entry = entry.removeprefix("%\n").removesuffix("\n%").strip("\n")
        if entry.strip():
            yield entry


def main():
    options = corpus.arguments(__doc__, PACKAGES).parse_args()
    folder = os.path.join(options.root, "usr/share/games/fortunes")
    by_language = {}
    for path in corpus.files_under(folder):
        name = language(os.path.relpath(path, folder))
        if name is not None:
            by_language.setdefault(name, {}).update(dict.fromkeys(cookies(path)))  # once each
    corpus.require(by_language, folder, PACKAGES)
    corpus.say_path([
        corpus.write(options.out, f"{name}.txt", [entry + "\n\n" for entry in entries])
        for name, entries in sorted(by_language.items())
    ])


if __name__ == "__main__":
    main()
