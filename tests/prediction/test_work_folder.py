from __future__ import annotations

import numpy as np
import pytest

from pointillist.errors import OutputError
from pointillist.legend import Legend
from pointillist.prediction import block_store
from pointillist.prediction.block import BlockPrediction, Wanted
from pointillist.prediction.block_layers import BlockFormat
from pointillist.prediction.leftovers import count_leftovers
from pointillist.prediction.work_folder import FinishedBlocks, WorkFolder, share_files, work_path

JOB = {"model": "m"}


@pytest.fixture
def out(tmp_path):
    return tmp_path / "map.tif"


def _interrupt(out, blocks, go_on=False) -> None:
    """Keep some blocks and leave, as an interrupted run does."""
    with WorkFolder(out, JOB, go_on=go_on) as work:
        for index, values in blocks.items():
            work.add(index, [np.asarray(values, dtype=np.float32)])


def test_blocks_come_back_until_they_are_removed(out) -> None:
    _interrupt(out, {4: [1, 2, 3], 2: [7]})
    assert count_leftovers(out) == 2
    with WorkFolder(out, JOB, go_on=True) as work:
        assert np.frombuffer(work.read(4), np.float32).tolist() == [1, 2, 3]
        work.add_empty(9)
        assert work.read(9) is None
        work.remove()
    assert not work_path(out).exists()
    assert count_leftovers(out) == 0


def test_starting_afresh_forgets(out) -> None:
    _interrupt(out, {0: [1]})
    with WorkFolder(out, JOB, go_on=False) as work:
        assert work.entries == {}
    assert not work_path(out).exists()  # nothing was finished


def test_blocks_of_another_run_are_not_mixed_in(out) -> None:
    """A run that was restarted while this one was at another scene."""
    _interrupt(out, {0: [1]})
    with pytest.raises(OutputError, match="holds blocks of another run"):
        WorkFolder(out, {"model": "other"}, go_on=True)
    assert count_leftovers(out) == 1
    _interrupt(out, {1: [2]}, go_on=True)
    assert count_leftovers(out) == 2


def test_damage_after_the_start_is_found_when_read(out) -> None:
    _interrupt(out, {0: [1, 2]})
    with WorkFolder(out, JOB, go_on=True) as work:
        (work_path(out) / "blocks.bin").write_bytes(b"12345678")
        with pytest.raises(OutputError, match=r"Block 0 of .*map\.tif' reads back damaged"):
            work.read(0)
    with WorkFolder(out, JOB, go_on=True) as work:
        assert 0 not in work.entries
        work.add(0, [np.array([5], dtype=np.float32)])
    with WorkFolder(out, JOB, go_on=True) as work:  # the later line counts
        assert np.frombuffer(work.read(0), np.float32).tolist() == [5]


def test_what_could_be_read_at_last_counts(out) -> None:
    with WorkFolder(out, JOB, go_on=False) as work:
        for index in (0, 1, 2):
            work.add_empty(index, unreadable=True)
    folder = work_path(out) / "shares"
    folder.mkdir()
    for share, blocks in (("a", [0, 1]), ("b", [1])):
        store = block_store.BlockStore(folder / f"{share}.bin", folder / f"{share}.jsonl", out)
        if share == "a":
            store.add_empty(0, unreadable=True)
        for block in blocks[-1:]:
            store.add(block, [np.array([ord(share)], dtype=np.uint8)])
        store.close()
    for kept in (FinishedBlocks(out), FinishedBlocks(out, ["b", "a"])):
        assert {i: e.kind for i, e in kept.entries.items()} == {
            0: "unreadable", 1: "pixels", 2: "unreadable",
        }  # fmt: skip
        assert kept.read(0) is None
        assert bytes(kept.read(1)) in (b"a", b"b")
    assert FinishedBlocks(out, []).read(1) is None
    with pytest.raises(OutputError, match=r"Block 3 of .*map\.tif' was finished, but is not in"):
        kept.read(3)


def test_blocks_that_a_worker_had_no_time_to_tell_of_stay(out) -> None:
    with WorkFolder(out, JOB, go_on=False) as work:
        (work.path / "shares").mkdir()
        store = block_store.BlockStore(*share_files(work.path, "a"), out)
        store.add(5, [np.array([1], dtype=np.uint8)])
        store.close()
        assert work.n_kept == 1
    assert count_leftovers(out) == 1


def test_a_disk_that_fails_later_is_told(out, monkeypatch) -> None:
    def fail(file) -> None:
        raise OSError(28, "No space left on device")

    with WorkFolder(out, JOB, go_on=False) as work:
        work.add_empty(0)
        monkeypatch.setattr(block_store, "sync_file", fail)
        work.begin_finishing()
        work._own._syncing.exception()
        work.begin_finishing()  # the first was still that of the beginning, perhaps
        work._own._syncing.exception()
        with pytest.raises(OutputError, match=r"map\.tif' cannot be written.*No space left"):
            work.begin_finishing()
    assert count_leftovers(out) == 1


def test_no_folder_can_be_made(out, tmp_path) -> None:
    work_path(out).touch()
    with pytest.raises(OutputError, match=r"map\.tif' cannot be written"):
        WorkFolder(out, JOB, go_on=False)


@pytest.mark.parametrize("dtype", ["float32", "uint8"])
@pytest.mark.parametrize("n_classes", [2, 300])
def test_layers_come_back_as_in_the_files(dtype, n_classes, rng) -> None:
    legend = Legend.from_names([f"c{i}" for i in range(n_classes)])
    layers = BlockFormat(legend, Wanted(True, True), dtype)
    shares = rng.random((n_classes, 5, 7), dtype=np.float32)
    shares[:, 0, 0] = np.nan
    index = rng.integers(-1, n_classes, (5, 7)).astype(np.int16)
    given = layers.encode(BlockPrediction(index, shares, shares[0]))
    kept = b"".join(part.tobytes() for part in given.parts)
    found = layers.decode(np.frombuffer(kept, np.uint8), (5, 7))
    np.testing.assert_array_equal(found.codes, legend.to_codes(index))
    for part, back in zip(given.parts, found.parts, strict=True):
        assert part.dtype == back.dtype
        np.testing.assert_array_equal(part, back)
