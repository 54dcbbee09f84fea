#!/usr/bin/env python3
"""Verify an exported Aval journal with nothing but this file and Python's standard library.

    aval journal export > journal.jsonl          (on the hospital's machine)
    python3 verify_journal.py journal.jsonl --key KEYFILE [--key KEYFILE …] [--anchors FILE …]

For somebody who trusts neither the database nor Aval: it checks that every link follows from the one before, that every
opinion, withdrawal and release recorded in the journal is the one that was sealed, byte for byte, that the seals are by
keys *you* were given (``--key``: files with 64 hexadecimal characters, obtained from the hospital by another way than
the export), that each opinion was given under a right that the journal says was its reader's, for that model, in force,
and not revoked before, that no opinion passes over what a learner prepared, and that no anchor is contradicted. Exit
status: 0 everything holds, 1 something does not, 2 wrong use.

An opinion that claims a passkey (level L2) must have its gesture: over exactly that statement, by a key that the
journal had registered to its reader before and not revoked, by a person whom the authenticator verified, counting
upwards, and made for the desk at ``--origin`` where you give one (https://aval.chu.example).

An export with its end cut off takes its newest anchors with it: give the file of signed heads that was kept elsewhere
(``--anchors``), and what it says must be in the export.

What it cannot show: that the person behind a login was that person, that it was they who registered a passkey (ask
them: their authenticator knows), or that links after the last anchor were not cut.
"""

import argparse
import base64
import hashlib
import json
import sys
import urllib.parse

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
# What authenticators sign with: ECDSA on P-256 (FIPS 186-5, 6.4.2; SEC 1) and RSA PKCS #1 v1.5 (RFC 8017, 8.2.2).
P256 = 2**256 - 2**224 + 2**192 + 2**96 - 1
N256 = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
B256 = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
G256 = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)
SHA256_INFO = bytes.fromhex("3031300d060960864801650304020105000420")


def add_256(a, b):
    if a is None or b is None:
        return a or b
    if a[0] == b[0]:
        if (a[1] + b[1]) % P256 == 0:
            return None
        slope = (3 * a[0] * a[0] - 3) * pow(2 * a[1], -1, P256) % P256
    else:
        slope = (b[1] - a[1]) * pow(b[0] - a[0], -1, P256) % P256
    x = (slope * slope - a[0] - b[0]) % P256
    return x, (slope * (a[0] - x) - a[1]) % P256


def multiply_256(scalar, point):
    total = None
    while scalar:
        if scalar & 1:
            total = add_256(total, point)
        point = add_256(point, point)
        scalar >>= 1
    return total


def der_integer(data):
    """Return the integer that begins ``data`` and what follows; None when it is not written the one right way."""
    if len(data) < 3 or data[0] != 2 or not 0 < data[1] < 128 or len(data) < 2 + data[1]:
        return None
    body = data[2 : 2 + data[1]]
    if body[0] & 0x80 or (len(body) > 1 and body[0] == 0 and not body[1] & 0x80):
        return None
    return int.from_bytes(body, "big"), data[2 + data[1] :]


def es256_holds(public, message, signature):
    x, y = int.from_bytes(public[:32], "big"), int.from_bytes(public[32:], "big")
    on_curve = x < P256 and y < P256 and (y * y - x * x * x + 3 * x - B256) % P256 == 0
    if len(public) != 64 or not on_curve or not 8 <= len(signature) <= 72:
        return False
    if signature[:2] != bytes([0x30, len(signature) - 2]):
        return False
    first = der_integer(signature[2:])
    second = first and der_integer(first[1])
    if not second or second[1]:
        return False
    r, s = first[0], second[0]
    if not (0 < r < N256 and 0 < s < N256):
        return False
    e, w = int.from_bytes(hashlib.sha256(message).digest(), "big"), pow(s, -1, N256)
    point = add_256(multiply_256(e * w % N256, G256), multiply_256(r * w % N256, (x, y)))
    return point is not None and point[0] % N256 == r


