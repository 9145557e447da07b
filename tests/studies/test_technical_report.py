"""The report: made of the records alone, whole with few of them."""

from __future__ import annotations

import re
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from study_cases import make_records

from pointillist.cli import main
from pointillist.report.document import Subhead, Table, render_html
from pointillist.studies import append_record, find_study
from pointillist.studies.blocks import BlocksCell
from pointillist.studies.classic import ClassicCell
from pointillist.studies.examples import read_examples
from pointillist.studies.findings import gather
from pointillist.studies.panels import draw_panels, share_wrong
from pointillist.studies.report_results import cost_section
from pointillist.studies.report_tables import percent, spread
from pointillist.studies.scene import SceneCell
from pointillist.studies.scene_table import (
    default_gains,
    find_gains,
    main_lines,
    on_shared_seeds,
)
from pointillist.studies.statistics import mean_over_seeds
from pointillist.studies.technical_report import make_document

ROOT = Path(__file__).resolve().parents[2]
RECORDS = ROOT / "studies" / "records"


def test_the_command_makes_report_and_ledger(tmp_path: Path) -> None:
    out, claims = tmp_path / "report.pdf", tmp_path / "claims.md"
    with pytest.raises(SystemExit) as stop:
        main(["report", "--out", str(out), "--records", str(RECORDS)])
    assert not stop.value.code
    assert (tmp_path / "clicks.md").exists()
    assert out.read_bytes().startswith(b"%PDF-")
    page = out.with_suffix(".html").read_text(encoding="utf-8")
    assert "Learning land cover from labelled points" in page
    assert "Is the stated accuracy true?" in page
    assert "<script" not in page
    assert claims.read_text(encoding="utf-8").startswith("# Claims ledger")
    committed = (ROOT / "docs" / "technical_report.html").read_text(encoding="utf-8")
    assert _words(page) == _words(committed), "make it anew: pointillist report"


def _words(page: str) -> list[str]:
    """What a reader reads, without the drawings."""
    return re.sub(r"<style.*?</style>|<svg.*?</svg>|<[^>]*>", " ", page, flags=re.DOTALL).split()


