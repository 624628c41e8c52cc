#!/usr/bin/env python3
"""Checks a proof file: verify.py PROOF VERIFIER-KEY-FILE [LEAF-FILE]. See docs/audit-proof.md."""
import base64, hashlib, sys


def refuse(why):
    sys.exit(f"refused: {why}")


def decode(text):
    raw = base64.b64decode(text, validate=True)
    if base64.b64encode(raw).decode() != text:
        refuse("base64 has one form only")
    return raw


def number(text):
    if not text.isascii() or not text.isdigit() or str(int(text)) != text:
        refuse(f"{text!r} is not a number")
    return int(text)


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def root_of(leaf, index, size, path):  # RFC 9162, section 2.1.3.2
    node, at, last = sha256(b"\0", leaf), index, size - 1
    for step in path:
        if last == 0:
            refuse("too many hashes")
        if at & 1 or at == last:
            node = sha256(b"\1", step, node)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            node = sha256(b"\1", node, step)
        at, last = at >> 1, last >> 1
    if last:
        refuse("too few hashes")
    return node


def check_signature(note, key_text):
    name, key_id, key = key_text.strip().split("+", 2)
    key = decode(key)
    if key[0] != 1 or sha256(name.encode(), b"\n", key)[:4].hex() != key_id:
        refuse("not an Ed25519 verifier key")
    text, signatures = note.rsplit("\n\n", 1)
    if text.split("\n")[0] != name:
        refuse("the checkpoint is of another log")
    for line in signatures.removesuffix("\n").split("\n"):
        dash, signer, signature = (line.split(" ") + ["", ""])[:3]
        if dash == "\u2014" and signer == name and decode(signature)[:4].hex() == key_id:
            try:
                from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
            except ImportError:
                return "NOT checked: the module `cryptography` is missing"
            try:
                Ed25519PublicKey.from_public_bytes(key[1:]).verify(decode(signature)[4:], (text + "\n").encode())
            except Exception:
                refuse("the signature is wrong")
            return "good"
    refuse("no signature by the trusted key")


def main(proof_path, key_path, leaf_path=None):
    head, note = open(proof_path, newline="", encoding="utf-8").read().split("\n\n", 1)
    lines = head.split("\n")
    if lines.pop(0) != "c2sp.org/tlog-proof@v1":
        refuse("not a proof file")
    extra = decode(lines.pop(0).removeprefix("extra ")) if lines[0].startswith("extra ") else None
    leaf = open(leaf_path, "rb").read() if leaf_path else extra
    word, _, index = lines.pop(0).partition(" ")
    if word != "index" or leaf is None:
        refuse("no index or no leaf")
    _, size, root = note.split("\n")[:3]
    index, size = number(index), number(size)
    if index >= size or root_of(leaf, index, size, [decode(line) for line in lines]) != decode(root):
        refuse("the hashes do not lead to the root")
    signature = check_signature(note, open(key_path).read())
    print(f"entry {index} of {size}: {leaf.decode(errors='replace')}\nsignature {signature}")


main(*sys.argv[1:])
