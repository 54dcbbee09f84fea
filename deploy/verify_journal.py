#!/usr/bin/env python3
"""Verify an exported Aval journal with nothing but this file and Python's standard library.

    aval journal export > journal.jsonl          (on the hospital's machine)
    python3 verify_journal.py journal.jsonl --key KEYFILE [--key KEYFILE …] [--anchors FILE …]

For somebody who trusts neither the database nor Aval: it checks that every link follows from the one before, that every
opinion, withdrawal and release recorded in the journal is the one that was sealed, byte for byte, that the seals are by
keys *you* were given (``--key``: files with 64 hexadecimal characters, obtained from the hospital by another way than
the export), that each opinion was given under a right that the journal says was its reader's, for that model, in force,
and not revoked before, and that no anchor is contradicted. Exit status: 0 everything holds, 1 something does not,
2 wrong use.

An export with its end cut off takes its newest anchors with it: give the file of signed heads that was kept elsewhere
(``--anchors``), and what it says must be in the export.

What it cannot show: that the person behind a login was that person, or that links after the last anchor were not cut.
"""

import argparse
import hashlib
import json
import sys

EXPORT = "aval.journal-export/1"
GENESIS = "0" * 64
FIELDS = ("seq", "at", "actor", "role", "action", "subject", "body", "prev")