def rs256_holds(public, message, signature):
    modulus, size = int.from_bytes(public, "big"), len(public)
    if len(signature) != size or size < 256:
        return False
    said = pow(int.from_bytes(signature, "big"), 65537, modulus).to_bytes(size, "big")
    info = SHA256_INFO + hashlib.sha256(message).digest()
    return said == b"\0\1" + b"\xff" * (size - 3 - len(info)) + b"\0" + info


GESTURES_BY = {"ES256": es256_holds, "EdDSA": signature_holds, "RS256": rs256_holds}

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

    def __init__(self, trusted, origins=()):
        self.trusted = trusted
        self.origins = frozenset(origins)
        self.passkeys = {}
        self.gestures = {}
        self.readers = {}
        self.seen_origins = set()
        self.site = None
        self.faults = []
        self.seq, self.head = 0, GENESIS
        self.hashes = {}
        self.recorded = {}
        self.sealed = {}
        self.rights = {}
        self.revoked = set()
        self.opinions = {}
        self.prepared = {}
        self.named = {}
        self.signed = set()
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
            self.opinion(link, body)
        elif kind == "preparation":
            self.preparation(link, body)
        elif link["action"] == "first-read.impression":
            self.impressions[body["impression"]] = (link["subject"], body["reader"], link["seq"])
        elif link["action"] == "exposure.reveal":
            self.reveals.setdefault((link["subject"], body["reader"]), link["seq"])
        elif kind == "release":
            self.recorded["release", body["release"]] = (body["terms_sha256"], body["signature"], link["seq"])
        elif kind == "withdrawal":
            self.recorded["withdrawal", body["withdrawal"]] = (body["notice"], None, link["seq"])
        elif kind == "passkey":
            self.passkey(link, body)
        elif kind == "gesture":
            self.gesture(link["seq"], body)

    def opinion(self, link, body):
        what = f"link {link['seq']} records opinion {body['opinion']} under a right that"
        if body["right"] in self.revoked:
            self.fault(f"{what} was revoked before")
        if body["right"] not in self.rights:
            self.fault(f"{what} nobody had given")
        self.recorded["opinion", body["opinion"]] = (body["statement_sha256"], body["signature"], link["seq"])
        self.opinions[body["opinion"]] = (link["subject"], body["reader"], body.get("first_read"), link["seq"])
        self.readers[body["opinion"]] = (body["reader"], body["statement_sha256"])
        self.named[body["opinion"]] = body.get("prepared")
        self.signed.add(link["subject"])

    def preparation(self, link, body):
        if body["right"] not in self.rights or body["right"] in self.revoked:
            self.fault(f"link {link['seq']} records a preparation under a right that did not stand")
        if link["subject"] in self.signed:
            self.fault(f"link {link['seq']} records a preparation after an opinion on the same result")
        self.recorded["preparation", body["preparation"]] = (
            body["statement_sha256"],
            body["signature"],
            link["seq"],
        )
        self.prepared[link["subject"]] = (body["preparation"], body["reader"])

    def passkey(self, link, body):
        key = body["passkey"]
        if link["action"] == "passkey.revoked":
            if key in self.passkeys:
                self.passkeys[key]["revoked"] = True
        elif key in self.passkeys:
            self.fault(f"link {link['seq']} registers passkey {key} a second time")
        else:
            self.passkeys[key] = body | {"login": link["subject"], "revoked": False, "counter": 0}

    def gesture(self, seq, body):
        opinion, key = body["opinion"], self.passkeys.get(body["passkey"])
        reader, digest = self.readers.get(opinion, (None, ""))
        self.gestures[opinion] = seq
        what = f"the gesture of link {seq}"
        if key is None or key["revoked"] or key["login"] != reader:
            self.fault(f"{what} is by a passkey that was not its reader's then: never registered, or revoked")
            return
        data, said = bytes.fromhex(body["authenticator_data"]), json.loads(body["client_data"])
        signed = data + hashlib.sha256(body["client_data"].encode()).digest()
        holds = GESTURES_BY.get(key["algorithm"], lambda *_: False)
        challenge = base64.urlsafe_b64encode(bytes.fromhex(digest)).decode().rstrip("=")
        counter = int.from_bytes(data[33:37], "big")
        if not holds(bytes.fromhex(key["public_key"]), signed, bytes.fromhex(body["signature"])):
            self.fault(f"{what} was not signed by the passkey that it names")
        if said.get("type") != "webauthn.get" or said.get("challenge") != challenge:
            self.fault(f"{what} is over another statement than that of opinion {opinion}")
        if len(data) < 37 or data[32] & 5 != 5:
            self.fault(f"{what}: the authenticator did not verify who made it")
        if key["counter"] and counter <= key["counter"]:
            self.fault(f"{what}: the authenticator counted less than before; there may be two of it")
        key["counter"] = max(counter, key["counter"])
        self.place(what, data[:32], said)

    def place(self, what, party, said):
        origin = said.get("origin", "")
        host = urllib.parse.urlsplit(origin).hostname or ""
        self.seen_origins.add(origin)
        if hashlib.sha256(host.encode()).digest() != party or (self.origins and origin not in self.origins):
            self.fault(f"{what} was made for another desk than yours")

    def statement(self, line):
        what = (line["sealed"], line["id"])
        self.sealed[what] = line
        self.check_seal(f"{what[0]} {what[1]}", line["payload"].encode(), line["key"], line["signature"])

    def check_right(self, opinion, said, act="endorse"):
        """Hold the right that an opinion carries against its own statement, and against the journal's rights."""
        right, model = said["right"], said["model"]
        claim = (right["person"], right["model"], right["major"], right["act"])
        if claim != (said["reader"]["login"], model["name"], model["version"].partition(".")[0], act):
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

    def cosigned(self, opinion):
        """An opinion names what a learner prepared for its result, in the bytes that were signed, and is by another."""
        result, reader, *_ = self.opinions[opinion]
        signed = json.loads(self.sealed["opinion", opinion]["payload"]).get("prepared")
        prepared, learner = self.prepared.get(result, (None, None))
        if not signed == self.named[opinion] == prepared:
            self.fault(f"opinion {opinion} does not name what was prepared for its result")
        if learner == reader:
            self.fault(f"opinion {opinion} is by the person who prepared its result")

    def finish(self):
        for what in self.recorded.keys() - self.sealed.keys():
            self.fault(f"the journal records {what[0]} {what[1]}, but the export does not hold what was sealed")
        for what in self.sealed.keys() - self.recorded.keys():
            self.fault(f"{what[0]} {what[1]} is sealed, but the journal never recorded it")
        for opinion in [name for kind, name in self.sealed if kind == "opinion"]:
            auth = json.loads(self.sealed["opinion", opinion]["payload"]).get("auth", "")
            if auth.endswith("+passkey") != (opinion in self.gestures):
                self.fault(f"opinion {opinion} says that it was signed by {auth}, and the journal says otherwise")
        for what in self.recorded.keys() & self.sealed.keys():
            sha256, signature, seq = self.recorded[what]
            line = self.sealed[what]
            if hashlib.sha256(line["payload"].encode()).hexdigest() != sha256:
                self.fault(f"link {seq} records another {what[0]} {what[1]} than the one in the export")
            if what[0] == "opinion":
                self.check_right(what[1], json.loads(line["payload"]))
                self.cosigned(what[1])
            if what[0] == "preparation":
                self.check_right(what[1], json.loads(line["payload"]), "prepare")
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
    parser.add_argument("--origin", action="append", default=[], help="of the desk's pages, as you know it; repeatable")
    arguments = parser.parse_args()
    if not arguments.key:
        parser.error("give the public keys you trust with --key; those inside the export prove nothing by themselves")
    verifier = Verifier(read_keys(arguments.key), arguments.origin)
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
    if verifier.gestures:
        places = ", ".join(sorted(verifier.seen_origins))
        print(f"{len(verifier.gestures)} opinions are signed by a passkey of their reader (L2), at {places}")
    if verifier.seq > verifier.anchored:
        print(f"nothing shows that no links were cut off after link {verifier.anchored}: no anchor is newer")
    return 1 if verifier.faults else 0


if __name__ == "__main__":
    sys.exit(main())
