"""Tests the order of documents: what run files say of it against an implementation in numpy and scipy of the embedding, the nearest
neighbours and the path, on a text made here; and that a resumed run has the same bits. Usage: documents.py MOESIM"""
import math
import os
import random
import re
import shutil

import checks
from checks import check

h5py, numpy, sparse = checks.packages("h5py", "numpy", "scipy.sparse")
moesim = checks.Program()
os.environ["HOME"] = moesim.folder.name

BASE = """[run]
name = d
steps = 6
[data]
name = text
length = 16
[model]
layers = 1
width = 16
heads = 2
[moe]
experts = 2
[expert]
hidden = 8
[router]
name = dense
[train]
schedule = constant
[eval]
batches = 2
[checkpoint]
every = 3
"""


def text_of(language, count, seed):
    """Documents of some topics, some of them repeated with a change of case or white space."""
    source = random.Random(seed)
    letters = {"en": "abcdefghij", "de": "äöüßÄklmnopq"}[language]
    words = ["".join(source.choice(letters) for _ in range(source.randint(2, 8))) for _ in range(300)]
    documents = []
    for i in range(count):
        topic = source.randrange(12)
        chosen = [source.choice(words[25 * topic:25 * topic + 25] if source.random() < 0.7 else words)
                  for _ in range(source.randint(6, 25))]
        text = " ".join(chosen)
        if i % 15 == 14:
            text = documents[source.randrange(len(documents))].upper().replace(" ", " \t ", 1)
        documents.append(text)
    return documents


def hashed(term):
    value = 14695981039346656037
    for byte in term:
        value = (value ^ byte) * 1099511628211 % 2 ** 64
    return value


def vectors_of(documents, ngrams=True):
    rows, columns, values = [], [], []
    for row, document in enumerate(documents):
        text = re.sub(r"\s+", " ", document.lower()).strip()
        terms = [b"\1" + word.encode() for word in re.findall(r"\w+", text)]
        if ngrams:
            terms += [text[i:i + n].encode() for n in (3, 4, 5) for i in range(len(text) - n + 1)]
        counts = {}
        for term in terms:
            h = hashed(term)
            counts[h % 2 ** 18] = counts.get(h % 2 ** 18, 0) + (-1 if h >> 63 else 1)
        for feature, count in counts.items():
            if count:
                rows.append(row), columns.append(feature)
                values.append(math.copysign(1 + math.log(abs(count)), count))
    matrix = sparse.csr_matrix((values, (rows, columns)), (len(documents), 2 ** 18))
    having = numpy.bincount(matrix.indices, minlength=2 ** 18)
    matrix = matrix.multiply(numpy.log((1 + len(documents)) / (1 + having)) + 1).tocsr()
    return sparse.diags(1 / numpy.sqrt(matrix.multiply(matrix).sum(1).A1)) @ matrix


def path_of(similarity):
    """Algorithm 1 on the symmetric graph of 10 neighbours, by searching all nodes at every step."""
    n = len(similarity)
    edges = [set() for _ in range(n)]
    for i in range(n):
        order = sorted((j for j in range(n) if j != i and similarity[i, j] > 0), key=lambda j: (-similarity[i, j], j))
        for j in order[:10]:
            edges[i].add(j), edges[j].add(i)
    left, order, chains = set(range(n)), [], 0
    while left:
        node = min(left, key=lambda i: (len(edges[i] & left), i))
        chains += 1
        while node is not None:
            order.append(node)
            left.remove(node)
            node = min(edges[node] & left, key=lambda j: (-similarity[order[-1], j], j), default=None)
    return order, chains


def run(*settings):
    with open("run.ini", "w", encoding="utf-8") as file:
        file.write(BASE)
    return moesim.run("run", "run.ini", "--out", "out", *settings, timeout=300).stderr


def newest(out="out"):
    runs = [os.path.join(where, "run.h5") for where, _, names in os.walk(out) if "run.h5" in names]
    return h5py.File(max(runs, key=os.path.getmtime), "r")


def close(found, expected, what):
    check(abs(found - expected) < 1e-6, f"{what}: {found}, expected {expected}")


