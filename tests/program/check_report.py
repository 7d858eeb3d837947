"""Checks that a report is one complete page that loads nothing.

check_report.py PAGE SECTION...     well-formed, with these sections, no reference that a browser would load, no script but its own
check_report.py --config ARM PAGE   the config that the page has of an arm
check_report.py --command ARM PAGE  the command that runs it again
check_report.py --hashes PAGE       a line of arm, seed and config hash per run
"""
import base64
import hashlib
import re
import sys
from html.parser import HTMLParser

VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
LOADS = {"src", "srcset", "data", "poster", "action", "formaction", "background", "manifest", "ping"}
ALLOWED = {  # with the elements of SVG that figures have
    "html head meta title link style body header h1 h2 h3 p nav ol ul li a main section div figure figcaption table caption thead tbody"
    " tr th td span strong sup details summary dl dt dd pre code footer script"
    " bdi br label input output"
    " svg g path text tspan rect circle line polyline polygon defs use symbol pattern clippath desc lineargradient stop image filter feflood fecomposite"
}
ALLOWED = set(" ".join(ALLOWED).split())


class Page(HTMLParser):
    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.stack, self.problems, self.ids, self.references, self.labels = [], [], [], [], []
        self.policy, self.sections, self.scripts, self.folds, self.tables, self.images = "", [], [], [], [], 0

    def handle_starttag(self, tag, attributes, closed=False):
        values = dict(attributes)
        if len(values) != len(attributes):
            self.problems.append(f"an attribute twice in <{tag}>")
        if tag not in ALLOWED:
            self.problems.append(f"an element that a report does not have: <{tag}>")
        for name, value in attributes:
            value = value or ""
            if name.startswith("on"):
                self.problems.append(f"<{tag} {name}=...> runs code")
            if name in LOADS:
                self.problems.append(f"<{tag} {name}={value[:40]}> loads")
            if name in ("href", "xlink:href") and not (value.startswith("#") or value.startswith("data:")):
                self.problems.append(f"<{tag} {name}={value[:40]}> leads out of the page")
            if name in ("href", "xlink:href") and value.startswith("#"):
                self.references.append(value[1:])
            if name == "style" and re.search(r"url\(\s*['\"]?(?!#|data:)", value):
                self.problems.append(f"a style that loads: {value[:60]}")
            if name in ("aria-labelledby",):
                self.references.append(value)
            if name == "id":
                self.ids.append(value)
        if tag == "meta" and values.get("http-equiv") == "Content-Security-Policy":
            self.policy = values["content"]
        if tag == "section":
            self.sections.append(values.get("id"))
        if values.get("role") == "img":
            self.images += 1
            if not values.get("aria-label"):
                self.problems.append("a picture without a text alternative")
        if tag == "details":
            self.folds.append({"summary": "", "pre": []})
        if tag == "table":
            self.tables.append([])
        if tag == "tr" and self.tables:
            self.tables[-1].append([])
        if tag in ("td", "th") and self.tables and self.tables[-1]:
            self.tables[-1][-1].append("")
        if tag == "pre" and self.folds:
            self.folds[-1]["pre"].append("")
        if tag == "script":
            self.scripts.append("")
        if not closed and tag not in VOID:
            self.stack.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes, closed=True)

    def handle_endtag(self, tag):
        if tag in VOID:
            return
        if not self.stack or self.stack[-1] != tag:
            self.problems.append(f"</{tag}> inside {'/'.join(self.stack[-3:])}")
            return
        self.stack.pop()

    def handle_data(self, data):
        if "script" in self.stack:
            self.scripts[-1] += data
        elif "summary" in self.stack:
            self.folds[-1]["summary"] += data
        elif "pre" in self.stack and self.folds:
            self.folds[-1]["pre"][-1] += data
        elif self.stack and ("td" in self.stack or "th" in self.stack):
            self.tables[-1][-1][-1] += data

    def handle_pi(self, data):
        self.problems.append(f"<?{data[:20]}")

    def unknown_decl(self, data):
        self.problems.append(f"<![{data[:20]}")


def read(path):
    with open(path, "rb") as file:
        text = file.read().decode("utf-8")  # strict
    page = Page()
    page.feed(text)
    page.close()
    return text, page


def check(path, wanted):
    text, page = read(path)
    problems = page.problems
    if not text.startswith("<!DOCTYPE html>\n"):
        problems.append("no doctype")
    if page.stack:
        problems.append(f"not closed: {page.stack}")
    if page.sections != list(dict.fromkeys(page.sections)):
        problems.append("a section twice")
    problems += [f"no section {section}" for section in wanted if section not in page.sections]
    twice = {name for name in page.ids if page.ids.count(name) > 1}
    if twice:
        problems.append(f"ids are not unique: {sorted(twice)[:5]}")
    lost = {name for name in page.references if name not in page.ids}
    if lost:
        problems.append(f"references to ids that are not there: {sorted(lost)[:5]}")
    for word in ("default-src 'none'", "base-uri 'none'", "form-action 'none'"):
        if word not in page.policy:
            problems.append(f"the policy lacks {word}")
    if len(page.scripts) != 1:
        problems.append(f"{len(page.scripts)} scripts")
    else:
        digest = base64.b64encode(hashlib.sha256(page.scripts[0].encode()).digest()).decode()
        if f"script-src 'sha256-{digest}'" not in page.policy:
            problems.append("the policy does not allow the script, or allows others")
    style = text[text.find("<style>"):text.find("</style>")]
    if "url(" in style or "@import" in style:
        problems.append("a style that loads")
    control = re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", text)
    if control:
        problems.append(f"a control character: {control.group()!r} at {control.start()}")
    for problem in problems:
        print(f"{path}: {problem}")
    return not problems


def fold_of(path, arm):
    for fold in read(path)[1].folds:
        if fold["summary"] == arm and len(fold["pre"]) == 2:
            return fold["pre"]
    sys.exit(f"{path}: no fold of {arm}")


def hashes(path):
    for table in read(path)[1].tables:
        head, rows = table[0], table[1:]
        if "SHA-256 of the config" in head and "seed" in head:
            for row in sorted(rows):
                print(row[head.index("arm")], row[head.index("seed")], row[head.index("SHA-256 of the config")])
            return
    sys.exit(f"{path}: no table of runs")


if sys.argv[1] == "--config":
    print(fold_of(sys.argv[3], sys.argv[2])[0], end="")
elif sys.argv[1] == "--command":
    print(fold_of(sys.argv[3], sys.argv[2])[1])
elif sys.argv[1] == "--hashes":
    hashes(sys.argv[2])
else:
    sys.exit(0 if check(sys.argv[1], sys.argv[2:]) else 1)
