"""What somebody can do to a run folder, and that each is found and named."""

from __future__ import annotations

import hashlib
import json
import shutil
import zlib
from pathlib import Path
from typing import Any

import pytest

from rig.audit.findings import canonical_text
from rig.audit.run import audit_runs
from rig.audit.signing import load_public
from rig.cli.main import main
from rig.record.ledger import BenchLedger
from rig.record.lines import heading_line
from rig.record.writer import COMPRESSION_LEVEL, GZIP_FORMAT
from tests.audit.conftest import audit, folders, found, write_ledger


def _covered(run: Path) -> list[Path]:
    return sorted(file for file in run.rglob("*") if file.is_file() and file.parent.name != "sealed")


def _rewrite(path: Path, **changes: Any) -> None:
    path.write_text(canonical_text({**json.loads(path.read_text()), **changes}))


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_untouched_runs_with_their_ledger_are_complete_and_unaltered(
    runs: Path, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["audit", str(runs), "--reparse"]) == 0
    text = capsys.readouterr().out
    assert text.endswith("3 runs, 1 ledger: complete and unaltered\n")
    assert f"{run.name}/sealed/ledger.json: the twin's own books: not part of the evidence" in text


def test_a_flipped_byte_anywhere_in_a_small_file_and_all_over_the_record_is_found(runs: Path, run: Path) -> None:
    files = _covered(run)
    assert len(files) >= 12
    for file in files:
        content = file.read_bytes()
        for at in range(0, len(content), max(1, len(content) // 12)):
            altered = bytearray(content)
            altered[at] ^= 1
            file.write_bytes(bytes(altered))
            report = audit_runs([run], beside=[runs])
            assert report.runs[0].findings, (file, at)
        name = file.relative_to(run).as_posix()
        last = {each.file for each in report.runs[0].findings}
        assert name in last or "judgements/001/signatures/001.json" in last or "manifest.json" in last, (name, last)
        file.write_bytes(content)
    assert not found(audit(runs))


def test_every_fifth_byte_of_the_manifests_counts(runs: Path, run: Path) -> None:
    for name in ("manifest.json", "judgements/001/manifest.json", "judgements/001/signatures/001.json"):
        file = run / name
        content = file.read_bytes()
        for at in range(0, len(content), 5):
            altered = bytearray(content)
            altered[at] ^= 1
            file.write_bytes(bytes(altered))
            assert audit_runs([run], beside=[runs]).runs[0].findings, (name, at)
        file.write_bytes(content)


def test_every_deleted_file_is_named(runs: Path, run: Path) -> None:
    trusted = frozenset({load_public(runs.parent / "key.pub.pem")})
    for file in _covered(run):
        content = file.read_bytes()
        file.unlink()
        said = found(audit_runs([run], beside=[runs], trusted=trusted))
        name = file.relative_to(run).as_posix()
        name = "judgements/001: is not signed" if name.endswith("signatures/001.json") else f"{name}: is missing"
        assert any(each.startswith(name) for each in said), (name, said)
        file.write_bytes(content)


@pytest.mark.parametrize(
    "name",
    ["extra.txt", "evidence/extra.txt", "evidence/sub/extra.txt", "judgements/001/extra.txt", "judgements/extra"],
)
def test_an_added_file_is_named(runs: Path, run: Path, name: str) -> None:
    (run / name).parent.mkdir(exist_ok=True)
    (run / name).write_text("x")
    said = found(audit(runs))
    assert len(said) == 1
    assert said[0].startswith(f"{name}: was added")


def test_an_added_record_is_named(runs: Path, run: Path) -> None:
    shutil.copy(run / "evidence" / "record-001.log.gz", run / "evidence" / "record-002.log.gz")
    said = found(audit(runs))
    assert "evidence/record-002.log.gz: does not say what it continues" in said
    assert "evidence/record-002.log.gz: was added: simulated.ledger knows of no such resumption" in said


@pytest.mark.parametrize("name", ["manifest.json", "evidence/manifest.json", "judgements/001/manifest.json"])
def test_swapped_manifests_of_two_runs_are_named_in_both(runs: Path, name: str) -> None:
    one, other = folders(runs)[:2]
    content = (one / name).read_bytes()
    (one / name).write_bytes((other / name).read_bytes())
    (other / name).write_bytes(content)
    report = audit(runs)
    for audited, foreign in zip(report.runs[:2], (other, one), strict=True):
        assert f"belongs to run {foreign.name}, not to {audited.name}" in [
            each.what for each in audited.findings if each.file == name
        ]
    assert not report.runs[2].findings


def test_a_run_removed_in_the_middle_is_named(runs: Path) -> None:
    gone = folders(runs)[1]
    shutil.rmtree(gone)
    assert found(audit(runs)) == [f"simulated.ledger: run {gone.name} (entry 3) is missing from disk"]


def test_another_run_under_the_name_of_a_removed_one_does_not_hide_it(runs: Path) -> None:
    first, gone, _ = folders(runs)
    shutil.rmtree(gone)
    shutil.copytree(first, gone)
    expected = f"simulated.ledger: run {gone.name} (entry 3) is missing from disk; in its place is {first.name}"
    assert expected in found(audit(runs))
    assert expected in found(audit_runs([first]))


def test_an_empty_folder_under_the_name_of_a_removed_run_does_not_hide_it(runs: Path) -> None:
    first, gone, _ = folders(runs)
    shutil.rmtree(gone)
    (gone / "evidence").mkdir(parents=True)
    assert any("entry 3) is missing from disk" in text for text in found(audit_runs([first])))


def test_a_bench_alone_audits_its_ledger_and_all_its_runs(
    runs: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    ledger = str(runs / "simulated.ledger")
    assert main(["audit", "--bench", ledger]) == 0
    assert capsys.readouterr().out.endswith("3 runs, 1 ledger: complete and unaltered\n")
    (folders(runs)[1] / "evidence" / "bench.toml").unlink()
    assert main(["audit", "--bench", ledger]) == 4
    assert "evidence/bench.toml: is missing" in capsys.readouterr().out
    assert main(["audit"]) == 2
    assert "--bench" in capsys.readouterr().err


def test_a_bench_alone_leaves_the_runs_of_other_benches_in_its_folder_alone(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = BenchLedger(runs / "pi-1.ledger")
    other.append("safe", run_id=None, confirmed=True, by="status", source="guardian")
    assert main(["audit", "--bench", str(other.path)]) == 0
    assert "0 runs" in capsys.readouterr().out


def test_a_run_removed_from_disk_and_ledger_breaks_the_chain(runs: Path) -> None:
    shutil.rmtree(folders(runs)[1])
    ledger = runs / "simulated.ledger"
    lines = ledger.read_bytes().splitlines(keepends=True)
    ledger.write_bytes(b"".join(lines[:2] + lines[4:]))
    assert found(audit(runs)) == ["simulated.ledger: entries 3 to 4 were removed before line 3"]


@pytest.mark.parametrize("kept", range(6))
def test_a_ledger_cut_off_anywhere_is_noticed_by_the_runs_it_no_longer_knows(runs: Path, kept: int) -> None:
    ledger = runs / "simulated.ledger"
    ledger.write_bytes(b"".join(ledger.read_bytes().splitlines(keepends=True)[:kept]))
    report = audit(runs)
    whole = kept // 2
    assert [bool(each.findings) for each in report.runs] == [number >= whole for number in range(3)]
    assert "simulated.ledger" in report.runs[2].findings[0].what


def test_an_edited_ledger_line_with_its_crc_made_right_is_named_by_its_follower(runs: Path) -> None:
    ledger = runs / "simulated.ledger"
    lines = ledger.read_bytes().splitlines()
    document = json.loads(lines[1])
    document.pop("crc")
    body = json.dumps({**document, "reason": "aborted"}, separators=(",", ":"))[:-1].encode()
    lines[1] = body + b',"crc":"%08x"}' % zlib.crc32(body)
    ledger.write_bytes(b"\n".join(lines) + b"\n")
    assert found(audit(runs)) == ["simulated.ledger: line 2 was changed: line 3 names another SHA-256"]


def test_a_void_run_is_noted_and_its_void_is_bound_to_ledger_and_evidence(runs: Path, run: Path) -> None:
    document = {
        "run_id": run.name,
        "utc": "2026-03-02T08:00:00+00:00",
        "who": "A. Person",
        "why": "wrong vessel",
        "evidence_manifest_sha256": _sha256(run / "evidence" / "manifest.json"),
    }
    void = run / "void.json"
    void.write_text(canonical_text(document))
    assert found(audit(runs)) == ["void.json: was added: simulated.ledger does not say that the run was voided"]
    BenchLedger(runs / "simulated.ledger").append(
        "void", run_id=run.name, who="A. Person", why="wrong vessel", void_sha256=_sha256(void)
    )
    assert not found(audit(runs))
    _rewrite(void, why="no reason")
    assert found(audit(runs)) == ["void.json: was altered: its SHA-256 is not the one in simulated.ledger"]
    void.unlink()
    assert found(audit(runs)) == ["void.json: is missing: simulated.ledger says that the run was voided"]


def test_a_torn_tail_of_a_run_that_was_killed_is_no_fault_and_one_of_a_closed_run_is(runs: Path) -> None:
    run = _broken_off(runs)
    record = run / "evidence" / "record-001.log.gz"
    content = record.read_bytes()
    record.write_bytes(content[:-30])
    assert any("torn" in each.what for each in audit_runs([run]).runs[0].findings)  # the first closing line is whole
    record.write_bytes(content[: len(content) // 2])
    report = audit_runs([run])
    assert not report.runs[0].findings
    assert any("broken off" in each.what for each in report.runs[0].notes)


def test_a_seal_that_was_cut_off_is_noted_in_an_open_run_and_an_added_file_in_a_closed_one(runs: Path) -> None:
    closed = folders(runs)[1]
    run = _broken_off(runs)
    record = run / "evidence" / "record-001.log.gz"
    record.write_bytes(record.read_bytes()[: record.stat().st_size // 2])
    for each in (run, closed):
        (each / "evidence" / "manifest.json.part").write_text("{")
    assert not audit_runs([run]).runs[0].findings
    assert any(each.file == "evidence/manifest.json.part" for each in audit_runs([run]).runs[0].notes)
    assert "evidence/manifest.json.part: was added: no manifest names it" in found(audit_runs([closed]))
    assert main(["runs", "void", str(run), "--why", "it broke off"]) == 0
    assert not audit_runs([run]).runs[0].findings


def _broken_off(runs: Path) -> Path:
    """Return a run as a kill before its seal would have left it, but for the record's tail; without a ledger."""
    (runs / "simulated.ledger").unlink()
    run = folders(runs)[0]
    shutil.rmtree(run / "judgements")
    for name in ("manifest.json", "result.json", "junit.xml", "evidence/manifest.json"):
        (run / name).unlink()
    return run


@pytest.fixture
def resumed(runs: Path) -> Path:
    """Return a run that was killed in the middle of a member and resumed."""
    run = _broken_off(runs)
    record = run / "evidence" / "record-001.log.gz"
    content = record.read_bytes()
    record.write_bytes(content[: len(content) * 2 // 3])
    main(["runs", "resume", str(run), "--no-report", "--quiet", "--why", "test"])
    return run


def test_a_resumed_run_is_whole_with_the_torn_tail_that_its_first_segment_kept(resumed: Path) -> None:
    report = audit_runs([resumed], again=True)
    assert not found(report)
    assert {"manifest.json", "manifest-002.json"} <= {each.name for each in (resumed / "evidence").iterdir()}
    assert any("broken off" in each.what for each in report.runs[0].notes)


@pytest.mark.parametrize("name", ["record-001.log.gz", "record-002.log.gz", "manifest.json", "manifest-002.json"])
def test_what_a_resumed_run_consists_of_can_neither_change_nor_go(resumed: Path, name: str) -> None:
    file = resumed / "evidence" / name
    content = file.read_bytes()
    file.write_bytes(content[:-9] + bytes([content[-9] ^ 1]) + content[-8:])
    assert any(each.startswith(f"evidence/{name}") for each in found(audit_runs([resumed])))
    file.unlink()
    assert any(each.startswith(f"evidence/{name}: is missing") for each in found(audit_runs([resumed])))


def test_a_tail_cut_off_after_the_run_was_resumed_is_named(resumed: Path) -> None:
    record = resumed / "evidence" / "record-001.log.gz"
    record.write_bytes(record.read_bytes()[:-5])
    assert any(each.startswith("evidence/record-001.log.gz: is not what") for each in found(audit_runs([resumed])))


def test_a_last_segment_removed_with_its_manifest_is_noticed_by_the_judgement_that_rests_on_it(resumed: Path) -> None:
    (resumed / "evidence" / "record-002.log.gz").unlink()
    (resumed / "evidence" / "manifest-002.json").unlink()
    said = found(audit_runs([resumed]))
    assert any(each.startswith("judgements/001/manifest.json: does not rest on this record") for each in said)


def _forge(run: Path) -> None:
    """Alter one weighing and make everything in the folder fit again: what a patient attacker does."""
    record = run / "evidence" / "record-001.log.gz"
    previous: bytes | None = None
    forged, changed = b"", False
    for block, text in enumerate(_blocks(record)):
        lines = text.splitlines()[1:]
        for number, line in enumerate(lines):
            if line.startswith("W ") and not changed:
                words = line.split(" ")
                words[3], changed = "0.00100", True
                lines[number] = " ".join(words)
        packer = zlib.compressobj(COMPRESSION_LEVEL, zlib.DEFLATED, GZIP_FORMAT)
        body = heading_line(block, previous) + "\n".join(lines) + "\n"
        member = packer.compress(body.encode()) + packer.flush()
        previous = hashlib.sha256(member).digest()
        forged += member
    assert previous is not None
    head = previous.hex()
    record.write_bytes(forged)
    manifest = run / "evidence" / "manifest.json"
    files = {**json.loads(manifest.read_text())["files"], record.name: _sha256(record)}
    _rewrite(manifest, record_head_sha256=head, files=files)
    judged = run / "judgements" / "001" / "manifest.json"
    _rewrite(judged, record_head_sha256=head, evidence_manifest_sha256=_sha256(manifest))
    _rewrite(
        run / "manifest.json",
        evidence_manifest_sha256=_sha256(manifest),
        judgement_manifest_sha256=_sha256(judged),
    )


def _blocks(record: Path) -> list[str]:
    data, texts = record.read_bytes(), []
    while data:
        unpacker = zlib.decompressobj(31)
        texts.append(unpacker.decompress(data).decode())
        data = unpacker.unused_data
    return texts


def test_a_consistent_forgery_is_found_by_the_bytes_the_ledger_elsewhere_or_the_signature_and_by_nothing_else(
    runs: Path, run: Path
) -> None:
    elsewhere = runs.parent / "elsewhere.ledger"
    shutil.copy(runs / "simulated.ledger", elsewhere)
    _forge(run)
    ledger = runs / "simulated.ledger"
    assert [each for each in found(audit(runs)) if each.startswith("evidence/manifest.json")] == [
        "evidence/manifest.json: was altered: its SHA-256 is not the one in simulated.ledger"
    ]
    ledger.unlink()
    write_ledger(runs)  # the ledger forged, too
    signature = "judgements/001/signatures/001.json: does not fit: the judgement was altered after it was signed"
    assert found(audit(runs)) == [signature]
    shutil.rmtree(run / "judgements" / "001" / "signatures")
    assert not found(audit(runs)), "whoever rewrites everything is not found by what stands in the folder"
    trusted = frozenset({load_public(runs.parent / "key.pub.pem")})
    assert "judgements/001: is not signed, although a trusted key was given" in found(audit(runs, trusted=trusted))
    assert "evidence/manifest.json: was altered: its SHA-256 is not the one in elsewhere.ledger" in found(
        audit_runs([run], ledger=elsewhere)
    )
    said = found(audit(runs, again=True))
    assert len(said) == 1
    assert "says 1.0 mg in steps of 0.01 mg" in said[0]


def test_a_folder_that_is_no_run_is_a_usage_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", str(tmp_path)]) == 2
    assert main(["audit", str(tmp_path / "nothing")]) == 2
    assert capsys.readouterr().err.count("no run is here") == 2


def test_json_and_exit_code_4_name_what_was_found(runs: Path, run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (run / "evidence" / "bench.toml").unlink()
    assert main(["audit", str(run), "--json"]) == 4
    document = json.loads(capsys.readouterr().out)
    assert document["complete_and_unaltered"] is False
    assert "evidence/bench.toml" in [each["file"] for each in document["runs"][0]["findings"]]
    assert main(["audit", str(run)]) == 4
    text = capsys.readouterr().out
    assert f"{run.name}/evidence/bench.toml: is missing; manifest.json names it\n" in text
    assert "NOT complete and unaltered" in text.splitlines()[-1]
