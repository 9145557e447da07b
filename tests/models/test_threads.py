"""As many threads as there are free cores."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest
import torch

from pointillist.models import free_cores_only, threads


@pytest.fixture(autouse=True)
def eight_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(psutil, "cpu_count", lambda: 8)
    monkeypatch.setattr(threads, "allowed_cores", lambda: 8.0)


def _busy(monkeypatch: pytest.MonkeyPatch, percent: float) -> None:
    monkeypatch.setattr(psutil, "cpu_percent", lambda interval: percent)


@pytest.mark.parametrize(("percent", "free"), [(0, 8), (3, 8), (40, 5), (100, 1)])
def test_busy_cores_are_left_alone(monkeypatch, percent, free) -> None:
    _busy(monkeypatch, percent)
    assert threads.count_free_cores() == free


def test_threads_are_fewer_for_a_while_and_it_is_told(monkeypatch) -> None:
    before = torch.get_num_threads()
    monkeypatch.setattr(torch, "get_num_threads", lambda: 8)
    given: list[int] = []
    monkeypatch.setattr(torch, "set_num_threads", given.append)
    _busy(monkeypatch, 50)
    said: list[str] = []
    with free_cores_only(said.append) as n:
        assert n == 4
    assert given == [4, 8]
    assert "keep 4 of 8 cores busy: 4 threads are used" in said[0]
    assert before >= 1


def test_a_number_set_by_the_user_is_kept(monkeypatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "8")
    monkeypatch.setattr(torch, "get_num_threads", lambda: 8)
    monkeypatch.setattr(torch, "set_num_threads", lambda n: None)
    _busy(monkeypatch, 100)
    said: list[str] = []
    with free_cores_only(said.append) as n:
        assert n == 8
    assert said == []


def test_the_quota_of_a_container_counts(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.undo()
    quota = tmp_path / "cpu.max"
    quota.write_text("50000 100000\n")
    assert threads.allowed_cores(quota) == 0.5
    quota.write_text("max 100000\n")
    assert threads.allowed_cores(quota) >= 1
    assert threads.allowed_cores(tmp_path / "none") >= 1