def test_a_folder_that_is_not_there_is_refused_before_any_work(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pointillist.studies.findings.gather", pytest.fail)
    out = tmp_path / "missing" / "report.pdf"
    with pytest.raises(SystemExit) as stop:
        main(["report", "--out", str(out), "--records", str(RECORDS)])
    assert stop.value.code
    said = " ".join(capsys.readouterr().err.split())
    assert "missing' for 'report.pdf' does not exist. Make it first." in said


def test_numbers_come_from_the_records(tmp_path: Path) -> None:
    make_records(find_study("all"), tmp_path, 3, lambda cell: 0.9123 + 0.001 * cell.seed)
    page = render_html(make_document(gather(tmp_path)))
    assert "0.9133" in page
    assert "Sampling strategies, P-classic" in page
    assert "Per class at 200 points per image, 3 seeds" in page


def _score(cell: ClassicCell) -> float:
    """More points are better, points inside things worse by as much as is made up here."""
    worse = {"interior": 0.1, "stratified": -0.01}.get(cell.strategy, 0.0)
    return 0.8 + 0.02 * float(np.log2(cell.points_per_image)) - worse + 0.001 * (cell.seed % 2)


def test_each_design_has_its_own_learning_curve(tmp_path: Path) -> None:
    """Ten per class and fifty per image are both fifty points, and not the same thing."""

    def score(cell: ClassicCell) -> float:
        base = 0.99 if cell.supervision == "full" else 0.98 - 0.4 / cell.points_per_image
        return base + (0.005 if cell.n_points else 0.0) + 0.0001 * cell.seed

    make_records(find_study("all"), tmp_path, 3, score)
    found = gather(tmp_path)
    assert set(found.curves) == {"per class", "per image"}
    ceilings = {design: curve.ceiling for design, curve in found.curves.items()}
    assert ceilings["per class"] == pytest.approx(0.98, abs=5e-4)
    assert ceilings["per image"] == pytest.approx(0.985, abs=5e-4)
    needed = {design: budgets[1].points for design, budgets in found.budgets.items()}
    assert needed["per class"] > 1.5 * needed["per image"]  # for 98 %


def test_the_experiments_are_discussed_with_the_numbers_of_the_records(tmp_path: Path) -> None:
    make_records(find_study("all"), tmp_path, 3, _score)
    page = render_html(make_document(gather(tmp_path))).replace("\N{NO-BREAK SPACE}", " ")
    assert "Each doubling of the points gains +0.0200 from 1 to 5" in page
    assert "are ahead of random ones in 5 of 5 rows" in page
    assert "Interior</em> points" not in page  # twenty times the points mend much of it
    assert "significantly so in none of 5 rows" in page


def test_where_more_interior_points_mend_nothing_it_says_so(tmp_path: Path) -> None:
    def score(cell: ClassicCell) -> float:
        return 0.6 if cell.strategy == "interior" else _score(cell)

    make_records(find_study("all"), tmp_path, 3, score)
    page = render_html(make_document(gather(tmp_path)))
    assert "More of them do not help (mean IoU 0.600 and 0.600)" in page


@pytest.mark.parametrize("study", ["real", "ablation-reduced", "disturbed"])
def test_the_default_recipe_has_a_section_of_its_own(tmp_path: Path, study: str) -> None:
    """Forests and plain networks belong to other studies too, and do not make one."""
    for cell in find_study(study).cells(1):
        record = {"protocol": "P-scene", "cell": asdict(cell), "miou": 0.5, "iou": [0.5] * 5}
        append_record(tmp_path / "scene.jsonl", {**record, "overall_accuracy": 0.6})
    page = render_html(make_document(gather(tmp_path)))
    assert ("The default recipe on real scenes" in page) == (study != "real")
    assert ("Points that are wrong, or off" in page) == (study == "disturbed")
    assert ("Two minutes of a CPU without bf16" in page) == (study != "real")
    assert "Ten minutes on two cores" not in page


def test_without_records_the_report_says_so(tmp_path: Path) -> None:
    findings = gather(tmp_path)
    assert findings.curves == {}
    page = render_html(make_document(findings))
    assert "not measured yet" in page
    assert "Experiment 1: how many points" not in page


def test_records_that_are_left_out_are_told_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_records(find_study("density"), tmp_path, 2, lambda cell: 0.9)
    path = tmp_path / "classic.jsonl"
    newer = (
        path.read_text()
        .splitlines()[0]
        .replace('"P-classic"', '"P-classic", "protocol_version": 9')
    )
    path.write_text(path.read_text() + newer + '\n{"protocol": "P-cl')
    with pytest.raises(SystemExit) as stop:
        main(["report", "--out", str(tmp_path / "r.pdf"), "--claims", str(tmp_path / "c.md"),
              "--clicks", str(tmp_path / "k.md"), "--records", str(tmp_path)])  # fmt: skip
    assert not stop.value.code
    said = capsys.readouterr().err
    assert said.count("because they are of another protocol than P-classic, version 1: 1.") == 1
    assert said.count("was cut off (a run was killed while it wrote)") == 1


def test_no_folder_of_records_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["report", "--out", str(tmp_path / "r.pdf"), "--records", str(tmp_path / "none")])
    assert stop.value.code == 1
    assert "none' does not exist. Check --records" in capsys.readouterr().err.replace("\n", " ")
    assert not (tmp_path / "r.pdf").exists()


def test_other_times_of_labelling(tmp_path: Path) -> None:
    out = tmp_path / "r.pdf"
    with pytest.raises(SystemExit) as stop:
        main(["report", "--out", str(out), "--claims", str(tmp_path / "c.md"), "--records",
              str(tmp_path), "--seconds-per-point", "1", "--minutes-per-mask", "30"])  # fmt: skip
    assert not stop.value.code
    assert "up to 1800 per image" in out.with_suffix(".html").read_text(encoding="utf-8")


def test_examples_are_drawn_without_the_pixels_of_real_scenes() -> None:
    examples = read_examples(RECORDS)
    shown = [e.name.split(",")[0] for e in examples]
    assert shown == ["Classic"] * 3 + ["Terrain"] * 3 + ["dubai2"] * 2
    for example in examples:
        titles = [title for title, _ in draw_panels(example)]
        assert ("image" in titles) == (example.name[:5] != "dubai")
        assert 0 < share_wrong(example) < 0.6
        assert all(png.startswith(b"\x89PNG") for _, png in draw_panels(example))


def test_the_kept_maps_are_those_of_the_scenes_of_today() -> None:
    """A change of the generators would put other scenes beside the maps that are kept."""
    classic = [e for e in read_examples(RECORDS) if e.name.startswith("Classic")]
    assert np.mean([share_wrong(example) for example in classic]) < 0.03


def _scene_records(folder: Path) -> None:
    """The real study with two draws of the forest, and one of the recipes that take long."""
    for cell in find_study("real").cells(2):
        if cell.seed == 1 and cell.recipe != "forest":
            continue
        miou = {"forest": 0.4, "unet": 0.45, "stack": 0.5}[cell.recipe] + 0.3 * cell.seed
        record = {"protocol": "P-scene", "cell": asdict(cell), "miou": miou, "iou": [miou] * 5}
        append_record(folder / "scene.jsonl", {**record, "overall_accuracy": 0.6})


