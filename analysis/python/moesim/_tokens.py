"""Converts text to token ids and back, with the tokenizer in a checkpoint."""
import os

from ._errors import MoesimError, need


class Tokens:
    """Encodes and decodes by the tokenizer of a checkpoint: bytes, raw, chars, sentencepiece, or numbers."""

    def __init__(self, folder, data):
        self.kind = data.get("tokens", "numbers")
        self.vocabulary = data["vocabulary"]
        content = b""
        path = os.path.join(folder, "tokenizer.model")
        if self.kind in ("chars", "sentencepiece"):
            try:
                with open(path, "rb") as file:
                    content = file.read()
            except OSError as problem:
                raise MoesimError(f"{path}: cannot be read: {problem.strerror}") from None
        if self.kind == "chars":
            self.characters = content.decode("utf-8")
            self.ids = {character: i for i, character in enumerate(self.characters)}
        elif self.kind == "sentencepiece":
            library = need("sentencepiece", "text of a SentencePiece model")
            self.model = library.SentencePieceProcessor(model_proto=content)
        elif self.kind not in ("bytes", "raw", "numbers"):
            raise MoesimError(f"{folder}: its data has tokens = {self.kind}, which this version does not know; use ids")

    def encode(self, text):
        """Returns a list of ids. For data other than text, `text` holds the ids themselves: "3 1 4"."""
        if self.kind == "chars":
            unknown = sorted(set(text) - set(self.ids))
            if unknown:
                raise MoesimError(f"the vocabulary has no {unknown[0]!r}")
            return [self.ids[character] for character in text]
        if self.kind == "sentencepiece":
            return [i for line in text.split("\n") for i in self.model.encode(line)]
        if self.kind == "numbers":
            try:
                return [int(word) for word in text.split()]
            except ValueError:
                raise MoesimError(f"{text!r}: the data is no text; write token ids, like \"3 1 4\"") from None
        return list(text.encode("utf-8"))

    def decode(self, ids):
        """Returns the text of ids; invalid bytes become U+FFFD."""
        ids = [int(i) for i in ids]
        if self.kind == "chars":
            return "".join(self.characters[i] for i in ids)
        if self.kind == "sentencepiece":
            return self.model.decode(ids)
        if self.kind == "numbers":
            return " ".join(str(i) for i in ids)
        return bytes(ids).decode("utf-8", "replace")
