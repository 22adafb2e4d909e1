"""Signatures over judgements."""

from __future__ import annotations

import json
import stat
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization as pem

from rig.audit.findings import canonical_text
from rig.audit.signing import load_private, load_public, new_key, sign
from rig.cli.main import main
from tests.audit.conftest import audit, folders, found


def _sign(run: Path, key: Path, *more: str) -> int:
    return main(["sign", str(run), "--key", str(key), "--name", "A. Person", "--meaning", "reviewed", *more])


def test_a_new_key_is_readable_by_its_owner_alone_and_never_overwritten(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key = tmp_path / "key.pem"
    assert main(["sign", "--new-key", str(key)]) == 0
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    content = key.read_bytes()
    assert load_public(tmp_path / "key.pub.pem") == load_private(key).public_key().public_bytes_raw().hex()
    assert main(["sign", "--new-key", str(key)]) == 2
    (tmp_path / "key.pub.pem").unlink()
    assert main(["sign", "--new-key", str(key)]) == 2
    assert key.read_bytes() == content
    assert capsys.readouterr().err.count("\n") == 2


def test_signatures_say_who_when_and_what_and_are_verified(
    runs: Path, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _sign(run, runs.parent / "key.pem", "--why", "all read") == 0
    document = json.loads((run / "judgements/001/signatures/002.json").read_text())
    assert (document["name"], document["meaning"], document["why"]) == ("A. Person", "reviewed", "all read")
    assert document["judgement"] == "001"
    assert main(["audit", str(run), "--trust", str(runs.parent / "key.pub.pem")]) == 0
    assert "reviewed by A. Person" in capsys.readouterr().out


def test_another_key_than_the_trusted_ones_is_named(runs: Path, run: Path) -> None:
    other, public = new_key(runs.parent / "other.pem")
    sign(run / "judgements" / "001", load_private(other), "M. Impostor", "approved")
    trusted = load_public(runs.parent / "key.pub.pem")
    said = found(audit(runs, trusted=frozenset({trusted})))
    assert f"judgements/001/signatures/002.json: is by a key that is not trusted: {load_public(public)}" in said
    both = found(audit(runs, trusted=frozenset({trusted, load_public(public)})))
    assert not any(each.startswith("judgements/001/signatures") for each in both)


def test_a_signature_moved_to_another_judgement_or_with_another_name_is_named(runs: Path, run: Path) -> None:
    path = run / "judgements" / "001" / "signatures" / "001.json"
    moved = folders(runs)[1] / "judgements" / "001" / "signatures" / "001.json"
    moved.parent.mkdir()
    moved.write_bytes(path.read_bytes())
    path.write_text(canonical_text({**json.loads(path.read_text()), "name": "B. Person"}))
    said = found(audit(runs))
    assert "judgements/001/signatures/001.json: was altered: the signature does not fit what it signs" in said
    assert "judgements/001/signatures/001.json: was made for another judgement" in said


def test_an_altered_run_is_not_signed(runs: Path, run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (run / "result.json").write_text("{}")
    assert _sign(run, runs.parent / "key.pem") == 2
    assert "nobody signs what was altered: result.json" in capsys.readouterr().err
    assert not (run / "judgements/001/signatures/002.json").exists()


def test_a_signed_judgement_is_not_rendered_again_and_a_new_one_stands_beside_it(
    runs: Path, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {file: file.read_bytes() for file in (run / "judgements" / "001").rglob("*") if file.is_file()}
    assert main(["report", str(run)]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "rig analyse" in error
    main(["analyse", str(run)])
    assert {file: file.read_bytes() for file in (run / "judgements" / "001").rglob("*") if file.is_file()} == before
    assert not found(audit(runs))
    assert json.loads((run / "manifest.json").read_text())["judgement"] == "002"


def test_a_key_with_a_passphrase_is_asked_for_on_a_terminal_only(
    runs: Path, run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    key = load_private(runs.parent / "key.pem")
    locked = runs.parent / "locked.pem"
    secret = pem.BestAvailableEncryption(b"open sesame")
    locked.write_bytes(key.private_bytes(pem.Encoding.PEM, pem.PrivateFormat.PKCS8, secret))
    assert _sign(run, locked) == 2
    assert "no terminal to ask" in capsys.readouterr().err
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("getpass.getpass", lambda _prompt: "wrong")
    assert _sign(run, locked) == 2
    assert "passphrase is wrong" in capsys.readouterr().err
    monkeypatch.setattr("getpass.getpass", lambda _prompt: "open sesame")
    assert _sign(run, locked) == 0


def test_without_the_package_one_line_says_what_to_install(
    runs: Path, run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "cryptography", None)
    assert _sign(run, runs.parent / "key.pem") == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "pip install cryptography" in error
    assert main(["audit", str(run)]) == 4  # what cannot be verified is not proven
    assert "was not verified" in capsys.readouterr().out
    assert main(["audit", str(folders(runs)[1])]) == 0  # nothing signed, nothing needed


def test_a_file_that_is_no_key_and_missing_arguments_are_one_line(
    runs: Path, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _sign(run, run / "result.json") == 2
    assert _sign(run, run / "no such file") == 2
    assert main(["sign", str(run)]) == 2
    assert main(["audit", str(run), "--trust", str(runs.parent / "key.pem")]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 4
    assert "--key, --name, --meaning is missing" in error