def test_recipes_are_shown_on_the_draws_that_all_have(tmp_path: Path) -> None:
    _scene_records(tmp_path)
    lines = main_lines(gather(tmp_path).evidence.table("real"))
    assert {line.miou.n for line in lines} == {1, 2}
    shared = on_shared_seeds(lines)
    assert {line.miou.n for line in shared} == {1}
    page = render_html(make_document(gather(tmp_path)))
    assert "0.400 / 0.600" in page
    assert "0.550 / 0.600" not in page  # the mean of both draws of the forest
    assert "above the forest in 24 of 24 runs on the same points" in page


def test_gains_have_the_scenes_as_units(tmp_path: Path) -> None:
    _scene_records(tmp_path)
    gain, _ = default_gains(gather(tmp_path).evidence.table("real"))
    assert gain.other == "forest"
    assert (gain.runs, gain.ahead, gain.difference.n) == (24, 24, 4)
    assert gain.difference.value == pytest.approx(0.1)


def test_the_ledger_of_transfer_is_short(tmp_path: Path) -> None:
    """A range for each recipe, not every run by its name."""
    _scene_records(tmp_path)
    (claim,) = [c for c in gather(tmp_path).claims if c.text.startswith("(f)")]
    assert "itself (4 scenes, one draw each): forest 0.400 to 0.400" in claim.measured
    assert "steps" not in claim.measured
    assert len(claim.measured) < 250


def test_a_cost_stands_beside_the_score_of_as_many_simple_points(tmp_path: Path) -> None:
    """Not beside that of points per class, of which there may be fewer."""
    make_records(find_study("all"), tmp_path, 3, lambda cell: 0.7 if cell.n_points is None else 0.8)
    section = cost_section(gather(tmp_path))
    table = next(block for block in section.blocks if isinstance(block, Table))
    assert all(
        str(row[-1]).startswith("0.8000") for row in table.rows if not isinstance(row, Subhead)
    )


def test_percentages_have_no_signed_zero() -> None:
    assert percent(-0.001) == "0 %"
    assert percent(-0.5) == "−50 %"
    assert spread(mean_over_seeds([0.5])) == "0.5000"
    assert spread(mean_over_seeds([0.4, 0.6])) == "0.5000 ± 1.2706"


def test_what_stands_against_the_plain_network_stands_against_the_forest_too(
    tmp_path: Path,
) -> None:
    """`laptop`: four networks gain on both, on the points that both learnt from."""

    scores = {"forest": 0.4, "unet": 0.45, "stack": 0.55}
    for cell in find_study("laptop").cells(1):
        assert isinstance(cell, SceneCell)
        figures = {"miou": scores[cell.recipe], "overall_accuracy": scores[cell.recipe] + 0.2}
        record = {"protocol": "P-scene", "cell": asdict(cell), **figures}
        append_record(tmp_path / "scene.jsonl", record)
    found = {(g.name, g.other): g for g in find_gains(gather(tmp_path).evidence.table("laptop"))}
    assert found["networks, smoothed", "plain network"].difference.value == pytest.approx(0.1)
    assert found["networks, smoothed", "forest"].difference.value == pytest.approx(0.15)
    assert found["networks, smoothed", "forest"].runs == 16
    assert found["smoothed", "forest"].runs == 8
    page = render_html(make_document(gather(tmp_path)))
    assert "it is above the forest in 24 of 24 runs on the same points, by 0.150" in page
    assert "plain network in 24 of 24 runs on the same points, by 0.100" in page
    assert "as the program is now" in page


def test_points_stand_beside_what_full_masks_gave_the_same_network(tmp_path: Path) -> None:
    """`blocks`: the default on every label is its network alone."""
    for cell in find_study("blocks").cells(1):
        assert isinstance(cell, BlocksCell)
        miou = 0.4 if cell.recipe == "stack" else 0.3
        if cell.supervision == "full":
            miou = 0.5 if cell.setting else 0.45
        record = {"protocol": "P-blocks", "cell": asdict(cell), "miou": miou, "iou": [miou] * 5}
        append_record(tmp_path / "blocks.jsonl", {**record, "overall_accuracy": 0.6})
    page = render_html(make_document(gather(tmp_path)))
    table = page[page.index('id="blocks"') :]
    table = table[: table.index("</table>")].replace("\xa0", " ")
    assert table.count("80 %") == 16  # the default on points, twice: as it was and as it is now
    assert table.count("67 %") == 8  # the plain network: of its own full masks
    assert table.count("0.500 / 0.600") == 4