# --------------------------------------------------------------------------------------------------------------------
# Ed25519 verification, RFC 8032 section 5.1, written for clarity; about 5 ms a signature.
P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT = pow(2, (P - 1) // 4, P)


def recover_x(y, sign):
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    if square == 0:
        return None if sign else 0
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT % P
    if (x * x - square) % P:
        return None
    return P - x if x & 1 != sign else x


def decompress(data):
    if len(data) != 32:
        return None
    y = int.from_bytes(data, "little")
    x = recover_x(y & ((1 << 255) - 1), y >> 255)
    y &= (1 << 255) - 1
    return None if x is None else (x, y, 1, x * y % P)


def add(a, b):
    e, f = (a[1] - a[0]) * (b[1] - b[0]) % P, (a[1] + a[0]) * (b[1] + b[0]) % P
    g, h = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    e, f, g, h = f - e, h - g, h + g, f + e
    return e * f % P, g * h % P, f * g % P, e * h % P


def multiply(scalar, point):
    total = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            total = add(total, point)
        point = add(point, point)
        scalar >>= 1
    return total


BASE_Y = 4 * pow(5, P - 2, P) % P
BASE_X = recover_x(BASE_Y, 0)
BASE = (BASE_X, BASE_Y, 1, BASE_X * BASE_Y % P)


def signature_holds(public, message, signature):
    if len(signature) != 64:
        return False
    a, r = decompress(public), decompress(signature[:32])
    s = int.from_bytes(signature[32:], "little")
    if a is None or r is None or s >= L:
        return False
    h = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % L
    left, right = multiply(s, BASE), add(r, multiply(h, a))
    same_x = (left[0] * right[2] - right[0] * left[2]) % P == 0
    return same_x and (left[1] * right[2] - right[1] * left[2]) % P == 0


# --------------------------------------------------------------------------------------------------------------------


def netstring(text):
    return f"{len(text.encode())}:{text},"


def link_hash(link):
    text = netstring("aval.journal/1") + "".join(netstring(str(link[field])) for field in FIELDS)
    return hashlib.sha256(text.encode()).hexdigest()


def canonical(value):
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


class Verifier:
    """Reads an export line by line and collects what does not hold."""

    def __init__(self, trusted):
        self.trusted = trusted
        self.site = None
        self.faults = []
        self.seq, self.head = 0, GENESIS
        self.hashes = {}
        self.recorded = {}
        self.sealed = {}
        self.rights = {}
        self.revoked = set()
        self.opinions = {}
        self.impressions = {}
        self.reveals = {}
        self.anchors = 0
        self.anchored = 0

    def fault(self, text):
        self.faults.append(text)

    def link(self, link):
        if link["seq"] != self.seq + 1:
            self.fault(f"link {self.seq + 1} is missing: the next one is {link['seq']}")
        if link["prev"] != self.head:
            self.fault(f"link {link['seq']} does not follow link {self.seq}")
        if link["hash"] != link_hash(link):
            self.fault(f"link {link['seq']} ({link['action']} at {link['at']}) was edited")
        self.seq, self.head = link["seq"], link["hash"]
        self.hashes[self.seq] = self.head
        self.record(link)

    def record(self, link):
        body = json.loads(link["body"])
        kind = link["action"].partition(".")[0]
        if link["action"] == "right.given":
            self.rights[link["subject"]] = body
        elif link["action"] == "right.revoked":
            self.revoked.add(link["subject"])
        elif kind == "opinion":
            what = f"link {link['seq']} records opinion {body['opinion']} under a right that"
            if body["right"] in self.revoked:
                self.fault(f"{what} was revoked before")
            if body["right"] not in self.rights:
                self.fault(f"{what} nobody had given")
            self.recorded["opinion", body["opinion"]] = (body["statement_sha256"], body["signature"], link["seq"])
            self.opinions[body["opinion"]] = (link["subject"], body["reader"], body.get("first_read"), link["seq"])
        elif link["action"] == "first-read.impression":
            self.impressions[body["impression"]] = (link["subject"], body["reader"], link["seq"])
        elif link["action"] == "exposure.reveal":
            self.reveals.setdefault((link["subject"], body["reader"]), link["seq"])
        elif kind == "release":
            self.recorded["release", body["release"]] = (body["terms_sha256"], body["signature"], link["seq"])
        elif kind == "withdrawal":
            self.recorded["withdrawal", body["withdrawal"]] = (body["notice"], None, link["seq"])

    def statement(self, line):
        what = (line["sealed"], line["id"])
        self.sealed[what] = line
        self.check_seal(f"{what[0]} {what[1]}", line["payload"].encode(), line["key"], line["signature"])

    def check_right(self, opinion, said):
        """Hold the right that an opinion carries against its own statement, and against the journal's rights."""
        right, model = said["right"], said["model"]
        claim = (right["person"], right["model"], right["major"], right["act"])
        if claim != (said["reader"]["login"], model["name"], model["version"].partition(".")[0], "endorse"):
            self.fault(f"opinion {opinion} names a right that is somebody else's, or for something else")
        if not right["since"] <= said["signed_at"] < right["until"]:
            self.fault(f"opinion {opinion} was signed outside the time of its right")
        evidence = hashlib.sha256(right["evidence"].encode()).hexdigest()
        given = {key: right[key] for key in ("person", "model", "major", "site", "act", "by", "since", "until")}
        if given | {"evidence_sha256": evidence} not in self.rights.values():
            self.fault(f"opinion {opinion} carries a right that the journal never recorded in these words")

    def check_seal(self, what, payload, key, signature):
        public = self.trusted.get(key)
        if public is None:
            self.fault(f"{what} is sealed by key {key}, which is not one of yours")
        elif not signature_holds(public, payload, bytes.fromhex(signature)):
            self.fault(f"the seal of {what} does not verify: these are not the bytes that were sealed")

    def anchor(self, anchor):
        head = anchor["head"]
        self.check_seal(
            f"the anchor at link {head['seq']}", canonical(head), anchor["seal"]["key"], anchor["seal"]["signature"]
        )
        if head["site"] != self.site:
            self.fault(f"the anchor of {head['at']} is of site {head['site']}, and the journal of site {self.site}")
        elif self.hashes.get(head["seq"]) != head["hash"]:
            self.fault(f"the anchor of {head['at']} says that link {head['seq']} is another one, or it was cut off")
        self.anchors += 1
        self.anchored = max(self.anchored, head["seq"])

    def read_first(self, opinion):
        """A first impression that is signed for came before the reveal, and the reveal before the opinion."""
        result, reader, named, seq = self.opinions[opinion]
        signed = json.loads(self.sealed["opinion", opinion]["payload"]).get("first_read")
        if signed != named:
            self.fault(f"link {seq} names another first impression than the opinion {opinion} that was signed")
        if signed is None:
            return
        *whose, said = self.impressions.get(signed, (None, None, 0))
        revealed = self.reveals.get((result, reader), 0)
        if whose != [result, reader]:
            self.fault(f"opinion {opinion} was signed after a first impression that the journal does not record")
        elif not said < revealed < seq:
            self.fault(f"the first impression of opinion {opinion} was not given before the draft was revealed")

    def finish(self):
        for what in self.recorded.keys() - self.sealed.keys():
            self.fault(f"the journal records {what[0]} {what[1]}, but the export does not hold what was sealed")
        for what in self.sealed.keys() - self.recorded.keys():
            self.fault(f"{what[0]} {what[1]} is sealed, but the journal never recorded it")
        for what in self.recorded.keys() & self.sealed.keys():
            sha256, signature, seq = self.recorded[what]
            line = self.sealed[what]
            if hashlib.sha256(line["payload"].encode()).hexdigest() != sha256:
                self.fault(f"link {seq} records another {what[0]} {what[1]} than the one in the export")
            if what[0] == "opinion":
                self.check_right(what[1], json.loads(line["payload"]))
            if signature is not None and signature != line["signature"]:
                self.fault(f"link {seq} records another seal of {what[0]} {what[1]}")
            if what[0] == "opinion":
                self.read_first(what[1])


def read_lines(path, verifier, *, may_end_torn=False):
    """Yield the JSON lines of a file; one that is none is a fault, and nothing after it counts.

    A file that is appended to may end in half a line: a power cut did that, and nobody was told that it was kept.
    """
    with open(path, encoding="utf-8") as file:
        for number, text in enumerate(file, start=1):
            try:
                yield json.loads(text)
            except ValueError:
                if text.endswith("\n") or not may_end_torn:
                    verifier.fault(f"{path}: line {number} is not JSON: it was cut or edited")
                return


def read_keys(paths):
    keys = {}
    for path in paths:
        with open(path, encoding="ascii") as file:
            public = bytes.fromhex(file.read().strip())
        keys[hashlib.sha256(public).hexdigest()[:16]] = public
    return keys


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("export", help="file written by `aval journal export`")
    parser.add_argument("--key", action="append", default=[], help="public key file, from the hospital; repeatable")
    parser.add_argument("--anchors", action="append", default=[], help="signed heads kept elsewhere; repeatable")
    arguments = parser.parse_args()
    if not arguments.key:
        parser.error("give the public keys you trust with --key; those inside the export prove nothing by themselves")
    verifier = Verifier(read_keys(arguments.key))
    lines = read_lines(arguments.export, verifier)
    first = next(lines, {})
    if first.get("export") != EXPORT:
        parser.error(f"{arguments.export} is not an export of form {EXPORT}")
    verifier.site = first["site"]
    for line in lines:
        if "link" in line:
            verifier.link(line["link"])
        elif "sealed" in line:
            verifier.statement(line)
        elif "anchor" in line:
            verifier.anchor(line["anchor"])
    for path in arguments.anchors:
        for anchor in read_lines(path, verifier, may_end_torn=True):
            verifier.anchor(anchor)
    verifier.finish()
    for fault in verifier.faults:
        print(f"FAULT  {fault}")
    print(
        f"{'BROKEN' if verifier.faults else 'HOLDS'}: site {first['site']}, {verifier.seq} links, "
        f"{len(verifier.sealed)} sealed statements, {verifier.anchors} anchors, exported {first['at']}"
    )
    if verifier.seq > verifier.anchored:
        print(f"nothing shows that no links were cut off after link {verifier.anchored}: no anchor is newer")
    return 1 if verifier.faults else 0


if __name__ == "__main__":
    sys.exit(main())
