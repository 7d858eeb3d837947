#!/usr/bin/env python3
"""Manual pages as a text file for each language: long documents, many of them translations of one
another. Pages are stripped of their markup (man of roff), not laid out."""
import gzip
import os
import re

import corpus

PACKAGES = "manpages manpages-de manpages-fr"

LEAST = 20  # pages of a language; other packages bring a few of their own

ESCAPES = [(re.compile(pattern), to) for pattern, to in (
    (r'\\".*', ""),                                    # comments
    (r"\\f(\[[^]]*\]|\(..|.)", ""),                    # fonts
    (r"\\s[-+]?\d+|\\[vhk]'[^']*'|\\[|^&/,:%)c]", ""),  # sizes, movements, what prints nothing
    (r"\\\((aq|cq|oq)|\\\[(aq|cq|oq)\]", "'"),
    (r"\\\((dq|lq|rq)|\\\[(dq|lq|rq)\]|\\\*[([](lq|rq|dq)\]?", '"'),
    (r"\\\((em|en)|\\\[(em|en)\]|\\-", "-"),
    (r"\\\((bu)|\\\[(bu)\]", "*"),
    (r"\\\[u([0-9A-F]{4,6})\]", lambda match: chr(int(match[1], 16))),
    (r"\\~|\\ |\\0", " "),
    (r"\\[eE]|\\\(rs|\\\[rs\]", "\\\\"),
    (r"\\(\*)?(\[[^]]*\]|\(..|.)", ""),                # all others
)]


def plain(line):
    for pattern, to in ESCAPES:
        line = pattern.sub(to, line)
    return line


SETS_WORDS = ("B", "I", "SM", "SB", "BR", "IR", "RB", "RI", "BI", "IB", "IP")
JOINS_WORDS = ("BR", "IR", "RB", "RI", "BI", "IB")  # fonts take turns


def text_of(source):
    """The text of a page: a line for each paragraph, and the lines of examples as they are."""
    lines, paragraph, filled = [], [], True

    def end(*more):
        if paragraph:
            lines.append(" ".join(paragraph))
        paragraph.clear()
        lines.extend(more)

    for line in source.splitlines():
        name, _, words = line[1:].strip().partition(" ")
        if not line.startswith((".", "'")):
            if filled and line.strip() and not line.startswith(" "):
                paragraph.append(plain(line).strip())
            else:
                end(plain(line))
        elif name in ("SH", "SS") and words:
            end("", plain(words).strip('"'))
        elif name in ("nf", "EX", "fi", "EE"):
            end()
            filled = name in ("fi", "EE")
        elif name in SETS_WORDS:
            found = [quoted or bare for quoted, bare in re.findall(r'"([^"]*)"|(\S+)', words)]
            if name == "IP":
                end("")
                found = found[:1]  # the second is a width
            paragraph.append(plain(("" if name in JOINS_WORDS else " ").join(found)))
            if not filled:
                end()
        elif name in ("PP", "P", "LP", "TP"):
            end("")
        elif name in ("br", "sp"):
            end()
    end()
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip("\n")


def main():
    options = corpus.arguments(__doc__, PACKAGES).parse_args()
    folder = os.path.join(options.root, "usr/share/man")
    by_language = {}
    for path in corpus.files_under(folder):
        parts = os.path.relpath(path, folder).split("/")
        if not re.fullmatch(r"man\d\w*", parts[-2] if len(parts) > 1 else ""):
            continue
        name = parts[0].split(".")[0] if len(parts) == 3 else "en"
        with (gzip.open if path.endswith(".gz") else open)(path, "rb") as file:
            source = file.read().decode(errors="replace")
        if source.startswith(".so "):  # says where another page is
            continue
        if text := text_of(source):
            by_language.setdefault(name, []).append(text + "\n\n")
    corpus.require(by_language, folder, PACKAGES)
    corpus.say_path([
        corpus.write(options.out, f"{name}.txt", pages)
        for name, pages in sorted(by_language.items()) if len(pages) >= LEAST
    ])


if __name__ == "__main__":
    main()
