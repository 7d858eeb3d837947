"""What the recipes of this folder share: where packages are, and writing what was made.

Recipes fetch nothing. They read what packages have installed under /usr, or under another root into
which packages were unpacked (--root). The same packages give the same bytes.
"""
import argparse
import hashlib
import json
import os
import sys


def arguments(text, packages):
    """The options of every recipe: where packages are, and the folder to write into."""
    parser = argparse.ArgumentParser(
        description=text, epilog=f"Debian packages: {packages}. Without installing them: apt-get "
        "download PACKAGES, dpkg-deb -x PACKAGE.deb ROOT of each, and --root ROOT.")
    parser.add_argument("out", help="folder that is made, with the corpus in it")
    parser.add_argument("--root", default="/", help="where packages are installed or unpacked")
    return parser


def fail(message):
    sys.exit(f"{os.path.basename(sys.argv[0])}: {message}")


def require(found, what, packages):
    """Ends the program with exit 1 if nothing was found."""
    if not found:
        fail(f"{what}: none found; install {packages}, or see --help for --root")


def files_under(folder):
    """Regular files, no links, sorted by path."""
    found = []
    for where, folders, names in os.walk(folder):
        folders[:] = sorted(each for each in folders
                            if not os.path.islink(os.path.join(where, each)))
        found += [os.path.join(where, name) for name in names]
    return sorted(path for path in found if os.path.isfile(path) and not os.path.islink(path))


def write(out, name, lines):
    """Writes documents, given as lines that end in a newline, and says what was made."""
    os.makedirs(out, exist_ok=True)
    path = os.path.join(out, name)
    contents = "".join(lines).encode()
    with open(path + ".part", "wb") as file:
        file.write(contents)
    os.replace(path + ".part", path)
    print(f"{path}: {len(lines)} documents, {len(contents)} bytes, sha256 "
          f"{hashlib.sha256(contents).hexdigest()}")
    return path


def json_line(**members):
    return json.dumps(members, ensure_ascii=False) + "\n"


def say_path(paths, settings=""):
    """How to train on files that are named by their domain."""
    listed = "; ".join(f"{os.path.splitext(os.path.basename(path))[0]}:{path}" for path in paths)
    print(f'train on it: moesim run CONFIG data.name=text data.path="{listed}"{settings}')