languages = {"en": text_of("en", 300, 1), "de": text_of("de", 200, 2)}
for name, documents in languages.items():
    with open(name + ".txt", "w", encoding="utf-8") as file:
        file.write("\n%\n".join(documents) + "\n%\n")
DATA = ["data.path=en:en.txt; de:de.txt", "data.document=%"]

# Validation: of each language the documents that start in the last tenth of its bytes.
train, domain = [], []
for label, (name, documents) in enumerate(languages.items()):
    sizes = [len((text + "\n%\n").encode()) for text in documents]
    cut = int(sum(sizes) * (1 - 0.1))
    kept = [text for i, text in enumerate(documents) if sum(sizes[:i]) < cut]
    train += kept
    domain += [label] * len(kept)

for embedding in ("tfidf", "words"):
    matrix = vectors_of(train, embedding == "tfidf")
    similarity = (matrix @ matrix.T).toarray()
    drop = numpy.tril(similarity >= 0.95 - 1e-6, -1).any(1)
    kept = numpy.flatnonzero(~drop)
    similarity = similarity[numpy.ix_(kept, kept)]
    order, chains = path_of(similarity)
    adjacent = numpy.mean([similarity[a, b] for a, b in zip(order, order[1:])])
    said = run(*DATA, "data.order=similar", f"data.embedding={embedding}")
    with newest() as file:
        found = dict(file.attrs)
    check(found["documents"] == len(kept), f"{embedding}: {found['documents']} documents, expected {len(kept)}")
    check(found["documents_dropped"] == drop.sum() > 10, f"{embedding}: dropped {found['documents_dropped']}, expected {drop.sum()}")
    check(found["document_chains"] == chains > 1, f"{embedding}: {found['document_chains']} chains, expected {chains}")
    close(found["document_similarity"], adjacent, f"{embedding}: similarity")
    check(found["document_similarity"] > 2 * found["document_similarity_random"] > 0, f"{embedding}: no more similar than at random")
    # Pairs of documents in windows of 16 tokens that start at 4,096 evenly spaced places.
    owner = numpy.concatenate([[i] * len((train[kept[i]] + "\n%\n").encode()) for i in order])
    starts, means = len(owner) - 16, []
    for w in range(min(starts, 4096)):
        place = w * starts // min(starts, 4096)
        inside = sorted(set(owner[place:place + 16]))
        if len(inside) > 1:
            pairs = similarity[numpy.ix_(inside, inside)][numpy.triu_indices(len(inside), 1)]
            means.append(pairs.mean())
    close(found["window_similarity"], numpy.mean(means), f"{embedding}: pairs in windows")
    check(found["window_similarity_random"] < found["window_similarity"], f"{embedding}: pairs in windows in random order")
    # Windows of 16 tokens and a target, over bytes.
    labels = numpy.concatenate([[domain[kept[i]]] * len((train[kept[i]] + "\n%\n").encode()) for i in order])
    whole = [len(set(labels[i:i + 16])) == 1 for i in range(len(labels) - 16)]
    close(found["windows_one_domain"], numpy.mean(whole), f"{embedding}: windows of one domain")
    check(f"{len(kept)} documents after {drop.sum()} near-duplicates were dropped; {chains} chains, {chains - 1} jumps" in said,
          f"{embedding}: not said: {said}")

# The same bits after an interruption.
plain = ["data.order=similar", *DATA]
shutil.rmtree("out")
run(*plain, "run.steps=3")
run(*plain, "--extend")
with newest() as file:
    check("extended_from" in file.attrs, "not extended")
    extended = file["loss"][:].tobytes()
shutil.rmtree("out")
run(*plain)
with newest() as file:
    check(file["loss"][:].tobytes() == extended, "a run that was extended has other losses")
    check(len(file["loss"]) == 6, "not six steps")

# In file order without near-duplicates, it is the text as it was.
run("data.path=en.txt", "data.document=%", "data.duplicates=0")
with newest() as file:
    check("document_chains" not in file.attrs and "windows_one_domain" not in file.attrs, "attributes that do not apply")
checks.finish()
