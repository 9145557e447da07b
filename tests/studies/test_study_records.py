"""Records: appended, never edited, readable after a kill."""

from __future__ import annotations

from pathlib import Path

import pytest

from pointillist.errors import OutputError, UnreadableFileError
from pointillist.studies import append_record, read_records
from pointillist.studies.records import hold_records


def test_a_record_says_how_it_came_about(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "records.jsonl"
    append_record(path, {"protocol": "P-x", "miou": 0.5})
    append_record(path, {"protocol": "P-x", "miou": 0.6})
    records = read_records(path)
    assert [record["miou"] for record in records] == [0.5, 0.6]
    assert {"time", "pointillist", "torch", "python", "cpu", "threads"} <= set(records[0])


def test_records_are_json_that_any_program_reads(tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    written = append_record(path, {"miou": 0.5, "recall": [0.5, float("nan"), float("inf")]})
    assert "NaN" not in path.read_text()
    assert written["recall"] == [0.5, None, None]
    assert read_records(path) == [written]


def test_a_line_cut_off_by_a_kill_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    path.write_text('{"miou": 1}\n{"miou": 2}\n{"mio')
    assert [record["miou"] for record in read_records(path)] == [1, 2]


def test_what_comes_after_a_cut_line_starts_a_line_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    path.write_text('{"miou": 1}\n{"mio')
    append_record(path, {"miou": 3})
    assert [record["miou"] for record in read_records(path)] == [1, 3]


def test_a_whole_last_line_without_its_end_stays(tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    path.write_text('{"miou": 1}\n{"miou": 2}')
    append_record(path, {"miou": 3})
    assert [record["miou"] for record in read_records(path)] == [1, 2, 3]


def test_lines_that_are_no_records_are_told(tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    path.write_text('{"miou": 1}\n[1, 2]\n')
    with pytest.raises(UnreadableFileError, match=r"line 2 of .* \(a list where keys and values"):
        read_records(path)
    path.write_bytes(b'{"miou": 1}\n\xff\xfe\n{"miou": 2}\n')
    with pytest.raises(UnreadableFileError, match=r"line 2 of .*or remove that line: its run is"):
        read_records(path)
    path.unlink()
    path.mkdir()
    with pytest.raises(UnreadableFileError, match=r"cannot be read \(Is a directory\)"):
        read_records(path)


def test_a_folder_that_cannot_be_written_to_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for folder in (tmp_path / "file", tmp_path / "file" / "deeper"):
        with pytest.raises(OutputError, match=r"cannot be written to '.+' \(.+\)\. Free .* --rec"):
            append_record(folder / "records.jsonl", {"miou": 1})
        with (
            pytest.raises(OutputError, match=r"cannot be written to '.+' \(.+\)"),
            hold_records(folder),
        ):
            pass


def test_damage_elsewhere_is_told(tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    path.write_text('{"miou": 1}\nnonsense\n{"miou": 2}\n')
    with pytest.raises(UnreadableFileError, match=r"line 2 of .*records\.jsonl' is damaged"):
        read_records(path)


def test_no_records_yet(tmp_path: Path) -> None:
    assert read_records(tmp_path / "none.jsonl") == []
