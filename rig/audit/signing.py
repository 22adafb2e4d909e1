"""Ed25519 signatures over judgements: who, when, and what the signature means (docs/how-to/prove-a-run.md).

A signature names the judgement's manifest by its SHA-256; that manifest names the judgement's files, the head of the
record and the evidence's manifest. It names the signature before it, too. The package ``cryptography`` is needed here
alone and imported only when somebody signs or a signature is verified.
"""

from __future__ import annotations

import getpass
import hashlib
import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rig.audit.findings import canonical_text
from rig.errors import UsageError
from rig.judging.store import SIGNATURES, signatures

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

MEANINGS = ("tested", "reviewed", "approved")
KEYS = {
    "schema", "name", "utc", "meaning", "why", "run_id", "judgement", "judgement_manifest_sha256", "previous",
    "public_key", "signature",
}  # fmt: skip
INSTALL = "pip install cryptography (or: pip install 'insulin-pump-rig[sign]')"


def need_cryptography() -> None:
    """Raise `UsageError` that says what to install when signing is not possible here."""
    try:
        import cryptography  # noqa: F401, PLC0415 - only whoever signs pays for it
    except ImportError:
        raise UsageError("signatures need the package cryptography, which is not installed", hint=INSTALL) from None


def new_key(path: Path) -> tuple[Path, Path]:
    """Make a key pair: the private key in ``path``, readable by its owner alone, the public one beside it.

    Raises `UsageError` when either file is there already.
    """
    need_cryptography()
    from cryptography.hazmat.primitives import serialization as pem  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415

    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(pem.Encoding.PEM, pem.PrivateFormat.PKCS8, pem.NoEncryption())
    public = key.public_key().public_bytes(pem.Encoding.PEM, pem.PublicFormat.SubjectPublicKeyInfo)
    beside = path.with_name(f"{path.name.removesuffix('.pem')}.pub.pem")
    if beside.exists():
        raise UsageError("this file is there already, and a key is never overwritten", where=str(beside))
    _write_new(path, private, 0o600)
    _write_new(beside, public, 0o644)
    return path, beside


def load_private(path: Path) -> Ed25519PrivateKey:
    """Return the private key of a PEM file; asks for the passphrase of an encrypted one, on a terminal only."""
    need_cryptography()
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415

    raw = _read(path)
    passphrase = None
    if b"ENCRYPTED" in raw:
        if not sys.stdin.isatty():
            raise UsageError(
                "the key has a passphrase, and there is no terminal to ask for it", where=str(path), hint="a terminal"
            )
        passphrase = getpass.getpass(f"passphrase of {path.name}: ").encode()
    try:
        key = load_pem_private_key(raw, passphrase)
    except (ValueError, TypeError) as error:
        raise UsageError(
            f"this is no private key, or the passphrase is wrong ({type(error).__name__})",
            where=str(path),
            expected="an Ed25519 private key as PEM",
            hint="rig sign --new-key FILE",
        ) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise UsageError(
            "this is no Ed25519 key", where=str(path), expected="an Ed25519 private key", hint="rig sign --new-key FILE"
        )
    return key


def load_public(path: Path) -> str:
    """Return the raw public key of a PEM file, in hexadecimal digits; raise `UsageError` when it is none."""
    need_cryptography()
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import load_pem_public_key  # noqa: PLC0415

    try:
        key = load_pem_public_key(_read(path))
    except ValueError:
        key = None
    if not isinstance(key, Ed25519PublicKey):
        raise UsageError("this is no public key", where=str(path), expected="an Ed25519 public key as PEM")
    return key.public_bytes_raw().hex()


def sign(judgement: Path, key: Ed25519PrivateKey, name: str, meaning: str, why: str = "") -> Path:
    """Write the next ``signatures/NNN.json`` of a judgement; an earlier one is never overwritten."""
    manifest = judgement / "manifest.json"
    before = signatures(judgement)
    document: dict[str, Any] = {
        "schema": 1,
        "name": name,
        "utc": datetime.now(UTC).isoformat(timespec="seconds"),
        "meaning": meaning,
        "why": why,
        "run_id": json.loads(manifest.read_text(encoding="utf-8"))["run_id"],
        "judgement": judgement.name,
        "judgement_manifest_sha256": hashlib.sha256(manifest.read_bytes()).hexdigest(),
        "previous": hashlib.sha256(before[-1].read_bytes()).hexdigest() if before else None,
        "public_key": key.public_key().public_bytes_raw().hex(),
    }
    document["signature"] = key.sign(signed_bytes(document)).hex()
    path = judgement / SIGNATURES / f"{len(before) + 1:03d}.json"
    path.parent.mkdir(exist_ok=True)
    _write_new(path, canonical_text(document).encode("ascii"), 0o644)
    return path


def signed_bytes(document: dict[str, Any]) -> bytes:
    """Return what is signed: all but the signature, as JSON with sorted keys, no blanks and ASCII only."""
    rest = {key: value for key, value in document.items() if key != "signature"}
    return json.dumps(rest, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False).encode("ascii")


def verify(document: dict[str, Any]) -> bool:
    """Return whether the signature in ``document`` is one by the key in it; raise `UsageError` without the package."""
    need_cryptography()
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415

    try:
        public, signature = bytes.fromhex(document["public_key"]), bytes.fromhex(document["signature"])
        # One spelling only: hexadecimal digits may otherwise change their case and mean the same.
        if public.hex() != document["public_key"] or signature.hex() != document["signature"]:
            return False
        Ed25519PublicKey.from_public_bytes(public).verify(signature, signed_bytes(document))
    except (InvalidSignature, KeyError, ValueError, TypeError):
        return False
    return True


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"the key cannot be read ({error.strerror})", where=str(path)) from error


def _write_new(path: Path, content: bytes, mode: int) -> None:
    """Write a file that must not be there yet."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    except FileExistsError:
        raise UsageError("this file is there already, and is never overwritten", where=str(path)) from None
    except OSError as error:
        raise UsageError(f"it cannot be written ({error.strerror})", where=str(path)) from error
    with os.fdopen(descriptor, "wb") as opened:
        opened.write(content)
        opened.flush()
        os.fsync(opened.fileno())
