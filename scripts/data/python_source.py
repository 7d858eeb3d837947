#!/usr/bin/env python3
"""The standard library of Python as text: code, a domain of its own beside prose."""
import os

import corpus

PACKAGES = "libpython3-stdlib"


def main():
    options = corpus.arguments(__doc__, PACKAGES).parse_args()
    library = os.path.join(options.root, "usr/lib")
    folders = sorted(name for name in (os.listdir(library) if os.path.isdir(library) else [])
                     if name.startswith("python3.") and name[8:].isdigit())
    corpus.require(folders, library, PACKAGES)
    newest = max(folders, key=lambda name: int(name[8:]))
    sources = []
    for path in corpus.files_under(os.path.join(library, newest)):
        if path.endswith(".py") and "/test" not in path and "-packages/" not in path:
            with open(path, "rb") as file:
                sources.append(file.read().decode(errors="replace").rstrip("\n") + "\n\n")
    corpus.require(sources, os.path.join(library, newest), PACKAGES)
    corpus.say_path([corpus.write(options.out, "code.txt", sources)])


if __name__ == "__main__":
    main()
