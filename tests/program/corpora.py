"""Tests the recipes of scripts/data on packages made here: their output, that it is the same each time, and their messages about
missing packages. Usage: corpora.py SCRIPTS"""
import gzip
import hashlib
import json
import os
import struct
import subprocess
import sys
import tempfile

import checks
from checks import check

SCRIPTS = os.path.abspath(sys.argv[1])


def recipe(name, out, *options):
    return subprocess.run([sys.executable, "-B", f"{SCRIPTS}/{name}.py", out, "--root", "root", *options],
                          capture_output=True, text=True, timeout=120)


def put(path, contents):
    path = os.path.join("root/usr", path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(contents)


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def catalogue(messages, charset):
    """A catalogue of gettext."""
    entries = sorted({"": f"Content-Type: text/plain; charset={charset}\n", **messages}.items())
    count, data = len(entries), b""
    tables = [b"", b""]
    at = 28 + 16 * count
    for column in (0, 1):
        for entry in entries:
            text = entry[column].encode(charset)
            tables[column] += struct.pack("<2I", len(text), at + len(data))
            data += text + b"\0"
    return struct.pack("<7I", 0x950412DE, 0, count, 28, 28 + 8 * count, 0, 0) + tables[0] + tables[1] + data


folder = tempfile.TemporaryDirectory()
os.chdir(folder.name)
for name in ("fortunes", "manpages", "messages", "python_source"):
    none = recipe(name, "none")
    check(none.returncode == 1 and "none found; install" in none.stderr and none.stderr.count("\n") == 1,
          f"{name} without packages: {none.stderr}")

put("share/games/fortunes/art", b"One.\n%\nTwo,\nin two lines.\n%\nOne.\n%\n")
put("share/games/fortunes/art.dat", b"\0\1")
put("share/games/fortunes/chinese", "\x1b[32m红\x1b[m\n%\n".encode())
put("share/games/fortunes/de/witze", "Käse\n%\n".encode())
put("share/games/fortunes/de/latin1", "Käse\n%\n".encode("latin-1"))
put("share/games/fortunes/off/rude", b"No.\n%\n")
os.symlink("art", "root/usr/share/games/fortunes/art.u8")
made = recipe("fortunes", "fortunes")
check(sorted(os.listdir("fortunes")) == ["de.txt", "en.txt", "zh.txt"], f"fortunes: {made.stdout}{made.stderr}")
check(read("fortunes/en.txt") == "One.\n\nTwo,\nin two lines.\n\n", "fortunes in English")
check(read("fortunes/zh.txt") == "红\n\n" and read("fortunes/de.txt") == "Käse\n\n", "fortunes in Chinese and German")
digest = hashlib.sha256(read("fortunes/en.txt").encode()).hexdigest()
check(f"fortunes/en.txt: 2 documents, 26 bytes, sha256 {digest}" in made.stdout, f"what was made: {made.stdout}")
check(recipe("fortunes", "fortunes").stdout == made.stdout, "fortunes made twice differ")

page = b""".\\" A comment
.TH ONE 1
.SH NAME
one \\- the \\fIfirst\\fP of them
.SH SYNOPSIS
.nf
.B one
  [\\-a]
.fi
.PP
Words that
are filled, see
.BR two (1).
"""
for i in range(20):
    put(f"share/man/man1/page{i:02}.1.gz", gzip.compress(page, mtime=0))
put("share/man/man1/alias.1.gz", gzip.compress(b".so man1/page00.1\n"))
put("share/man/de/man1/page.1.gz", gzip.compress(page))
made = recipe("manpages", "manpages")
check(os.listdir("manpages") == ["en.txt"], f"manual pages: {made.stdout}{made.stderr}")
check(read("manpages/en.txt").startswith("NAME\none - the first of them\n\nSYNOPSIS\none\n  [-a]\n\nWords that are filled, "
                                         "see two(1).\n\nNAME\n"), f"a manual page: {read('manpages/en.txt')[:200]!r}")

put("share/locale/de/LC_MESSAGES/gcc-12.mo", catalogue({"no such file": "keine Datei", "size": "Größe"}, "utf-8"))
put("share/locale/fr/LC_MESSAGES/gcc-12.mo", catalogue({"size": "numéro"}, "iso-8859-1"))
made = recipe("messages", "messages", "--least", "1")
check([json.loads(line) for line in read("messages/messages.jsonl").splitlines()] == [
    {"text": "no such file\nkeine Datei", "language": "de"}, {"text": "size\nGröße", "language": "de"},
    {"text": "size\nnuméro", "language": "fr"}], f"messages: {made.stdout}{made.stderr}")
check([json.loads(line) for line in read("messages/pairs.jsonl").splitlines()] == [
    {"source": "no such file", "target": "keine Datei", "language": "de"}, {"source": "size", "target": "Größe", "language": "de"},
    {"source": "size", "target": "numéro", "language": "fr"}], f"pairs of messages: {made.stdout}{made.stderr}")

put("lib/python3.9/a.py", b"old = 1\n")
put("lib/python3.11/b/a.py", b"a = 1\n\n\n")
put("lib/python3.11/test/c.py", b"c = 1\n")
recipe("python_source", "code")
check(read("code/code.txt") == "a = 1\n\n", "source of Python")

checks.finish()
