"""The studies by name. `configs/studies/` holds the same ones as files to start one's own from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from pointillist.data.benchmarks import DATA_SETS
from pointillist.errors import InputError
from pointillist.studies.naming import OURS, REFERENCE
from pointillist.studies.places import DUBAI
from pointillist.studies.plan import (
    RowsConfig,
    Study,
    StudyConfig,
    make_study,
    merge_studies,
    read_study,
)
from pointillist.studies.settings import FOR_DISTURBED, FOR_LONG, SETTINGS

# Steps that ten minutes allow on 2 cores with AVX-512 BF16 and no AMX (measured on dubai8).
STEPS_OF_TEN_MINUTES = 1993
# A network with the slim encoder takes four steps, at least, in the time of one of the large one:
# 8.3 on one thread in float32 (measured); bf16 speeds the large one up by 1.7.
SLIM_STEPS_OF_TEN_MINUTES = 4 * STEPS_OF_TEN_MINUTES
# Steps in two minutes of CPU time, both on the other kind of laptop: one thread of an AMD EPYC
# without AVX-512 and bf16 takes 283 ms for one of the slim network, 2338 ms for one of the large.
SLIM_STEPS_OF_TWO_MINUTES, _STEPS_OF_TWO_MINUTES = 424, 51
# In ten minutes on both cores of that laptop (649 were counted in two).
_SLIM_STEPS_ON_TWO_PLAIN_CORES = 8 * SLIM_STEPS_OF_TWO_MINUTES
_BARE = "random start, natural draw"
_PER_CLASS = [1, 5, 10, 20, 50]
_PER_IMAGE = [50, 200, 500, 1000]
_SAMPLED = [1, 2, 5, 10, 20]
_FINAL: dict[str, Any] = {"n_points": 200}


def _density() -> StudyConfig:
    return StudyConfig(
        name="density",
        title="Point density: random points per class, and simple random points per image",
        rows=[
            RowsConfig(cells={"n_per_class": _PER_CLASS, **OURS}),
            RowsConfig(cells={"n_points": _PER_IMAGE, **OURS}),
        ],
    )


def _sampling() -> StudyConfig:
    per_class = {"strategy": "random"}
    totals = [5 * n for n in _SAMPLED]
    return StudyConfig(
        name="sampling",
        title="Sampling strategy, each against as many random points per class",
        rows=[
            RowsConfig(cells={"n_per_class": _SAMPLED, **OURS}),
            RowsConfig(
                cells={"n_points": totals, **OURS},
                against={"n_points": None, "n_per_class": _SAMPLED},
            ),
            *(
                RowsConfig(
                    cells={"strategy": strategy, "n_per_class": _SAMPLED, **OURS},
                    against=per_class,
                )
                for strategy in ("stratified", "interior", "pseudo-stratified")
            ),
        ],
    )


def _baselines(weights: str | None = None) -> StudyConfig:
    ours = {**_FINAL, **OURS}
    against_ours = {**dict.fromkeys(("supervision", "recipe")), **OURS}
    plain = {"batch_size": 4, "weight_decay": 1e-2, "optimizer": None, "flips": None, **OURS}
    per_class = {"n_per_class": [1, 5, 10, 20, 50]}
    rows = [
        RowsConfig(cells=ours),
        RowsConfig(cells={"supervision": "full", **ours}, against={"supervision": None}),
        RowsConfig(cells=ours, figures="single_view", against={}),
        RowsConfig(cells=_FINAL, against=OURS),
        RowsConfig(cells={**_FINAL, **REFERENCE}, against=plain),
        RowsConfig(
            cells={"supervision": "full", **_FINAL, **REFERENCE}, against={"supervision": None}
        ),
        RowsConfig(cells={"batch_size": 2, **ours}, against={"batch_size": 4}),
        RowsConfig(
            cells={"supervision": "full", "batch_size": 2, **ours}, against={"supervision": None}
        ),
        RowsConfig(
            cells={"recipe": ["forest-pixels", "forest"], **_FINAL}, against=against_ours
        ),
        RowsConfig(cells={"recipe": ["forest-pixels", "forest"], "n_per_class": 50}),
        RowsConfig(cells={"recipe": "stack", **_FINAL}, against=against_ours),
        RowsConfig(cells=per_class),
        RowsConfig(cells={**per_class, **OURS}),
        RowsConfig(cells={"recipe": "stack", **per_class}, against={"recipe": None, **OURS}),
    ]  # fmt: skip
    if weights is not None:
        rows += [
            RowsConfig(cells={"weights": weights, **ours}, against={"weights": None}),
            RowsConfig(
                cells={"weights": weights, **_FINAL, **REFERENCE}, against={"weights": None}
            ),
        ]
    return StudyConfig(
        name="baselines", title="Baselines at 200 simple random points per image", rows=rows
    )


def _perclass() -> StudyConfig:
    return StudyConfig(
        name="perclass",
        title="Per class, 200 simple random points per image",
        rows=[
            RowsConfig(cells={**_FINAL, **OURS}),
            RowsConfig(cells={"supervision": "full", **_FINAL, **OURS}),
        ],
    )


def _transfer() -> StudyConfig:
    ours = {**_FINAL, **OURS}
    terrain = {"tested_on": "terrain"}
    both = {"trained_on": "terrain", **terrain}
    fourth, forest = {"scene": list(DUBAI)}, {"recipe": "forest", "class_shares": None}
    network = {"recipe": "unet", "steps": STEPS_OF_TEN_MINUTES}
    default = _default_cells(fourth, SLIM_STEPS_OF_TEN_MINUTES)
    return StudyConfig(
        name="transfer",
        title="From classic scenes to terrain, and from three Dubai scenes to the fourth",
        rows=[
            RowsConfig(cells={**ours, **both}),
            RowsConfig(cells={**ours, **terrain}, against={"trained_on": "terrain"}),
            RowsConfig(cells={"recipe": "forest", **_FINAL, **both}),
            RowsConfig(
                cells={"recipe": "forest", **_FINAL, **terrain}, against={"trained_on": "terrain"}
            ),
            *(
                RowsConfig(protocol="P-transfer", cells=cells, against=against, most_seeds=3)
                for cells, against in (
                    ({**fourth, **forest}, None),
                    ({**fourth, **network}, {**forest, "steps": None}),
                    (default, {**forest, "steps": None, "setting": None}),
                )
            ),
        ],
    )


def _real() -> StudyConfig:
    points = {"scene": list(DUBAI), "n_points": [100, 300, 1000], "design": ["simple", "balanced"]}
    uncorrected = {**points, "design": "balanced", "recipe": "forest"}
    return StudyConfig(
        name="real",
        title="P-scene: points on one Dubai scene, the whole scene scored",
        seeds=3,
        rows=[
            *_recipe_rows(points, SLIM_STEPS_OF_TEN_MINUTES, STEPS_OF_TEN_MINUTES),
            _scene_rows(uncorrected, {"class_shares": "auto"}),
        ],
    )


def _ablation() -> StudyConfig:
    points = {"scene": list(DUBAI), "n_points": [100, 300, 1000], "design": ["simple", "balanced"]}
    slim = SLIM_STEPS_OF_TEN_MINUTES
    return StudyConfig(
        name="ablation",
        title="P-scene, ten minutes: what each ingredient of the default recipe is worth",
        seeds=3,
        rows=[
            *_ablation_rows(points, slim, STEPS_OF_TEN_MINUTES),
            _other_setting(_default_cells(points, slim), list(FOR_LONG)),
        ],
    )


def _ensemble() -> StudyConfig:
    all_sizes = {"scene": ["dubai1", "dubai2"], "n_points": [1000, 300, 100], "design": "simple"}
    balanced = {"scene": ["dubai1", "dubai2"], "n_points": 300, "design": "balanced"}
    others = {"scene": ["dubai4", "dubai8"], "n_points": 300, "design": "simple"}
    forest = {"recipe": "forest", "class_shares": "auto", "steps": None, "setting": None}
    rows = []
    for points in (all_sizes, balanced, others):
        longer = _default_cells(points, SLIM_STEPS_OF_TEN_MINUTES)
        networks = {**longer, "steps": _SLIM_STEPS_ON_TWO_PLAIN_CORES, "setting": "networks"}
        rows += [
            _scene_rows({**points, "recipe": "forest", "class_shares": "auto"}, None),
            _scene_rows(longer, forest),
            _scene_rows(networks, {"setting": "default", "steps": SLIM_STEPS_OF_TEN_MINUTES}),
        ]
    return StudyConfig(
        name="ensemble",
        title="P-scene: four networks share ten minutes of a plain CPU; one has twice the steps",
        seeds=1,
        rows=rows,
    )


def _laptop() -> StudyConfig:
    """Up to 300 points `auto` trains four networks there, with 1000 one."""
    scenes, designs = {"scene": list(DUBAI)}, {"design": ["simple", "balanced"]}
    plain = {"recipe": "unet", "steps": STEPS_OF_TEN_MINUTES, "class_shares": None, "setting": None}
    rows = []
    for n_points, setting in (([300, 100], "networks, smoothed"), (1000, "smoothed")):
        points = {**scenes, "n_points": n_points, **designs}
        now = {**_default_cells(points, _SLIM_STEPS_ON_TWO_PLAIN_CORES), "setting": setting}
        rows += [
            _scene_rows({**points, "recipe": "forest", "class_shares": "auto"}, None),
            _scene_rows({**points, "recipe": "unet", "steps": STEPS_OF_TEN_MINUTES}, None),
            _scene_rows(now, plain),
        ]
    return StudyConfig(
        name="laptop",
        title="P-scene: what the default recipe does in ten minutes of two plain cores",
        seeds=3,
        rows=rows,
    )


def _ablation_reduced() -> StudyConfig:
    steps = SLIM_STEPS_OF_TWO_MINUTES, _STEPS_OF_TWO_MINUTES
    taken_apart = {"scene": ["dubai1", "dubai2"], "n_points": 300, "design": ["simple", "balanced"]}
    whole = {"scene": ["dubai4", "dubai8"], "n_points": 300, "design": "simple"}
    fewer_and_more = {"scene": ["dubai1", "dubai2"], "n_points": [100, 1000], "design": "simple"}
    return StudyConfig(
        name="ablation-reduced",
        title="P-scene, two minutes of a plain CPU: what each ingredient is worth on two scenes",
        seeds=2,
        rows=[
            *_recipe_rows(whole, *steps),
            *_recipe_rows(fewer_and_more, *steps, with_plain=False),
            *_ablation_rows(taken_apart, *steps),
            _other_setting(_default_cells(whole, steps[0]), ["random start", "smoothed"]),
            _other_setting(_default_cells(fewer_and_more, steps[0]), "smoothed"),
        ],
    )


def _ablation_rows(points: dict[str, Any], slim: int, large: int) -> list[RowsConfig]:
    """Rows of `_recipe_rows`, and the default with one thing otherwise."""
    default = _default_cells(points, slim)
    apart = ("default", "large encoder", _BARE, *FOR_DISTURBED, *FOR_LONG)
    others = [name for name in SETTINGS if name not in apart]
    against = {key: value for key, value in default.items() if key not in points}
    return [
        *_recipe_rows(points, slim, large),
        _other_setting(default, others),
        _other_setting(default, _BARE, against="random start"),
        _scene_rows({**default, "recipe": "unet"}, against),
        _scene_rows({**default, "steps": large, "setting": "large encoder"}, against),
    ]


def _other_setting(
    default: dict[str, Any], setting: str | list[str], against: str = "default"
) -> RowsConfig:
    return _scene_rows({**default, "setting": setting}, {"setting": against})


def _recipe_rows(
    points: dict[str, Any], slim: int, large: int, *, with_plain: bool = True
) -> list[RowsConfig]:
    """The forest, the plain network and the default recipe.

    Args:
        points: Scenes, points and designs.
        slim: Steps of the slim network.
        large: Steps of the ResNet-34 that take as long.
        with_plain: Whether the plain network is wanted.
    """
    forest = {"recipe": "forest", "class_shares": "auto"}
    plain = {**points, "recipe": "unet", "steps": large}
    return [
        _scene_rows({**points, **forest}, None),
        _scene_rows(_default_cells(points, slim), forest | {"steps": None, "setting": None}),
        *([_scene_rows(plain, {**forest, "steps": None})] if with_plain else []),
    ]


def _default_cells(points: dict[str, Any], slim: int) -> dict[str, Any]:
    return {
        **points, "recipe": "stack", "steps": slim, "class_shares": "auto", "setting": "default",
    }  # fmt: skip


def _scene_rows(cells: dict[str, Any], against: dict[str, Any] | None) -> RowsConfig:
    return RowsConfig(protocol="P-scene", cells=cells, against=against)


def _disturbed() -> StudyConfig:
    points = {"scene": ["dubai1", "dubai2"], "n_points": 300, "design": "simple"}
    default = _default_cells(points, SLIM_STEPS_OF_TWO_MINUTES)
    forest = {**points, "recipe": "forest", "class_shares": "auto"}
    wrong, off = {"wrong_share": 0.1}, {"off_px": 2.0}
    clean, untold = {"wrong_share": None, "off_px": None}, {"setting": "default"}
    return StudyConfig(
        name="disturbed",
        title="P-scene, two minutes: wrong points, points off by two pixels, and what is done",
        seeds=2,
        rows=[
            _scene_rows(forest, None),
            _scene_rows({**forest, **wrong}, {"wrong_share": None}),
            _scene_rows({**forest, **off}, {"off_px": None}),
            _scene_rows(default, None),
            _scene_rows({**default, **wrong}, clean),
            _scene_rows({**default, **wrong, "setting": "label noise"}, untold),
            _scene_rows({**default, **off}, clean),
            _scene_rows({**default, **off, "setting": "point radius"}, untold),
        ],
    )


def _blocks() -> StudyConfig:
    given = {"scene": list(DUBAI)}
    full = {"supervision": "full"}
    # the fully supervised are trained longer, so that they have converged
    plain = {"recipe": "unet", "steps": STEPS_OF_TEN_MINUTES, "setting": "large encoder"}
    ours = {"recipe": "unet", "steps": SLIM_STEPS_OF_TEN_MINUTES, "setting": "default"}
    longer = {"steps": 3 * STEPS_OF_TEN_MINUTES}, {"steps": 3 * SLIM_STEPS_OF_TEN_MINUTES}
    stack = {**ours, "recipe": "stack", "class_shares": "auto"}
    now = {**stack, "steps": _SLIM_STEPS_ON_TWO_PLAIN_CORES}
    rows = [
        {**given, **full, **plain, **longer[0], "setting": None},
        {**given, **full, **ours, **longer[1]},
        {**given, "n_points": [300, 1000], **plain, "setting": None},
        {**given, "n_points": [300, 1000], **ours},
        {**given, "n_points": [300, 1000], **stack},
        {**given, "n_points": 300, **now, "setting": "networks, smoothed"},
        {**given, "n_points": 1000, **now, "setting": "smoothed"},
    ]
    return StudyConfig(
        name="blocks",
        title="P-blocks: labels of the even squares of a checkerboard, the odd ones scored",
        seeds=3,
        rows=[RowsConfig(protocol="P-blocks", cells=cells) for cells in rows],
    )


def _accuracy() -> StudyConfig:
    from pointillist.studies.coverage import DESIGNS

    rows = []
    for scene in DUBAI:  # one after the other: its rows share a map
        for design in DESIGNS:
            cells = {"scene": scene, "design": design, "n_points": [300, 1000]}
            rows.append(RowsConfig(protocol="P-accuracy", cells=cells))
        if scene in DUBAI[:2]:
            turned = {"scene": scene, "design": "systematic", "n_points": 1000}
            for change in ({"turn_deg": [10.0, 25.0, 45.0]}, {"stretch": [0.93, 1.07]}):
                # does a grid that keeps step with the streets mislead, and which way out helps?
                rows.append(RowsConfig(protocol="P-accuracy", cells={**turned, **change}))
    return StudyConfig(
        name="accuracy",
        title="P-accuracy: 10,000 reference samples of one map, judged against its census",
        seeds=1,
        rows=rows,
    )


def _clicks() -> StudyConfig:
    against = {"chosen_by": "random", "n_points": 1000}
    rows = []
    for scene in (*DUBAI, "terrain"):  # one after the other: its runs share their features
        given = {"scene": scene}
        chosen = ["margin", "entropy", "diverse", "spread", "oracle"]
        rows += [
            RowsConfig(protocol="P-clicks", cells={**given, **against, "unsure_px": [0, 2]}),
            RowsConfig(protocol="P-clicks", cells={**given, "chosen_by": chosen}, against=against),
            RowsConfig(
                protocol="P-clicks",
                cells={**given, "chosen_by": "margin", "unsure_px": 2},
                against=against,
            ),
        ]
    return StudyConfig(
        name="clicks",
        title="P-clicks: where to click next, against random placement",
        seeds=3,
        rows=rows,
    )


def _benchmark(name: str) -> StudyConfig:
    given = {"data": name}
    return StudyConfig(
        name=name,
        title=f"P-benchmark on {name}: simulated points, full masks of the test split",
        seeds=3,
        rows=[
            RowsConfig(protocol="P-benchmark", cells={**given, "n_per_class": [5, 10, 50]}),
            RowsConfig(protocol="P-benchmark", cells={**given, "n_points": 200}),
            RowsConfig(protocol="P-benchmark", cells={**given, "supervision": "full"}),
        ],
    )


_CONFIGS: dict[str, Callable[[], StudyConfig]] = {
    "density": _density,
    "sampling": _sampling,
    "baselines": _baselines,
    "perclass": _perclass,
    "transfer": _transfer,
    "real": _real,
    "ablation": _ablation,
    "ablation-reduced": _ablation_reduced,
    "ensemble": _ensemble,
    "laptop": _laptop,
    "disturbed": _disturbed,
    "blocks": _blocks,
    "accuracy": _accuracy,
    "clicks": _clicks,
}
STUDIES = (*_CONFIGS, "all")
"""Names of the studies; those of the published data sets come to them."""


def study_config(name: str, weights: str | None = None) -> StudyConfig:
    """The configuration of a named study.

    Args:
        name: One of `STUDIES` but `all`, or of `DATA_SETS`.
        weights: Name of a file of weights, for two rows more of `baselines`.
    """
    if name == "baselines":
        return _baselines(weights)
    return _CONFIGS[name]() if name in _CONFIGS else _benchmark(name)


def find_study(name: str, weights: str | None = None) -> Study:
    """A study by its name, or of a YAML file.

    Args:
        name: One of `STUDIES` or `DATA_SETS`, or the path of a `.yaml` file.
        weights: Name of a file of weights, for two rows more of `baselines`.

    Raises:
        InputError: No such study.
        ConfigError: The file is no study.
    """
    if name.endswith((".yaml", ".yml")):
        return make_study(read_study(Path(name)))
    if name == "all":
        parts = [make_study(study_config(part, weights)) for part in _CONFIGS]
        return merge_studies("all", "All studies on generated and Dubai scenes", parts)
    if name not in _CONFIGS and name not in DATA_SETS:
        raise InputError(
            f"Expected a study of {', '.join(STUDIES)}, a data set of {', '.join(DATA_SETS)}, "
            f"or a .yaml file, got '{name}'."
        )
    return make_study(study_config(name, weights))
